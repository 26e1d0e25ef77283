//! The files of `tests/vectors`: bytes that a client or an upstream sends, and what must come of
//! them. All go through one strict and one lenient proxy, over sockets and at once.

mod requests;
mod responses;

use std::{fmt::Debug, fs, path::Path, thread};

use serde::{Deserialize, de::DeserializeOwned};

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Connection {
    /// It serves another request.
    Kept,
    /// It ends after what was expected, and says so before where it can.
    #[default]
    Closed,
    /// It ends after what was expected, though nothing said so.
    Dropped,
}

/// The vectors of a folder, with the file's name before each name.
fn load<V: DeserializeOwned + Named>(folder: &str) -> Vec<V> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File<V> {
        vector: Vec<V>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = toml::from_str::<File<V>>(&fs::read_to_string(&path).unwrap());
        let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for mut vector in file.vector {
            let name = vector.name();
            *name = format!("{}: {name}", path.file_stem().unwrap().display());
            vectors.push(vector);
        }
    }
    vectors
}

trait Named {
    fn name(&mut self) -> &mut String;
}

/// Runs something on every item at once, and says where it failed.
fn all<I: Send, R>(items: Vec<(String, I)>, run: R)
where
    R: Fn(I) -> Result<(), String> + Sync,
{
    let run = &run;
    let failures: Vec<String> = thread::scope(|scope| {
        let started = items.into_iter().map(|(name, item)| (name, scope.spawn(move || run(item))));
        let started: Vec<_> = started.collect();
        let ended = started.into_iter().map(|(name, thread)| match thread.join() {
            Ok(result) => result.map_err(|why| format!("{name}\n{why}")),
            Err(_) => Err(format!("{name}\npanicked, as said above")),
        });
        ended.filter_map(Result::err).collect()
    });
    assert!(failures.is_empty(), "{} failed\n\n{}", failures.len(), failures.join("\n\n"));
}

fn same<T: PartialEq + Debug>(what: &str, is: &T, should_be: &T) -> Result<(), String> {
    match is == should_be {
        true => Ok(()),
        false => Err(format!("  {what} is\n    {is:?}\n  and should be\n    {should_be:?}")),
    }
}

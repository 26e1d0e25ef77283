//! Message files: what an `href` names, and how it is read.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// The largest message file, in bytes.
pub const MAX_MESSAGE_FILE: u64 = 1 << 20;

/// The file that an `href` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where the file is.
    pub path: PathBuf,
    /// The directory that it may not lie outside of: a path stays beside the rules file, only a
    /// `file:` URI leads elsewhere.
    pub within: Option<PathBuf>,
}

/// Why an `href` cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum HrefError {
    /// It is empty.
    Empty,
    /// It has a scheme other than `file`.
    Scheme(String),
    /// It is an absolute path without scheme.
    Absolute,
    /// It names a host.
    Authority(String),
    /// It is a `file:` URI without an absolute path.
    RelativeUri,
    /// It has a query or a fragment.
    Suffix,
    /// It holds a character that no URI holds.
    Character(char),
    /// A percent sign is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    Encoding,
    /// The path leads out of the directory of the rules file.
    Outside(PathBuf),
    /// The file could not be read.
    Unreadable(PathBuf, io::Error),
    /// It is something else than a regular file.
    NotAFile(PathBuf),
    /// It is larger than allowed.
    TooLarge(PathBuf, u64),
    /// It is not UTF-8.
    NotUtf8(PathBuf, usize),
}

/// Reads files for the loader. A seam for embedders who keep messages elsewhere.
pub trait Files {
    /// The content of a message file.
    fn read(&mut self, target: &Target) -> Result<String, HrefError>;
}

/// Files on disk. Remembers every path that was asked for, so that it can be watched.
#[derive(Debug, Default)]
pub struct Disk {
    /// The paths in the order of asking, each once.
    pub asked: Vec<PathBuf>,
    /// What each was found to hold. `None`: it was not read, or not the same each time.
    digests: HashMap<PathBuf, Option<Digest>>,
}

/// What a file was found to hold, hashed; equal where that was the same, in one build of Retort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Target {
    /// Reads an `href`: a `file:` URI (RFC 8089), or a path relative to `base`, the directory of
    /// the rules file.
    pub fn new(href: &str, base: &Path) -> Result<Self, HrefError> {
        if href.is_empty() {
            return Err(HrefError::Empty);
        }
        match scheme(href) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
                Ok(Self { path: uri_path(rest)?, within: None })
            }
            Some((scheme, _)) => Err(HrefError::Scheme(scheme.to_owned())),
            None if Path::new(href).is_absolute() => Err(HrefError::Absolute),
            None => {
                let path = base.join(href);
                match climbs_out(Path::new(href)) {
                    true => Err(HrefError::Outside(path)),
                    false => Ok(Self { path, within: Some(base.to_owned()) }),
                }
            }
        }
    }
}

impl Files for Disk {
    fn read(&mut self, target: &Target) -> Result<String, HrefError> {
        let before = self.digests.insert(target.path.clone(), None);
        if before.is_none() {
            self.asked.push(target.path.clone());
        }
        let unreadable = |error| HrefError::Unreadable(target.path.clone(), error);
        let real = target.path.canonicalize().map_err(unreadable)?;
        if let Some(within) = &target.within {
            // A base of no components is the working directory.
            let base = if within.as_os_str().is_empty() { Path::new(".") } else { within };
            if !real.starts_with(base.canonicalize().map_err(unreadable)?) {
                return Err(HrefError::Outside(target.path.clone()));
            }
        }
        let bytes = read_bounded(&real, MAX_MESSAGE_FILE);
        let digest = bytes.is_ok().then(|| Digest::of(&bytes));
        if before.is_none_or(|before| before == digest) {
            self.digests.insert(target.path.clone(), digest);
        }
        let bytes = bytes.map_err(|error| match error {
            ReadError::Io(error) => HrefError::Unreadable(target.path.clone(), error),
            ReadError::NotAFile => HrefError::NotAFile(target.path.clone()),
            ReadError::TooLarge(limit) => HrefError::TooLarge(target.path.clone(), limit),
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|error| HrefError::NotUtf8(target.path.clone(), error.utf8_error().valid_up_to()))?;
        Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    Io(io::Error),
    NotAFile,
    TooLarge(u64),
}

impl Disk {
    /// What every file that was asked for held. `None`: not each of them was read, or they were
    /// not the same each time.
    pub(crate) fn digests(&self) -> Option<Vec<Digest>> {
        self.asked.iter().map(|path| self.digests.get(path).copied().flatten()).collect()
    }
}

impl Digest {
    /// Of what came of reading a file.
    pub(crate) fn of(read: &Result<Vec<u8>, ReadError>) -> Self {
        let mut hasher = DefaultHasher::new();
        match read {
            Ok(bytes) => ("bytes", bytes).hash(&mut hasher),
            Err(ReadError::Io(error)) => ("error", error.kind()).hash(&mut hasher),
            Err(ReadError::NotAFile) => "not a file".hash(&mut hasher),
            Err(ReadError::TooLarge(_)) => "too large".hash(&mut hasher),
        }
        Self(hasher.finish())
    }
}

/// Reads a regular file of at most `limit` bytes. Nothing that could block is opened.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    if !fs::metadata(path).map_err(ReadError::Io)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(ReadError::Io)?;
    match bytes.len() as u64 > limit {
        true => Err(ReadError::TooLarge(limit)),
        false => Ok(bytes),
    }
}

/// A scheme and what follows its colon. One letter is no scheme but a drive.
fn scheme(href: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = href.split_once(':')?;
    let named = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    named.then_some((scheme, rest))
}

/// The path of a `file:` URI; `rest` follows the colon.
fn uri_path(rest: &str) -> Result<PathBuf, HrefError> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let slash = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(slash);
            if !authority.is_empty() && !authority.eq_ignore_ascii_case("localhost") {
                return Err(HrefError::Authority(authority.to_owned()));
            }
            path
        }
    };
    if path.contains(['?', '#']) {
        return Err(HrefError::Suffix);
    }
    let foreign = |c: &char| c.is_ascii_control() || *c == ' ' || "\"<>\\^`{|}".contains(*c);
    if let Some(c) = path.chars().find(foreign) {
        return Err(HrefError::Character(c));
    }
    if !path.starts_with('/') {
        return Err(HrefError::RelativeUri);
    }
    percent_decode(path).map(PathBuf::from).ok_or(HrefError::Encoding)
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Whether a relative path leads above where it begins.
fn climbs_out(path: &Path) -> bool {
    let mut depth = 0i32;
    path.components().any(|component| {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            _ => {}
        }
        depth < 0
    })
}

impl fmt::Display for HrefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HrefError::Empty => write!(f, "`href` is empty"),
            HrefError::Scheme(scheme) => write!(f, "`href` names a `{scheme}:` address, not a file"),
            HrefError::Absolute => write!(f, "`href` is an absolute path"),
            HrefError::Authority(host) => write!(f, "`href` names the host `{host}`"),
            HrefError::RelativeUri => write!(f, "`href` is a `file:` URI without an absolute path"),
            HrefError::Suffix => write!(f, "`href` has a query or a fragment"),
            HrefError::Character(c) => write!(f, "`href` holds {c:?}, which no URI holds"),
            HrefError::Encoding => write!(f, "`href` is not percent-encoded UTF-8"),
            HrefError::Outside(path) => {
                write!(f, "message file {} is not below the directory of the rules file", path.display())
            }
            HrefError::Unreadable(path, error) => {
                write!(f, "cannot read message file {}: {error}", path.display())
            }
            HrefError::NotAFile(path) => write!(f, "message file {} is not a regular file", path.display()),
            HrefError::TooLarge(path, limit) => {
                write!(f, "message file {} is larger than {limit} bytes", path.display())
            }
            HrefError::NotUtf8(path, at) => {
                write!(f, "message file {} is not UTF-8: byte {at} is invalid", path.display())
            }
        }
    }
}

impl std::error::Error for HrefError {}

impl HrefError {
    /// How to mend it.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            HrefError::Empty | HrefError::Scheme(_) => {
                "name a file: `file:///etc/retort/limit.txt`, or a path relative to the rules file"
            }
            HrefError::Absolute => "write it as a URI: `file:///…`",
            HrefError::Authority(_) => "a file of this machine is written `file:///path`, with three slashes",
            HrefError::RelativeUri => "leave out `file:` for a path relative to the rules file",
            HrefError::Suffix => "write `?` as %3F and `#` as %23",
            HrefError::Character(' ') => "write a space as %20",
            HrefError::Character(_) => "write the character percent-encoded",
            HrefError::Encoding => "write a percent sign as %25",
            HrefError::Outside(_) => "only a `file:` URI may name a file elsewhere",
            HrefError::Unreadable(..) | HrefError::NotAFile(_) | HrefError::TooLarge(..) => return None,
            HrefError::NotUtf8(..) => {
                "messages are UTF-8: convert the file, with `iconv -t UTF-8` for example"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(href: &str) -> String {
        match Target::new(href, Path::new("/rules")) {
            Ok(target) => target.path.display().to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn uris() {
        assert_eq!(path("file:///a/b.txt"), "/a/b.txt");
        assert_eq!(path("file:/a/b.txt"), "/a/b.txt");
        assert_eq!(path("FILE://localhost/a/b.txt"), "/a/b.txt");
        assert_eq!(path("file:////a/b.txt"), "//a/b.txt");
        assert_eq!(path("file:///a%20b/%C3%A9"), "/a b/é");
        assert_eq!(path("file:///a b"), "error: `href` holds ' ', which no URI holds");
        assert_eq!(path("file:///a%2"), "error: `href` is not percent-encoded UTF-8");
        assert_eq!(path("file:///a%00"), "error: `href` is not percent-encoded UTF-8");
        assert_eq!(path("file:///a?b"), "error: `href` has a query or a fragment");
        assert_eq!(path("file://host/a"), "error: `href` names the host `host`");
        assert_eq!(path("file:a"), "error: `href` is a `file:` URI without an absolute path");
        assert_eq!(path("http://host/a"), "error: `href` names a `http:` address, not a file");
    }

    #[test]
    fn paths() {
        assert_eq!(path("messages/a b.txt"), "/rules/messages/a b.txt");
        assert_eq!(path("a/../b.txt"), "/rules/a/../b.txt");
        assert_eq!(
            path("../b.txt"),
            "error: message file /rules/../b.txt is not below the directory of the rules file"
        );
        assert_eq!(path("/b.txt"), "error: `href` is an absolute path");
        assert_eq!(path(""), "error: `href` is empty");
    }
}

//! Files that are mounted by themselves, as Kubernetes does it with `subPath`: what replaces them
//! outside is not seen inside.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use tracing::info;

use super::{TARGET, way::Way};

/// Says which of these files are mounted so.
pub(super) fn warn_of(files: &[PathBuf]) {
    let points = points();
    for file in files {
        if Way::to(file).end().is_some_and(|end| points.contains(&end)) {
            info!(
                target: TARGET, file = %file.display(),
                "is mounted by itself, so a file put in its place outside will not be seen; \
                 mount its directory instead"
            );
        }
    }
}

/// The paths on which something is mounted; none where the system does not tell.
fn points() -> Vec<PathBuf> {
    fs::read("/proc/self/mountinfo").map(|table| parse(&table)).unwrap_or_default()
}

/// Reads the fifth column of proc(5)'s mountinfo.
fn parse(table: &[u8]) -> Vec<PathBuf> {
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(|point| Path::new(&OsString::from_vec(unescape(point))).to_owned())
        .collect()
}

/// Space, tab, newline and backslash are written as three octal digits.
fn unescape(mut text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        match (byte, rest) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                text = rest;
            }
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_mount_points() {
        let table = b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
            981 900 0:51 /x/rules.xml /etc/my\\040rules.xml ro master:1 - ext4 /dev/sda1 rw\n";
        assert_eq!(parse(table), [Path::new("/"), Path::new("/etc/my rules.xml")]);
        assert!(points().contains(&PathBuf::from("/")));
    }
}

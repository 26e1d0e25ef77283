//! Writing files: whole, or not at all.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// Puts new content in the place of a file. Its permissions stay; where the path is a symbolic link,
/// the file that it leads to is the one replaced.
pub(in crate::cli) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let real = path.canonicalize()?;
    let permissions = fs::metadata(&real)?.permissions();
    // Renaming would not ask.
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let temporary = beside(&real);
    let written = create(&temporary, content)
        .and_then(|()| fs::set_permissions(&temporary, permissions))
        .and_then(|()| fs::rename(&temporary, &real));
    if written.is_err() {
        // What cannot be removed was not created.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes a file that is not there yet.
pub(in crate::cli) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A name in the same directory, so that renaming stays within one file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", process::id()));
    path.with_file_name(name)
}

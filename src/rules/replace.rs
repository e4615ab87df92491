//! A file's content replaced as a whole: whoever reads it, or loses power, finds the old text or the new one.
//!
//! The new text is written beside the old one and takes its name. Permissions, owner and group stay; a symbolic link goes on leading there.
//! It is a new file all the same: other hard links keep the old text, and access lists are not carried over.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

pub(super) fn content(path: &Path, text: &str) -> Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().context("it is no file")?;
    // Whoever may not write to it may not replace it either.
    let before = File::options().write(true).open(&path)?.metadata()?;
    let mut file = tempfile::Builder::new()
        .prefix(path.file_name().unwrap_or_default())
        .tempfile_in(folder)
        .with_context(|| format!("the new text is written into {} first", folder.display()))?;
    let now = file.as_file().metadata()?;
    if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
        fchown(file.as_file(), Some(before.uid()), Some(before.gid()))
            .context("it belongs to somebody else, and that cannot be kept")?;
    }
    // Behind the owner, whose change takes bits away.
    file.as_file().set_permissions(before.permissions())?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|failed| failed.error)?;
    Ok(())
}

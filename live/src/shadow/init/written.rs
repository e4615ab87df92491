//! What a new release has written to files before it gave up: the reason is often in its log, and nowhere else.

use super::mounts::Layer;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Files that are looked at; a start-up writes few.
const MOST: usize = 1000;
/// Of each file's new text, only the end is told.
const SHOWN: u64 = 2048;

/// Writes the ends of all text that was appended to files to `output`, each below its path.
pub(super) fn tell(layers: &[Layer], mut output: impl Write) {
    let mut left = MOST;
    for Layer { point, upper, lower } in layers {
        let mut texts = Vec::new();
        walk(upper.try_clone().ok(), lower, Path::new(""), &mut left, &mut texts);
        for (path, text) in texts {
            // It is told as far as it can be.
            let _ = write!(output, "{}:\n{}\n", point.join(path).display(), text.trim_end());
        }
    }
}

fn walk(
    folder: Option<OwnedFd>,
    lower: &OwnedFd,
    path: &Path,
    left: &mut usize,
    texts: &mut Vec<(PathBuf, String)>,
) {
    let Some(folder) = folder else { return };
    let Ok(entries) = Dir::read_from(&folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if *left == 0 || matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        *left -= 1;
        let path = path.join(name.to_string_lossy().as_ref());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match entry.file_type() {
            FileType::Directory => {
                let below = openat(&folder, name, flags | OFlags::DIRECTORY, Mode::empty());
                walk(below.ok(), lower, &path, left, texts);
            }
            FileType::RegularFile => {
                let Ok(file) = openat(&folder, name, flags, Mode::empty()) else { continue };
                texts.extend(appended(&file.into(), lower, &path).map(|text| (path, text)));
            }
            _ => {}
        }
    }
}

/// The end of what is in a file and was not below. Nothing of one that is no text.
fn appended(file: &File, lower: &OwnedFd, path: &Path) -> Option<String> {
    let len = file.metadata().ok()?.len();
    let before = statat(lower, path, AtFlags::SYMLINK_NOFOLLOW).ok();
    let before = before.and_then(|found| u64::try_from(found.st_size).ok()).unwrap_or(0);
    let start = before.max(len.saturating_sub(SHOWN));
    let mut bytes = vec![0; usize::try_from(len.checked_sub(start)?).ok()?];
    file.read_exact_at(&mut bytes, start).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let is_text = text.chars().all(|character| !character.is_control() || character.is_whitespace());
    (is_text && !text.trim().is_empty()).then_some(text)
}

//! Keeping the cache small.

use super::folder::Folder;
use std::fs::{DirEntry, Metadata};
use std::time::{Duration, SystemTime};

/// How old a file that is being written must be to be taken for what a crash has left.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// Removes what was not used for longest until the rest is within the limit, but not the file with this name, which is new; and what
/// crashes have left.
pub(super) fn sweep(folder: &Folder, limit: u64, new: &str) {
    let Ok(entries) = std::fs::read_dir(folder.path()) else { return };
    let now = SystemTime::now();
    let mut images: Vec<(SystemTime, u64, DirEntry)> = Vec::new();
    let mut used: u64 = 0;
    for entry in entries.flatten() {
        let Some(found) = entry.metadata().ok().filter(Metadata::is_file) else { continue };
        let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if entry.file_name().to_string_lossy().ends_with(".new") {
            if now.duration_since(changed).is_ok_and(|age| age > ABANDONED) {
                remove(&entry);
            }
            continue;
        }
        used = used.saturating_add(found.len());
        if entry.file_name() != new {
            images.push((changed, found.len(), entry));
        }
    }
    images.sort_by_key(|(changed, ..)| *changed);
    for (_, length, entry) in images {
        if used <= limit {
            break;
        }
        remove(&entry);
        used = used.saturating_sub(length);
    }
}

/// Another process may have been quicker, and who has it mapped keeps it.
fn remove(entry: &DirEntry) {
    let _ = std::fs::remove_file(entry.path());
}

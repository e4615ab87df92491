//! The file of a caller table, written whole or not at all.

use super::Callers;
use mcrx_allocator::abi::{CALLER_TABLE_MAGIC, CallerTableHeader, VERSION};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of build-id that the allocator compares; longer ones are cut.
const BUILD_ID_MAX: usize = 32;

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
#[error("the table {} cannot be written: {source}", path.display())]
pub struct WriteError {
    /// What was to be written.
    pub path: PathBuf,
    /// What the kernel said.
    pub source: io::Error,
}

impl Callers {
    /// The name of the file in the folder that `MCRX_CALLERS` names.
    pub fn file_name(&self) -> String {
        let hex = self.build_id.as_bytes().iter().take(BUILD_ID_MAX).map(|byte| format!("{byte:02x}"));
        format!("{}.callers", hex.collect::<String>())
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let build_id = self.build_id.as_bytes();
        let build_id = build_id.get(..BUILD_ID_MAX).unwrap_or(build_id);
        // Code of less than 4 GiB has fewer calls; `take` holds the count to what the header says.
        let count = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let rows = self.rows.iter().take(usize::try_from(count).unwrap_or(usize::MAX));
        let mut bytes = Vec::with_capacity(size_of::<CallerTableHeader>() + self.rows.len() * 8);
        bytes.extend(CALLER_TABLE_MAGIC.to_le_bytes());
        for word in [VERSION, count, u32::try_from(build_id.len()).unwrap_or(0), 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(build_id);
        bytes.resize(size_of::<CallerTableHeader>(), 0);
        for row in rows {
            bytes.extend(row.offset.to_le_bytes());
            bytes.extend(row.return_at.to_le_bytes());
        }
        bytes
    }

    /// Writes the file into a folder, which is made if it is not there. Programs that start meanwhile see the old file or the new one;
    /// those that have mapped the old one keep it. Returns its path.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, WriteError> {
        write_whole(folder, &self.file_name(), &self.to_bytes())
    }
}

/// Writes a file into a folder, which is made if it is not there.
pub(crate) fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, WriteError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let path = folder.join(name);
    let failed = |source| WriteError { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{name}.{}.{number}", std::process::id()));
    let write = || {
        let mut file = fs::File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, &path)
    };
    write().map_err(|source| {
        // Nothing more can be done about it.
        let _ = fs::remove_file(&temporary);
        failed(source)
    })?;
    Ok(path)
}

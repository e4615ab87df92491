//! The file of a hook table, written whole or not at all.

use super::Hooks;
use crate::callers::WriteError;
use mcrx_allocator::abi::{HOOK_TABLE_MAGIC, HookRow, HookTableHeader, VERSION};
use std::path::{Path, PathBuf};

/// Bytes of build-id that the allocator compares; longer ones are cut.
const BUILD_ID_MAX: usize = 32;

impl Hooks {
    /// The name of the file in the folder that `MCRX_HOOKS` names.
    pub fn file_name(&self) -> String {
        let hex = self.build_id.as_bytes().iter().take(BUILD_ID_MAX).map(|byte| format!("{byte:02x}"));
        format!("{}.hooks", hex.collect::<String>())
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let build_id = self.build_id.as_bytes();
        let build_id = build_id.get(..BUILD_ID_MAX).unwrap_or(build_id);
        let len = size_of::<HookTableHeader>() + self.rows.len() * size_of::<HookRow>();
        let mut bytes = Vec::with_capacity(len);
        bytes.extend(HOOK_TABLE_MAGIC.to_le_bytes());
        let count = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        for word in [VERSION, count, u32::try_from(build_id.len()).unwrap_or(0), 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(build_id);
        bytes.resize(size_of::<HookTableHeader>(), 0);
        for row in &self.rows {
            bytes.extend(row.offset.to_le_bytes());
            bytes.extend([row.replaced, row.size_parameter, row.moved_len, row.fixes_len]);
            bytes.extend(row.original);
            bytes.extend(row.moved);
            for fix in &row.fixes {
                bytes.extend([fix.at, fix.end]);
                bytes.extend(fix.kind.to_le_bytes());
                bytes.extend(fix.target.to_le_bytes());
            }
        }
        bytes
    }

    /// Writes the file into a folder, which is made if it is not there. Also without rows: an older table must not count.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, WriteError> {
        crate::callers::write_whole(folder, &self.file_name(), &self.to_bytes())
    }
}

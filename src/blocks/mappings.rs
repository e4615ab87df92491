//! Which file a process has mapped where, from `/proc/PID/maps`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A mapping of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where in the file it begins.
    pub(super) offset: u64,
    /// As the process would open it, if it is still there.
    pub(super) path: PathBuf,
}

/// What the kernel puts behind the path of a file that has been removed or replaced.
const DELETED: &[u8] = b" (deleted)";

/// The mappings of files, in the order of their addresses.
pub(super) fn files(maps: &[u8]) -> Vec<Mapping> {
    maps.split(|byte| *byte == b'\n').filter_map(mapping).collect()
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    // start-end permissions offset device inode path
    let slash = line.iter().position(|byte| *byte == b'/')?;
    let (fields, path) = line.split_at(slash);
    let fields = std::str::from_utf8(fields).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let offset = fields.nth(1)?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        offset: hex(offset)?,
        path: Path::new(OsStr::from_bytes(path)).to_owned(),
    })
}

/// The mapping that holds an address.
pub(super) fn holding(mappings: &[Mapping], address: u64) -> Option<&Mapping> {
    mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_what_else_is_mapped() {
        let maps = b"\
555555554000-555555556000 r--p 00001000 fe:00 12 /usr/sbin/nginx
100000000000-100000010000 rw-p 00000000 00:00 0 [anon:mcrx heap]
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000001000-7f0000002000 r-xp 00000000 fe:00 13                  /lib/a b.so (deleted)
";
        let files = files(maps);
        assert_eq!(files.len(), 2);
        assert_eq!((files[0].start, files[0].offset), (0x5555_5555_4000, 0x1000));
        assert_eq!(files[1].path, Path::new("/lib/a b.so"));
        assert_eq!(holding(&files, 0x7f00_0000_1fff), Some(&files[1]));
        assert_eq!(holding(&files, 0x7f00_0000_2000), None);
    }
}

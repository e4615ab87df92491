//! What a process has mapped where, from `/proc/PID/maps` (proc_pid_maps(5)).

use nix::unistd::Pid;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its addresses, whole pages.
    pub range: Range<u64>,
    /// It may be read.
    pub read: bool,
    /// It may be written to.
    pub write: bool,
    /// It may be run.
    pub execute: bool,
    /// What is written to it is seen by others that map the same.
    pub shared: bool,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// Major and minor number of the file's device.
    pub device: (u32, u32),
    /// The file's number there; 0: it is of no file.
    pub inode: u64,
    /// What the kernel calls it.
    pub name: Name,
}

/// What the kernel calls a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Nothing at all.
    None,
    /// A file, also one that exists in memory only (`/dev/zero`, `/memfd:NAME`, `/SYSV...`).
    File {
        /// As the process would open it, if it is still there.
        path: PathBuf,
        /// It has been removed or replaced.
        deleted: bool,
    },
    /// What brackets stand around, without them: `heap`, `stack`, `vdso`, `anon:a name that the process chose`.
    Special(String),
}

impl Mapping {
    /// The file, if it is of one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.name {
            Name::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether it is what the kernel calls by this word.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        matches!(&self.name, Name::Special(name) if name == word)
    }

    /// How long it is.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The list of a process, or of a thread that has memory.
///
/// # Errors
/// Those of reading the file: `NotFound` or ESRCH if the process has ended, `PermissionDenied`.
pub fn read(pid: Pid) -> io::Result<Vec<Mapping>> {
    Ok(parse(&super::read(format!("/proc/{pid}/maps"))?))
}

/// The mappings in a list's text, in the order of their addresses. A line without sense is left out: there is none.
#[must_use]
pub fn parse(maps: &[u8]) -> Vec<Mapping> {
    maps.split(|byte| *byte == b'\n').filter_map(mapping).collect()
}

/// The mapping that holds an address.
#[must_use]
pub fn holding(mappings: &[Mapping], address: u64) -> Option<&Mapping> {
    let before = mappings.partition_point(|mapping| mapping.range.start <= address);
    mappings.get(before.checked_sub(1)?).filter(|mapping| mapping.range.contains(&address))
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    // start-end permissions offset device inode name
    let (addresses, line) = word(line)?;
    let (permissions, line) = word(line)?;
    let (offset, line) = word(line)?;
    let (device, line) = word(line)?;
    let (inode, name) = word(line)?;
    let (start, end) = addresses.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    // What the kernel writes has a length; what fills a file of that form may not.
    let range = Some(hex(start)?..hex(end)?).filter(|range| range.start <= range.end)?;
    let permission = |place: usize, letter: u8| permissions.as_bytes().get(place) == Some(&letter);
    Some(Mapping {
        range,
        read: permission(0, b'r'),
        write: permission(1, b'w'),
        execute: permission(2, b'x'),
        shared: permission(3, b's'),
        offset: hex(offset)?,
        device: (u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?),
        inode: inode.parse().ok()?,
        name: name_of(name.trim_ascii_start()),
    })
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

/// The next field, and what is behind the blank that ends it.
fn word(line: &[u8]) -> Option<(&str, &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    Some((std::str::from_utf8(word).ok().filter(|word| !word.is_empty())?, rest))
}

/// What the kernel puts behind the path of a file that has been removed or replaced.
const DELETED: &[u8] = b" (deleted)";

fn name_of(name: &[u8]) -> Name {
    if name.is_empty() {
        return Name::None;
    }
    if name[0] == b'/' {
        let (path, deleted) = match name.strip_suffix(DELETED) {
            Some(path) => (path, true),
            None => (name, false),
        };
        return Name::File { path: PathBuf::from(OsString::from_vec(unescaped(path))), deleted };
    }
    let inner = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name);
    Name::Special(String::from_utf8_lossy(inner).into_owned())
}

/// The kernel writes a line break in a path as `\012`, and nothing else so.
fn unescaped(path: &[u8]) -> Vec<u8> {
    const ESCAPED: &[u8] = b"\\012";
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(ESCAPED) {
            plain.push(b'\n');
            rest = behind;
        } else {
            plain.push(byte);
            rest = behind;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"\
100000000000-100000010000 rw-p 00000000 00:00 0                          [anon:mcrx heap]
555555554000-555555556000 r--p 00001000 fe:0a 12                         /usr/sbin/nginx
555555556000-555555557000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000001000-7f0000002000 r-xp 00000000 fe:00 13                         /lib/a b\\012.so (deleted)
7f0000003000-7f0000004000 rw-s 00002000 00:01 1026                       /dev/zero (deleted)
";

    #[test]
    fn a_mapping_that_ends_before_it_begins_is_none() {
        let mappings = parse(b"3000-1000 rw-p 00000000 00:00 0\n1000-1000 rw-p 00000000 00:00 0\n");
        assert_eq!(mappings.iter().map(Mapping::bytes).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn every_kind_of_line_is_read() {
        let mappings = parse(MAPS);
        assert_eq!(mappings.len(), 6);
        assert!(mappings[0].is("anon:mcrx heap") && mappings[2].is("heap"));
        let nginx = &mappings[1];
        assert_eq!((nginx.offset, nginx.device, nginx.inode), (0x1000, (0xfe, 10), 12));
        assert_eq!((nginx.read, nginx.write, nginx.execute, nginx.shared), (true, false, false, false));
        assert_eq!(mappings[3].name, Name::None);
        assert_eq!(mappings[4].name, Name::File { path: "/lib/a b\n.so".into(), deleted: true });
        assert!(mappings[5].shared && mappings[5].bytes() == 0x1000);
    }

    #[test]
    fn an_address_leads_to_its_mapping_or_to_none() {
        let mappings = parse(MAPS);
        assert_eq!(holding(&mappings, 0x7f00_0000_1fff), Some(&mappings[4]));
        assert_eq!(holding(&mappings, 0x7f00_0000_2000), None);
        assert_eq!(holding(&mappings, 0), None);
    }

    #[test]
    fn this_process_has_its_own_code_mapped() {
        let here = every_kind_of_line_is_read as fn() as usize as u64;
        let mappings = read(Pid::this()).unwrap();
        assert!(holding(&mappings, here).unwrap().execute);
    }
}

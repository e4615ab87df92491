//! Paths as a process of another mount namespace sees them.
//!
//! The kernel tells a reader the path of a file up to the root of its mount, and from there on only if the reader has that mount too. A process of
//! the new release has mounts of its own: the missing beginning is where its list of mounts says that the mount is (proc_pid_mountinfo(5)).

use nix::unistd::Pid;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// Mounts that a process has and we do not, by their numbers: where they are.
#[derive(Debug, Default)]
pub(crate) struct Mounts(HashMap<u64, PathBuf>);

impl Mounts {
    /// Of a process. What may not be read is taken for ours.
    pub(crate) fn of(process: Pid) -> Mounts {
        let list = |who: &str| parse(&fs::read(format!("/proc/{who}/mountinfo")).unwrap_or_default());
        let (ours, mut theirs) = (list("self"), list(&process.to_string()));
        theirs.retain(|number, _| !ours.contains_key(number));
        Mounts(theirs)
    }

    /// A path that the kernel told us, of a file on this mount, as the process sees it.
    pub(crate) fn seen_by_process(&self, mount: u64, path: PathBuf) -> PathBuf {
        let Some(at) = self.0.get(&mount) else { return path };
        match path.strip_prefix("/") {
            Ok(relative) if at != Path::new("/") && !path.starts_with(at) => at.join(relative),
            _ => path,
        }
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn parse(list: &[u8]) -> HashMap<u64, PathBuf> {
    let lines = list.split(|byte| *byte == b'\n');
    let mount = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let number = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        Some((number, PathBuf::from(OsString::from_vec(unescaped(fields.nth(3)?)))))
    };
    lines.filter_map(mount).collect()
}

/// Blanks and their like are written as three octal digits behind a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((byte, behind)) = rest.split_first() {
        let digits =
            behind.get(..3).filter(|_| *byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                rest = behind.get(3..).unwrap_or(&[]);
            }
            None => {
                plain.push(*byte);
                rest = behind;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_on_a_mount_of_the_others_is_where_that_is_mounted() {
        let mounts = Mounts(parse(
            b"36 35 98:0 / /var/with\\040blank rw - overlay none rw\n37 35 98:0 / / rw - ext4 x rw\n",
        ));
        let seen = |mount, path: &str| mounts.seen_by_process(mount, path.into());
        assert_eq!(seen(36, "/log/x"), Path::new("/var/with blank/log/x"));
        assert_eq!(seen(37, "/etc/x"), Path::new("/etc/x"));
        assert_eq!(seen(99, "/etc/x"), Path::new("/etc/x"));
    }

    #[test]
    fn this_process_has_no_mount_that_we_do_not_have() {
        assert!(Mounts::of(Pid::this()).0.is_empty());
    }
}

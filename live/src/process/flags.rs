//! What a process has asked the kernel to do with its memory when it forks, from `/proc/PID/smaps` (proc_pid_smaps(5)).

use nix::unistd::Pid;
use std::io;
use std::ops::Range;

/// What is different about a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// A forked child does not have it: `MADV_DONTFORK`, memory of devices.
    pub not_forked: bool,
    /// A forked child finds zeros there: `MADV_WIPEONFORK`.
    pub wiped: bool,
    /// Of huge pages that were set aside: a child loses them to its parent.
    pub huge: bool,
    /// Another takes care of its faults (userfaultfd(2)), and may be asked before a fork.
    pub cared_for: bool,
}

/// Mappings with any of these flags, in order.
///
/// # Errors
/// Those of reading the file.
pub fn unusual(process: Pid) -> io::Result<Vec<(Range<u64>, Flags)>> {
    Ok(parse(&super::read_text(format!("/proc/{process}/smaps"))?))
}

fn parse(text: &str) -> Vec<(Range<u64>, Flags)> {
    let mut found = Vec::new();
    let mut range = 0..0;
    for line in text.lines() {
        let Some((word, rest)) = line.split_once(' ') else { continue };
        if word == "VmFlags:" {
            let has = |flag| rest.split_whitespace().any(|word| word == flag);
            let flags = Flags {
                not_forked: has("dc"),
                wiped: has("wf"),
                huge: has("ht"),
                cared_for: has("um") || has("uw") || has("ui"),
            };
            if flags != Flags::default() {
                found.push((range.clone(), flags));
            }
        } else if !word.ends_with(':')
            && let Some((start, end)) = word.split_once('-')
            && let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16))
        {
            range = start..end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unusual_mappings_are_named() {
        let text = "\
1000-2000 rw-p 00000000 00:00 0                          [heap]
Size:                  4 kB
VmFlags: rd wr mr mw me ac
3000-5000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me ac wf
6000-7000 rw-p 00000000 00:00 0
VmFlags: rd wr mr mw me dc ht
8000-9000 rw-p 00000000 00:00 0 
VmFlags: rd wr mr mw me uw
";
        let none = Flags::default();
        let wanted = [
            (0x3000..0x5000, Flags { wiped: true, ..none }),
            (0x6000..0x7000, Flags { not_forked: true, huge: true, ..none }),
            (0x8000..0x9000, Flags { cared_for: true, ..none }),
        ];
        assert_eq!(parse(text), wanted);
    }
}

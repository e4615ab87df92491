//! Reading the descriptors of a process: from `/proc/PID/fd` and `fdinfo` (proc_pid_fdinfo(5)), and from the files themselves, of which the kernel
//! gives us descriptors of our own (pidfd_getfd(2)).
//!
//! The process need not stand still for it; but then what is opened or closed meanwhile is not in the list, or has gone.

use super::{mounts::Mounts, socket};
use crate::kernel::{Descriptor, EpollEntry, Kind};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// Gives us descriptors of the open files of a process.
#[derive(Debug)]
pub struct Files(OwnedFd);

impl Files {
    /// Of a process that has not ended.
    ///
    /// # Errors
    /// There is no such process.
    pub fn of(process: Pid) -> io::Result<Files> {
        let pid = rustix::process::Pid::from_raw(process.as_raw()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Files(pidfd_open(pid, PidfdFlags::empty())?))
    }

    /// The process, as descriptors have it.
    pub(super) fn handle(&self) -> &OwnedFd {
        &self.0
    }

    /// Of a process that a descriptor is of.
    pub(super) fn by(handle: OwnedFd) -> Files {
        Files(handle)
    }

    /// The open file that one of its descriptors is of.
    ///
    /// # Errors
    /// EBADF: it has no such descriptor. EPERM.
    pub fn get(&self, number: i32) -> io::Result<OwnedFd> {
        Ok(pidfd_getfd(&self.0, number, PidfdGetfdFlags::empty())?)
    }
}

/// All descriptors of a process, by number.
///
/// # Errors
/// Those of reading its files below `/proc`, EPERM.
pub fn read(process: Pid) -> io::Result<Vec<Descriptor>> {
    let files = Files::of(process)?;
    let mounts = Mounts::of(process);
    let mut descriptors = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd"))? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match descriptor(process, &files, &mounts, number) {
            Ok(descriptor) => descriptors.push(descriptor),
            // It was closed this moment.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    descriptors.sort_by_key(|descriptor| descriptor.number);
    Ok(descriptors)
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::EBADF)
}

fn descriptor(process: Pid, files: &Files, mounts: &Mounts, number: i32) -> io::Result<Descriptor> {
    let file = files.get(number)?;
    let target = fs::read_link(format!("/proc/{process}/fd/{number}"))?.into_os_string();
    let info = Info::parse(&crate::process::read_text(format!("/proc/{process}/fdinfo/{number}"))?);
    let kind = match target.as_bytes() {
        b"anon_inode:[eventpoll]" => Kind::Epoll { entries: info.entries },
        b"anon_inode:[eventfd]" => Kind::EventFd,
        b"anon_inode:[signalfd]" => Kind::SignalFd,
        b"anon_inode:[timerfd]" => Kind::TimerFd,
        text if text.starts_with(b"pipe:[") => Kind::Pipe,
        text if text.starts_with(b"socket:[") => socket::kind(file.as_fd()).unwrap_or(Kind::Other),
        text if text.starts_with(b"/") => {
            let path = mounts.seen_by_process(info.mount, PathBuf::from(&target)).into_os_string();
            Kind::File { path, flags: info.flags, offset: info.position }
        }
        _ => Kind::Other,
    };
    let close_on_exec = info.flags & nix::libc::O_CLOEXEC != 0;
    Ok(Descriptor { number, close_on_exec, target, kind, file })
}

/// What `fdinfo` says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Info {
    position: u64,
    flags: i32,
    mount: u64,
    entries: Vec<EpollEntry>,
}

impl Info {
    fn parse(text: &str) -> Info {
        let mut info = Info::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name {
                "pos" => info.position = value.parse().unwrap_or(0),
                "flags" => info.flags = i32::from_str_radix(value, 8).unwrap_or(0),
                "mnt_id" => info.mount = value.parse().unwrap_or(0),
                "tfd" => info.entries.extend(entry(value)),
                _ => {}
            }
        }
        info
    }
}

/// `8 events:       1d data: 7f00a40  pos:0 ino:61af sdev:7`
fn entry(text: &str) -> Option<EpollEntry> {
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter == ':').collect();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    let descriptor = words.next()?.parse().ok()?;
    let mut field = |name: &str| words.find(|word| *word == name).and_then(|_| words.next());
    let events = u32::from_str_radix(field("events")?, 16).ok()?;
    let data = u64::from_str_radix(field("data")?, 16).ok()?;
    Some(EpollEntry { descriptor, events, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek as _, SeekFrom, Write as _};

    #[test]
    fn what_the_kernel_says_of_an_epoll_set_is_read() {
        let text = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t64\n\
            tfd:        5 events:       1d data: 7f3aa40001f1  pos:0 ino:61af sdev:7\n\
            tfd:       12 events: 80002019 data: ffffffffffffffff  pos:0 ino:61b0 sdev:7\n";
        let entries = vec![
            EpollEntry { descriptor: 5, events: 0x1d, data: 0x7f3a_a400_01f1 },
            EpollEntry { descriptor: 12, events: 0x8000_2019, data: u64::MAX },
        ];
        assert_eq!(Info::parse(text), Info { position: 0, flags: 0o2_000_002, mount: 15, entries });
    }

    #[test]
    fn descriptors_of_this_process_are_what_they_are() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"some text").unwrap();
        file.as_file_mut().seek(SeekFrom::Start(5)).unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        let descriptors = read(Pid::this()).unwrap();
        let kind = |file: &dyn std::os::fd::AsRawFd| {
            let number = file.as_raw_fd();
            &descriptors.iter().find(|descriptor| descriptor.number == number).unwrap().kind
        };
        let Kind::File { path, flags, offset } = kind(file.as_file()) else { panic!("it is a file") };
        assert_eq!((PathBuf::from(path).as_path(), *offset), (file.path(), 5));
        assert_eq!(flags & nix::libc::O_ACCMODE, nix::libc::O_RDWR);
        assert_eq!(kind(&reader), &Kind::Pipe);
    }
}

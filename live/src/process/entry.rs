//! Files below `/proc`, read in few calls: their lengths are not known before, and a held process waits.

use rustix::fs::{Mode, OFlags, open};
use std::io;
use std::path::Path;

/// The kernel gives no more at a time of most of them (`seq_file`); those that are longer take more calls.
const STEP: usize = 16384;

/// All of one.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = open(path.as_ref(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::new();
    loop {
        let len = bytes.len();
        bytes.resize(len + STEP, 0);
        let read = rustix::io::read(&file, &mut bytes[len..]);
        bytes.truncate(len + read.unwrap_or(0));
        match read {
            Ok(0) => return Ok(bytes),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The text of one. What is no UTF-8 in it (a process may call itself anything) is replaced.
pub(crate) fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    read(path).map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_longer_than_a_step_is_read_to_its_end() {
        let smaps = read("/proc/self/smaps").unwrap();
        assert!(smaps.len() > STEP && smaps.ends_with(b"\n"));
        assert_eq!(read("/proc/self/nothing").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}

//! Messages to standard error, composed on the stack and written by one system call each.

use crate::settings::SETTINGS;
use crate::sync::Field;
use crate::sys;

const CAPACITY: usize = 240;

/// A line in the making. What does not fit is cut.
pub(crate) struct Message {
    text: [u8; CAPACITY],
    len: usize,
}

impl Message {
    pub(crate) fn new() -> Self {
        Message { text: [0; CAPACITY], len: 0 }.text("mcrx: ")
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        // One byte stays free for the end of the line.
        for byte in bytes.iter().take(CAPACITY - 1 - self.len) {
            self.text[self.len] = *byte;
            self.len += 1;
        }
        self
    }

    pub(crate) fn hex(self, value: u64) -> Self {
        self.text("0x").digits(value, 16)
    }

    pub(crate) fn decimal(self, value: u64) -> Self {
        self.digits(value, 10)
    }

    fn digits(self, mut value: u64, base: u64) -> Self {
        let mut digits = [0u8; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b"0123456789abcdef"[usize::try_from(value % base).unwrap_or(0)];
            value /= base;
            if value == 0 {
                return self.bytes(&digits[start..]);
            }
        }
    }

    pub(crate) fn send(mut self) {
        self.text[self.len] = b'\n';
        sys::write_stderr(&self.text[..=self.len]);
    }
}

/// What a caller did wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// The block is free already.
    Freed { block_size: u64, made_by: u64 },
    /// The block is free already, and so is all around it.
    Gone,
    /// Inside a live block.
    Inside { block: u64, size: u64, made_by: u64 },
    /// No block begins there.
    Nothing,
    /// No heap of ours.
    Foreign,
}

/// Says what a caller did wrong; ends the process unless `MCRX_ON_ERROR=report`. Code is named by its return addresses.
#[cold]
pub(crate) fn misuse(function: &str, address: u64, caller: u64, misuse: Misuse) {
    let message = Message::new().text(function).text("(").hex(address).text("): ");
    let already = if function == "free" { "double free" } else { "use after free" };
    let message = match misuse {
        Misuse::Freed { block_size, made_by } => {
            let message =
                message.text(already).text(" of a block of up to ").decimal(block_size).text(" bytes");
            made_at(message, made_by)
        }
        Misuse::Gone => message.text(already).text(" (or invalid pointer): nothing lives there any more"),
        Misuse::Inside { block, size, made_by } => {
            let message =
                message.text("invalid pointer, ").decimal(address - block).text(" bytes into a block of ");
            made_at(message.decimal(size).text(" bytes"), made_by)
        }
        Misuse::Nothing => message.text("invalid pointer, no block begins there"),
        Misuse::Foreign => message.text("invalid pointer, not of this heap"),
    };
    message.text(", called from ").hex(caller).send();
    if SETTINGS.abort_on_error.get() == 1 {
        sys::abort();
    }
}

fn made_at(message: Message, made_by: u64) -> Message {
    if made_by == 0 { message } else { message.text(" made at ").hex(made_by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_read_them() {
        let message = Message::new().decimal(0).text(" ").hex(u64::MAX).text(" ").decimal(u64::MAX);
        assert_eq!(&message.text[..message.len], b"mcrx: 0 0xffffffffffffffff 18446744073709551615");
    }

    #[test]
    fn a_message_that_is_too_long_is_cut() {
        let message = (0..100).fold(Message::new(), |m, _| m.text("abcdefgh"));
        assert_eq!(message.len, CAPACITY - 1);
    }
}

//! What a process has asked to be done when a signal comes.

/// How many signals there are.
pub const SIGNALS: u8 = 64;

/// The kernel's `struct sigaction` on x86-64 (not the C library's, which is larger).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalAction {
    /// `SIG_DFL` (0), `SIG_IGN` (1), or the handler's address.
    pub handler: u64,
    /// `SA_...`
    pub flags: u64,
    /// What a handler returns to.
    pub restorer: u64,
    /// Signals blocked while the handler runs, a bit each from SIGHUP on.
    pub mask: u64,
}

impl SignalAction {
    /// Its size in memory.
    pub const LEN: usize = 32;

    /// As it lies in memory.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SignalAction::LEN]) -> SignalAction {
        let word = |at: usize| {
            let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
            word.map_or(0, u64::from_le_bytes)
        };
        SignalAction { handler: word(0), flags: word(8), restorer: word(16), mask: word(24) }
    }

    /// As it lies in memory.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SignalAction::LEN] {
        let mut bytes = [0; SignalAction::LEN];
        for (place, word) in
            bytes.chunks_exact_mut(8).zip([self.handler, self.flags, self.restorer, self.mask])
        {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_comes_back_from_memory_as_it_was() {
        let action =
            SignalAction { handler: 0x5555_0000, flags: 0x1400_0000, restorer: 0x7fff_0000, mask: 1 << 63 };
        assert_eq!(SignalAction::from_bytes(&action.to_bytes()), action);
        assert_eq!(action.to_bytes()[8..12], [0, 0, 0, 0x14]);
    }
}

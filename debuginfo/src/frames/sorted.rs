//! `.eh_frame_hdr`: the sorted index of `.eh_frame` (Linux Standard Base 5, Core, 10.6.2).
//!
//! ```text
//! 0   1    version
//! 1   1b   eh_frame_ptr is relative to itself, 4 bytes
//! 2   03   fde_count is 4 bytes
//! 3   3b   the table is relative to the section, 4 bytes each
//! 4   eh_frame_ptr
//! 8   fde_count
//! 12  fde_count times: first address of a function, address of its entry
//! ```
//!
//! Only this form is read, the one that all linkers write. It is searched where it lies: gimli's own search overflows on damaged ones.

/// The index, with the addresses as linked.
pub(super) struct Sorted<'b> {
    /// Of the section.
    base: u64,
    rows: &'b [[u8; 8]],
}

impl<'b> Sorted<'b> {
    /// `None`: there is none, it has another form, or it claims more rows than it has.
    pub(super) fn of(section: &'b [u8], base: u64) -> Option<Sorted<'b>> {
        let (head, table) = section.split_first_chunk::<12>()?;
        let &[1, 0x1b, 0x03, 0x3b, _, _, _, _, ref count @ ..] = head else { return None };
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (rows, _) = table.as_chunks::<8>();
        Some(Sorted { base, rows: rows.get(..count)? })
    }

    /// The address of the only entry that may be about the code at an address.
    pub(super) fn entry(&self, address: u64) -> Option<u64> {
        let after = self.rows.partition_point(|row| self.word(*row, 0) <= address);
        let row = self.rows.get(after.checked_sub(1)?)?;
        Some(self.word(*row, 4))
    }

    fn word(&self, row: [u8; 8], at: usize) -> u64 {
        let word = row.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        self.base.wrapping_add_signed(i64::from(i32::from_le_bytes(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(count: u32, rows: &[[i32; 2]]) -> Vec<u8> {
        let mut bytes = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0];
        bytes.extend(count.to_le_bytes());
        bytes.extend(rows.as_flattened().iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    #[test]
    fn the_row_that_begins_at_or_before_an_address_is_found() {
        let bytes = section(3, &[[-16, 0x100], [0, 0x120], [32, 0x140]]);
        let sorted = Sorted::of(&bytes, 0x1000).expect("it is whole");
        assert_eq!(sorted.entry(0xFEF), None);
        assert_eq!(sorted.entry(0xFF0), Some(0x1100));
        assert_eq!(sorted.entry(0xFFF), Some(0x1100));
        assert_eq!(sorted.entry(0x1000), Some(0x1120));
        assert_eq!(sorted.entry(u64::MAX), Some(0x1140));
    }

    #[test]
    fn what_is_cut_or_of_another_form_is_not_read() {
        let bytes = section(3, &[[0, 0], [1, 1]]);
        assert!(Sorted::of(&bytes, 0).is_none(), "two of three rows");
        assert!(Sorted::of(&bytes[..11], 0).is_none(), "no head");
        assert!(Sorted::of(&section(u32::MAX, &[]), 0).is_none(), "no rows");
        let mut other = section(0, &[]);
        other[3] = 0xff;
        assert!(Sorted::of(&other, 0).is_none(), "no table");
    }
}

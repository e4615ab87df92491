//! Hook tables: which functions of a module hand out parts of blocks, and how their entries are to be replaced.
//!
//! `debuginfo` writes them, having proved from the code that each entry can be replaced; the allocator follows them blindly but for the
//! bytes that they expect.

/// `"mcrxhook"` as little-endian bytes: what a hook table begins with.
pub const HOOK_TABLE_MAGIC: u64 = u64::from_le_bytes(*b"mcrxhook");

/// `"mcrxstub"` as little-endian bytes: the second word of the memory that stubs are in, by which it is known from code that the program has
/// made for itself.
pub const STUBS_MAGIC: u64 = u64::from_le_bytes(*b"mcrxstub");

/// The head of a hook table, a file named `BUILDID.hooks`. Rows follow.
#[derive(Debug)]
#[repr(C)]
pub struct HookTableHeader {
    /// [`HOOK_TABLE_MAGIC`].
    pub magic: u64,
    /// [`VERSION`](super::VERSION).
    pub version: u32,
    /// Rows that follow.
    pub rows: u32,
    /// Bytes of build-id.
    pub build_id_len: u32,
    /// 0.
    pub reserved: u32,
    /// The build-id, padded with zeros.
    pub build_id: [u8; 32],
}

/// Most bytes that are replaced: a jump's five, and the rest of the instruction that it ends in.
pub const REPLACED_MAX: usize = 20;
/// Most bytes that they become where they are moved to.
pub const MOVED_MAX: usize = 56;
/// Most of these that depend on where they lie.
pub const MOVED_FIXES_MAX: usize = 6;
/// Parameters that are passed in registers: rdi, rsi, rdx, rcx, r8, r9.
pub const PARAMETERS_MAX: u8 = 6;

/// One function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct HookRow {
    /// What is replaced, from the module's lowest address.
    pub offset: u32,
    /// Bytes that are replaced: whole instructions, at least five bytes, of which nothing jumps to any but the first.
    pub replaced: u8,
    /// Which parameter has the number of bytes asked for, from 0.
    pub size_parameter: u8,
    /// Bytes of `moved` that mean something.
    pub moved_len: u8,
    /// Entries of `fixes` that mean something.
    pub fixes_len: u8,
    /// What is there now.
    pub original: [u8; REPLACED_MAX],
    /// The same instructions, to be run elsewhere. They go on at `offset + replaced`.
    pub moved: [u8; MOVED_MAX],
    /// What of `moved` depends on where it lies.
    pub fixes: [MovedFix; MOVED_FIXES_MAX],
}

/// Values of [`MovedFix::kind`].
pub mod fix {
    /// The distance from the end of the instruction to the place.
    pub const DISTANCE: u16 = 0;
    /// The lower half of the place's address.
    pub const LOW: u16 = 1;
    /// The upper half of the place's address.
    pub const HIGH: u16 = 2;
}

/// Four bytes of moved code that say where a place of the module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct MovedFix {
    /// Where they are in the moved code.
    pub at: u8,
    /// Where their instruction ends in the moved code.
    pub end: u8,
    /// What of the place they say: see [`fix`].
    pub kind: u16,
    /// The place, from the module's lowest address.
    pub target: u32,
}

const _: () = {
    assert!(size_of::<HookTableHeader>() == 56);
    assert!(size_of::<MovedFix>() == 8);
    assert!(size_of::<HookRow>() == 132);
};

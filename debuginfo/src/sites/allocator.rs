//! Functions that allocate: those of the C library and of C++, and what is said of each.

use super::value::Gpr;
use crate::table::TypeId;

/// Where the number of bytes that a call asks for comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// Not from an argument in a simple way.
    #[default]
    Unknown,
    /// An argument, plus so many bytes.
    Bytes(Gpr, i64),
    /// So many elements, in one argument, of so many bytes, in the other.
    Elements {
        /// How many.
        count: Gpr,
        /// Bytes of each.
        size: Gpr,
    },
}

/// How a caller gets at the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// The function returns a pointer to this offset in it.
    Returned(i64),
    /// The function stores a pointer to it where this argument points.
    Stored(Gpr),
}

/// A function that hands out memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allocator {
    pub(super) asked: Asked,
    pub(super) handed: Handed,
    /// The argument that has the block to be resized.
    pub(super) resized: Option<Gpr>,
    /// It makes strings.
    pub(super) makes_bytes: bool,
    /// It ends in a jump to its own allocator, so that its callers' frames are the innermost; and what it returns is this.
    pub(super) returns: Option<TypeId>,
}

const FIRST: Gpr = Gpr::ARGUMENTS[0];
const SECOND: Gpr = Gpr::ARGUMENTS[1];
const THIRD: Gpr = Gpr::ARGUMENTS[2];

impl Allocator {
    pub(super) fn returning(asked: Asked) -> Allocator {
        Allocator { asked, handed: Handed::Returned(0), resized: None, makes_bytes: false, returns: None }
    }

    /// By the name of its symbol.
    pub(super) fn named(name: &str) -> Option<Allocator> {
        let bytes = |register| Allocator::returning(Asked::Bytes(register, 0));
        let elements = |count, size| Allocator::returning(Asked::Elements { count, size });
        let string = Allocator { makes_bytes: true, ..Allocator::returning(Asked::Unknown) };
        Some(match name {
            "malloc" | "__libc_malloc" | "valloc" | "__libc_valloc" | "pvalloc" | "__libc_pvalloc" => {
                bytes(FIRST)
            }
            "calloc" | "__libc_calloc" => elements(FIRST, SECOND),
            "realloc" | "__libc_realloc" => Allocator { resized: Some(FIRST), ..bytes(SECOND) },
            "reallocarray" | "__libc_reallocarray" => {
                Allocator { resized: Some(FIRST), ..elements(SECOND, THIRD) }
            }
            "aligned_alloc" | "memalign" | "__libc_memalign" => bytes(SECOND),
            "posix_memalign" | "__posix_memalign" => {
                Allocator { handed: Handed::Stored(FIRST), ..bytes(THIRD) }
            }
            "strdup" | "__strdup" | "strndup" | "__strndup" => string,
            // operator new and new[], with and without nothrow and alignment (Itanium C++ ABI, 5.1.4.4).
            "_Znwm"
            | "_Znam"
            | "_ZnwmRKSt9nothrow_t"
            | "_ZnamRKSt9nothrow_t"
            | "_ZnwmSt11align_val_t"
            | "_ZnamSt11align_val_t"
            | "_ZnwmSt11align_val_tRKSt9nothrow_t"
            | "_ZnamSt11align_val_tRKSt9nothrow_t" => bytes(FIRST),
            _ => return None,
        })
    }
}

/// Functions of the C library that return their first argument.
pub(super) fn returns_first_argument(name: &str) -> bool {
    let name = name.strip_prefix("__").and_then(|name| name.strip_suffix("_chk")).unwrap_or(name);
    matches!(name, "memset" | "memcpy" | "memmove" | "strcpy" | "strncpy" | "strcat" | "strncat")
}

/// Functions of the C library that never return.
pub(super) fn never_returns(name: &str) -> bool {
    matches!(
        name,
        "abort"
            | "exit"
            | "_exit"
            | "_Exit"
            | "quick_exit"
            | "__assert_fail"
            | "__assert"
            | "__assert_perror_fail"
            | "__stack_chk_fail"
            | "__fortify_fail"
            | "__chk_fail"
            | "longjmp"
            | "_longjmp"
            | "siglongjmp"
            | "__longjmp_chk"
            | "pthread_exit"
            | "thrd_exit"
            | "err"
            | "errx"
            | "verr"
            | "verrx"
            | "__cxa_throw"
            | "__cxa_rethrow"
            | "__cxa_bad_cast"
            | "_Unwind_Resume"
            | "_ZSt9terminatev"
            | "_ZSt17__throw_bad_allocv"
            | "__libc_start_main"
    )
}

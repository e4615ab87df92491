//! Why a value cannot be had.

use super::register::Register;

/// Why a value that the debug info describes cannot be had here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// A function below has overwritten it and not saved it, or the caller did not provide it.
    #[error("register {0} of this frame is not known")]
    Register(Register),
    /// Not one of those that are followed.
    #[error("DWARF register {0} is not followed")]
    OtherRegister(u16),
    /// It is not mapped, or not part of what is at hand.
    #[error("memory at {0:#x} cannot be read")]
    Memory(u64),
    /// The function does not say what its variables' places count from.
    #[error("the function has no frame base")]
    FrameBase,
    /// The frame could not be unwound.
    #[error("the frame's canonical frame address is not known")]
    Cfa,
    /// What it was when the function was entered does not follow from its caller.
    #[error("the value at entry is not known: {0}")]
    EntryValue(NoEntryValue),
    /// The caller of this crate does not say where threads have their variables.
    #[error("the place of thread-local variables is not known (offset {0:#x})")]
    ThreadLocal(u64),
    /// Parts of it were left out by the compiler.
    #[error("the compiler left out a part of it")]
    InPart,
    /// It has no address to read: the object pointed at was left out by the compiler.
    #[error("it points to something that the compiler left out")]
    Implicit,
    /// More was asked for than is described.
    #[error("it is larger than what is described")]
    Size,
    /// Expressions call each other without end, or nearly so.
    #[error("the expression that describes it goes on for too long")]
    Endless,
    /// An operation of other machines or languages.
    #[error("the expression that describes it has an operation that is not known here")]
    Unsupported,
    /// The debug info is damaged.
    #[error("the debug info is damaged: {0}")]
    Damaged(gimli::Error),
}

impl From<gimli::Error> for Unavailable {
    fn from(error: gimli::Error) -> Unavailable {
        match error {
            gimli::Error::TooManyIterations => Unavailable::Endless,
            error => Unavailable::Damaged(error),
        }
    }
}

/// Why the value that something had when its function was entered does not follow from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEntryValue {
    /// The frame above is not there, or a signal came between.
    #[error("there is no caller's frame")]
    NoCaller,
    /// Nothing is known of that call.
    #[error("the caller has no debug info of the call")]
    NoCallSite,
    /// By a jump instead of a call in between, or by a pointer.
    #[error("the caller's call does not lead to this function for sure")]
    OtherCallee,
    /// Then the arguments may be those of a later call.
    #[error("the function may have reached itself by a jump")]
    TailCalls,
    /// The compiler does not know what the caller passed.
    #[error("the caller does not say what it passed")]
    NoParameter,
}

impl From<NoEntryValue> for Unavailable {
    fn from(why: NoEntryValue) -> Unavailable {
        Unavailable::EntryValue(why)
    }
}

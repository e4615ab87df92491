//! Condition variables whose waiters are to look once more at what they wait for.
//!
//! A thread waits for a condition at a futex within the `pthread_cond_t`. Woken at that alone it would go back to sleep: the C library counts
//! signals. So it is asked to signal it, by a call in the process, before the thread is back there: it then finds that it need not wait.

use super::TellingError;
use crate::hold::{Hands, Registers};
use mcrx_debuginfo::file::Binary;
use mcrx_tracer::image::Process;
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where the two futexes are in a `pthread_cond_t`, four bytes each (glibc's struct `__pthread_cond_s`, `__g_signals`).
const FUTEXES: u64 = 40;

/// Signals the conditions of these futexes. `new`: the new release, whose C library this is done by.
///
/// # Errors
/// [`TellingError`]
pub fn signal(
    futexes: &[u64],
    new: &Process,
    hands: &Hands<'_>,
    thread: Pid,
    main: &Registers,
) -> Result<(), TellingError> {
    if futexes.is_empty() {
        return Ok(());
    }
    const FUNCTION: &str = "pthread_cond_broadcast";
    let is_libc = |path: &Path| path.file_name().is_some_and(|name| name == "libc.so.6");
    let module = new.modules.iter().find(|module| is_libc(&module.path));
    let place = module.and_then(|module| {
        let linked = Binary::open(&module.path).ok()?.exported(FUNCTION)?;
        Some(module.mapped(linked.0))
    });
    let unwilling =
        |address| TellingError::Unwilling { library: "libc.so.6".to_owned(), function: FUNCTION, address };
    for futex in futexes {
        let function = place.ok_or_else(|| unwilling(*futex))?;
        // The structure is aligned to eight bytes.
        let condition = futex.saturating_sub(FUTEXES) & !7;
        if hands.call(thread, main, function, &[condition], PATIENCE)? & 0xFFFF_FFFF != 0 {
            return Err(unwilling(condition));
        }
    }
    Ok(())
}

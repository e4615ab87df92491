//! Which threads of a process and of the new release in its place belong together, and the epoll sets that they wait for.
//!
//! What it does not do: give a thread another's registers ([`crate::switch`]).

use crate::kernel::{KernelState, ThreadState};
use crate::switch::Pairs;
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::Address;
use mcrx_tracer::image::{Module, Process};
use nix::libc;
use std::collections::HashMap;
use std::path::Path;

/// What belongs together.
pub(super) struct Partners {
    /// Threads.
    pub(super) threads: Pairs,
    /// The epoll sets that pairs of threads wait for: the new release's number, and the old one's.
    pub(super) awaited: Vec<(i32, i32)>,
    /// Futexes by which threads of the new release wait for conditions that are to be signalled.
    pub(super) woken: Vec<u64>,
}

impl Partners {
    /// Finds it.
    pub(super) fn of(old: (&Process, &KernelState), new: (&Process, &KernelState)) -> Partners {
        let functions = [old, new].map(|(process, state)| Functions::of(process, &state.threads));
        let [of_old, of_new] = functions.each_ref().map(|known| |address| known.name(address));
        let threads = Pairs::of(&old.1.threads, &new.1.threads, of_old, of_new);
        let set = |state: &KernelState, place: usize| awaited_by(state.threads.get(place)?);
        let pairs = threads.pairs.iter();
        let awaited =
            pairs.filter_map(|(of_old, of_new)| Some((set(new.1, *of_new)?, set(old.1, *of_old)?))).collect();
        Partners { threads, awaited, woken: Vec::new() }
    }
}

fn awaited_by(thread: &ThreadState) -> Option<i32> {
    const WAITS: [libc::c_long; 3] = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2];
    let waits = thread.blocked_in.is_some_and(|call| WAITS.contains(&call.into()));
    let number = waits.then_some(thread.registers.rdi)?;
    i32::try_from(number).ok()
}

/// Names of the functions that threads were started with.
struct Functions(HashMap<u64, String>);

impl Functions {
    /// A function is known by its file's name up to the first dot, and its own: `libevent` may have another version, or lie elsewhere.
    fn of(process: &Process, threads: &[ThreadState]) -> Functions {
        let started = threads.iter().filter_map(|thread| thread.start_routine);
        let mut files: HashMap<&Path, Option<Binary>> = HashMap::new();
        let mut names = HashMap::new();
        for address in started {
            let holds = |module: &&Module| module.range.contains(&address);
            let Some(module) = process.modules.iter().find(holds) else { continue };
            let binary = files.entry(&module.path).or_insert_with(|| Binary::open(&module.path).ok());
            let linked = Address(address.wrapping_sub(module.bias));
            let symbol = binary.as_ref().and_then(|binary| binary.symbols().function_at(linked));
            let file = match module.path == process.executable {
                true => String::new(),
                false => stem(&module.path),
            };
            if let Some(symbol) = symbol {
                names.insert(address, format!("{file}:{}", symbol.name));
            }
        }
        Functions(names)
    }

    fn name(&self, address: u64) -> Option<String> {
        self.0.get(&address).cloned()
    }
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

//! Whether each thread of the old release waits where the thread of the new one waits whose part it takes: whatever it was in the middle
//! of otherwise would be forgotten.
//!
//! | a thread of the old release | |
//! |---|---|
//! | waits in a call of its partner's kind, where it waited when its start-up was done: functions have called each other at the same places | is where it should be |
//! | waits in a call of its partner's kind, and functions of the program of the same names have led there | is where it should be |
//! | waits in a function, wherever in it, of which the rules say `quiesce at FUNCTION` | is where it should be; a partner that waits for a condition in it is woken |
//! | waits anywhere else | stops the update, if it does not get to where it should be |
//!
//! A thread whose part nobody takes, since the new release makes no such thread, ends with the update. It should be where it was when its start-up was
//! done, or in a function that the rules say `quiesce at` of; one that was made since start-up stops the update.
//!
//! What it does not do: have threads run on. That is done before ([`super::quiescent`]).

use super::quiescent::kind;
use crate::kernel::{KernelState, ThreadState};
use crate::process::is_c_library;
use crate::switch::Pairs;
use mcrx_dsl::rules::{Process, Rules};
use mcrx_tracer::calls::{self, Call, Calls};
use mcrx_tracer::debug::Debug;
use mcrx_tracer::image;
use mcrx_tracer::trace::Trace;
use nix::libc;

/// Where all threads wait in both start-ups.
pub(super) struct Waits {
    start: Vec<Of>,
    new: Vec<Of>,
    /// Functions in which threads have nothing to do, of all processes or of those that call themselves something.
    quiescent: Vec<(String, Option<String>)>,
}

/// Of one process.
struct Of {
    pid: u32,
    executable: std::path::PathBuf,
    threads: Vec<Calls>,
}

impl Waits {
    pub(super) fn of(start: &[Trace<'_>], new: &[Trace<'_>], rules: &Rules) -> Waits {
        let all = |traces: &[Trace<'_>]| {
            traces.iter().map(|trace| Of::process(trace.process, &trace.known.debug)).collect()
        };
        let quiescent = rules.processes.iter().filter_map(|process| match &process.is {
            Process::Quiesce { at, title, .. } => {
                Some((at.is.name.clone(), title.as_ref().map(|title| title.is.clone())))
            }
            Process::Role(_) => None,
        });
        Waits { start: all(start), new: all(new), quiescent: quiescent.collect() }
    }

    /// Of a process as it is now. Says at which futexes threads of the new release wait for conditions that are to be signalled.
    ///
    /// # Errors
    /// Which threads wait elsewhere.
    pub(super) fn compare(
        &self,
        (process, debug): (&image::Process, &Debug),
        (old, new): (&KernelState, &KernelState),
        partners: &Pairs,
    ) -> Result<Vec<u64>, Vec<String>> {
        let now = Of::process(process, debug);
        let of_process = |all: &'_ [Of]| all.iter().position(|one| one.pid == now.pid);
        let start = of_process(&self.start).and_then(|place| self.start.get(place));
        let parked = of_process(&self.new).and_then(|place| self.new.get(place));
        let is_of_it =
            |title: &Option<String>| title.as_ref().is_none_or(|title| process.name.contains(title));
        let quiescent = self.quiescent.iter().filter(|(_, title)| is_of_it(title));
        let quiescent: Vec<&str> = quiescent.map(|(function, _)| function.as_str()).collect();
        let (mut woken, mut elsewhere) = (Vec::new(), Vec::new());
        for (of_old, of_new) in &partners.pairs {
            let (Some(thread), Some(partner)) = (old.threads.get(*of_old), new.threads.get(*of_new)) else {
                continue;
            };
            let number = thread.id.as_raw().cast_unsigned();
            let there = parked.and_then(|parked| Some((parked, parked.thread(partner.tid.cast_unsigned())?)));
            let Some((here, (parked, there))) = now.thread(number).zip(there) else {
                elsewhere.push(format!(
                    "nobody knows where thread {number} waits, or its partner {}",
                    partner.tid
                ));
                continue;
            };
            let before = start.and_then(|start| start.thread(number));
            let is_where_it_was = || before.is_some_and(|before| is_same(before, here));
            if is_same_kind(here, there) && (is_where_it_was() || now.is_like(here, parked, there)) {
                continue;
            }
            if quiescent.iter().any(|function| now.is_in(here, parked, there, function)) {
                woken.extend(condition(partner, there));
                continue;
            }
            let name = String::from_utf8_lossy(&thread.name).into_owned();
            elsewhere.push(format!(
                "thread {number} ({name}) waits in {}, and the new release's in {}: if it has nothing to do there, say `quiesce at FUNCTION`",
                now.described(here),
                parked.described(there),
            ));
        }
        for thread in partners.surplus.iter().filter_map(|place| old.threads.get(*place)) {
            let number = thread.id.as_raw().cast_unsigned();
            if let Err(why) = now.may_end(number, start, &quiescent) {
                let name = String::from_utf8_lossy(&thread.name);
                elsewhere.push(format!(
                    "thread {number} ({name}), in whose place the new release's start-up makes none, {why}"
                ));
            }
        }
        if elsewhere.is_empty() { Ok(woken) } else { Err(elsewhere) }
    }
}

impl Of {
    fn process(process: &image::Process, debug: &Debug) -> Of {
        let image::Process { pid, executable, .. } = process;
        Of { pid: *pid, executable: executable.clone(), threads: calls::of(process, debug) }
    }

    fn thread(&self, tid: u32) -> Option<&Calls> {
        self.threads.iter().find(|thread| thread.tid == tid)
    }

    /// Whether a thread that nobody takes the part of is where it was when its start-up (`start`) was done, or in a quiescent function that had
    /// led it there: it ends with the update.
    ///
    /// # Errors
    /// Why that would be a loss.
    fn may_end(&self, number: u32, start: Option<&Of>, quiescent: &[&str]) -> Result<(), String> {
        let here = self.thread(number).ok_or("waits nobody knows where")?;
        let before = start.and_then(|start| Some((start, start.thread(number)?)));
        let (start, before) = before
            .ok_or_else(|| format!("was made since start-up, and waits in {}", self.described(here)))?;
        let is_where_it_was = is_same_kind(before, here) && is_same(before, here);
        if is_where_it_was || quiescent.iter().any(|function| self.is_in(here, start, before, function)) {
            return Ok(());
        }
        Err(format!(
            "waits in {}, and when start-up was done in {}",
            self.described(here),
            start.described(before)
        ))
    }

    /// Functions of the program, the outermost first.
    fn functions<'c>(&'c self, calls: &'c Calls) -> impl Iterator<Item = &'c str> {
        let is_own = |call: &&Call| call.file.as_deref() == Some(self.executable.as_path());
        calls.calls.iter().filter(is_own).map(|call| call.function.as_deref().unwrap_or("?"))
    }

    /// Whether functions of the same names have led there. Where the compiler has inlined one in one release only, they differ.
    fn is_like(&self, here: &Calls, other: &Of, there: &Calls) -> bool {
        self.functions(here).eq(other.functions(there))
    }

    /// Whether both are in a function, which the same functions have led to.
    fn is_in(&self, here: &Calls, other: &Of, there: &Calls, function: &str) -> bool {
        let outer = |of: &Of, calls: &Calls| {
            let names: Vec<String> = of.functions(calls).map(str::to_owned).collect();
            let place = names.iter().position(|name| name == function)?;
            Some(names.into_iter().take(place + 1).collect::<Vec<_>>())
        };
        let here = outer(self, here);
        here.is_some() && here == outer(other, there)
    }

    /// For people: what the program has called, and by which functions of its own, the innermost first.
    fn described(&self, calls: &Calls) -> String {
        let is_own = |call: &Call| call.file.as_deref() == Some(self.executable.as_path());
        let called = calls.calls.iter().rposition(is_own).map_or(0, |last| last + 1);
        let waits = calls.calls.get(called).and_then(|call| call.function.as_deref());
        let mut functions: Vec<&str> = self.functions(calls).collect();
        functions.push(waits.unwrap_or("a system call"));
        functions.reverse();
        functions.join(" < ")
    }
}

/// Whether a thread of one program is where it was. Where exactly the innermost function waits may differ: it may have been about to.
fn is_same(before: &Calls, now: &Calls) -> bool {
    let outer = |calls: &'_ Calls| calls.calls.len().saturating_sub(1);
    let places = |calls: &'_ Calls| -> Vec<(Option<std::path::PathBuf>, u64)> {
        calls.calls.iter().take(outer(calls)).map(|call| (call.file.clone(), call.linked.0)).collect()
    };
    places(before) == places(now)
}

fn is_same_kind(one: &Calls, other: &Calls) -> bool {
    one.blocked_in.map(kind) == other.blocked_in.map(kind)
}

/// The futex by which a thread of the new release waits for a condition.
fn condition(partner: &ThreadState, calls: &Calls) -> Option<u64> {
    let waits = |call: &Call| {
        call.file.as_deref().is_some_and(is_c_library)
            && call.function.as_deref().is_some_and(|function| function.contains("pthread_cond_"))
    };
    let in_futex = partner.blocked_in.is_some_and(|call| i64::from(call) == libc::SYS_futex);
    (in_futex && calls.calls.iter().any(waits)).then_some(partner.registers.rdi)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcrx_debuginfo::table::Address;

    const PROGRAM: &str = "/usr/bin/server";

    /// A process with one thread, in a call, where these functions of the program have led, each at its place.
    fn of(call: libc::c_long, functions: &[(&str, u64)]) -> Of {
        let call_of = |(function, place): &(&str, u64)| Call {
            file: Some(PROGRAM.into()),
            linked: Address(*place),
            function: Some((*function).to_owned()),
        };
        let waits = Call { file: Some("/usr/lib/libc.so.6".into()), linked: Address(9), function: None };
        let calls = functions.iter().map(call_of).chain([waits]).collect();
        let blocked_in = u32::try_from(call).ok();
        let threads = vec![Calls { tid: 7, blocked_in, calls }];
        Of { pid: 1, executable: PROGRAM.into(), threads }
    }

    fn may_end(now: &Of, start: Option<&Of>, quiescent: &[&str]) -> String {
        now.may_end(7, start, quiescent).err().unwrap_or_default()
    }

    /// memcached's logger naps while somebody watches: with all threads taken for new ones, it ended, and nobody told the watcher anything any more.
    #[test]
    fn a_thread_in_the_middle_of_something_does_not_end_because_its_partner_was_not_found() {
        let start = of(libc::SYS_futex, &[("logger", 0x10)]);
        assert_eq!(may_end(&start, Some(&start), &[]), "");
        let now = of(libc::SYS_clock_nanosleep, &[("logger", 0x20)]);
        assert!(may_end(&now, Some(&start), &[]).contains("waits in a system call < logger"));
        assert_eq!(
            may_end(&now, Some(&start), &["logger"]),
            "",
            "the rules say that it has nothing to do there"
        );
        // In the same kind of call, but somewhere else.
        let now = of(libc::SYS_futex, &[("logger", 0x20)]);
        assert!(!may_end(&now, Some(&start), &["other"]).is_empty());
    }

    #[test]
    fn a_thread_that_was_made_since_start_up_does_not_end() {
        let now = of(libc::SYS_futex, &[("job", 0x10)]);
        let without = Of { threads: Vec::new(), ..of(libc::SYS_futex, &[]) };
        assert!(may_end(&now, Some(&without), &["job"]).contains("was made since start-up"));
        assert!(may_end(&now, None, &["job"]).contains("was made since start-up"));
        assert!(may_end(&without, Some(&now), &["job"]).contains("nobody knows where"));
    }
}

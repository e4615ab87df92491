//! libevent: an event is a `struct event` of the program's, which the library registers in an event base and links into lists of that.
//!
//! | in the new release's start-up | in the new image | what is done |
//! |---|---|---|
//! | registered | the same | nothing |
//! | registered | otherwise, or not | `event_del`; then as the next |
//! | not registered, or not there | registered | `event_assign`, `event_add` |
//!
//! A timeout goes on: what is left of it is told. The old process's epoll set goes on, too, with all that is registered in it: where libevent
//! finds that it has what it adds, it changes that.
//!
//! Layout: `struct event` of event2/event_struct.h, by the program's own debug info. Flags: `EVLIST_...` there, `EV_...` of event2/event.h.

use super::{Images, TellingError};
use crate::graft::Journal;
use crate::hold::{Hands, HandsError, Registers};
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use mcrx_debuginfo::file::Binary;
use mcrx_debuginfo::table::{Kind, Table, Type};
use mcrx_transform::plan::Adapted;

use nix::unistd::Pid;
use std::ops::Range;
use std::time::Duration;

/// It waits for a time.
const TIMEOUT: u16 = 0x01;
/// It waits for a descriptor or a signal.
const INSERTED: u16 = 0x02;
/// Its callback is about to be called.
const ACTIVE: u16 = 0x08 | 0x20;
/// It is about to be given back.
const FINALIZING: u16 = 0x40;
/// It waits for a signal.
const SIGNAL: u16 = 0x08;
/// It stays registered when its callback was called.
const PERSIST: u16 = 0x10;
/// Kinds of callbacks up to here are those of plain events: `EV_CLOSURE_EVENT`, `..._SIGNAL`, `..._PERSIST`.
const LAST_PLAIN: u8 = 2;
/// The microseconds of a time; what is above says in which queue of equal timeouts an event is.
const MICROSECONDS: u64 = 0x000F_FFFF;
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where in the scratch space a `struct timeval` is put: behind a function's result.
const TIME: u64 = 64;

/// What is to be told.
#[derive(Debug)]
pub(super) struct Tellings {
    library: String,
    layout: Layout,
    functions: Functions,
    events: Vec<Telling>,
    /// All events that are not of the new release's own memory: to take one out of a list changes others.
    carried: Vec<u64>,
}

/// Of one event.
#[derive(Debug)]
struct Telling {
    address: u64,
    /// As the new release's start-up registered it.
    registered: Option<Vec<u8>>,
    /// As it is to be.
    event: Vec<u8>,
}

/// Where the members are.
#[derive(Debug, Clone)]
struct Layout {
    size: usize,
    flags: usize,
    priority: usize,
    closure: usize,
    callback: usize,
    argument: usize,
    descriptor: usize,
    base: usize,
    /// How long each time is waited.
    interval: Range<usize>,
    events: usize,
    /// When the time is up.
    expiry: Range<usize>,
}

/// Where the library's functions are.
#[derive(Debug, Clone, Copy)]
struct Functions {
    assign: u64,
    add: u64,
    del: u64,
    priority_set: u64,
}

impl Tellings {
    pub(super) fn of(adapted: &Adapted, images: Images<'_>) -> Result<Tellings, Vec<String>> {
        let Images { new, merged, table } = images;
        let library = adapted.library.clone();
        let told = |why: &str| vec![format!("{library}: {why}")];
        let modules = new.modules.iter();
        let is_it = |path: &std::path::Path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&adapted.adapter))
        };
        let functions: Vec<Functions> = modules
            .filter(|module| is_it(&module.path))
            .filter_map(|module| {
                let binary = Binary::open(&module.path).ok()?;
                Functions::of(|name| Some(module.mapped(binary.symbols().named(name).next()?.address.0)))
            })
            .collect();
        let [functions] = functions.as_slice() else {
            return match functions.len() {
                0 => Err(told("the new release does not have it, or has it without `event_add`")),
                _ => Err(told("the new release has several that have `event_add`")),
            };
        };
        let layout = Layout::of(table).ok_or_else(|| {
            told("`struct event` has another form in the new release than libevent 2.1 gives it")
        })?;
        let mut tellings = Tellings {
            library: library.clone(),
            layout: layout.clone(),
            functions: *functions,
            events: Vec::new(),
            carried: Vec::new(),
        };
        let mut refused = Vec::new();
        for address in &adapted.objects {
            let Some(event) = merged.memory.bytes(*address, layout.size) else { continue };
            let own = new.memory.bytes(*address, layout.size);
            if own.is_none() {
                tellings.carried.push(*address);
            }
            let registered = own.filter(|own| layout.is_registered(own));
            if registered.is_none() && !layout.is_registered(event) || registered == Some(event) {
                continue;
            }
            match layout.cannot_be_told(event) {
                Some(why) => refused.push(format!("{library}: the event at {address:#x} {why}")),
                None => tellings.events.push(Telling {
                    address: *address,
                    registered: registered.map(<[u8]>::to_vec),
                    event: event.to_vec(),
                }),
            }
        }
        if refused.is_empty() { Ok(tellings) } else { Err(refused) }
    }

    pub(super) fn tell(
        &self,
        hands: &Hands<'_>,
        thread: Pid,
        main: &Registers,
        journal: &mut Journal,
    ) -> Result<(), TellingError> {
        let unwritable = |source| HandsError::Memory { process: thread, source };
        let memory = ProcessMemory::of(thread);
        journal.keep(&memory, self.carried.iter().map(|at| (*at, self.layout.size))).map_err(unwritable)?;
        let call = |function: u64, arguments: &[u64]| hands.call(thread, main, function, arguments, PATIENCE);
        let write = |at: u64, bytes: &[u8]| memory.write(Address(at), bytes).map_err(unwritable);
        for Telling { address, registered, event } in &self.events {
            let (at, layout) = (*address, &self.layout);
            if let Some(registered) = registered {
                write(at, registered)?;
                if layout.means_the_same(registered, event) {
                    continue;
                }
                self.has_done("event_del", at, call(self.functions.del, &[at])?)?;
                write(at, &layout.unregistered(event))?;
            }
            if !layout.is_registered(event) {
                continue;
            }
            let word = |at| layout.word(event, at);
            let descriptor = u64::from(layout.descriptor(event).cast_unsigned());
            let waits_for = u64::from(layout.half(event, layout.events));
            let callback = [word(layout.callback), word(layout.argument)];
            let arguments = [at, word(layout.base), descriptor, waits_for, callback[0], callback[1]];
            self.has_done("event_assign", at, call(self.functions.assign, &arguments)?)?;
            let mut assigned = vec![0; layout.size];
            memory.read(Address(at), &mut assigned).map_err(unwritable)?;
            let priority = layout.priority(event);
            if layout.priority(&assigned) != priority {
                let arguments = [at, u64::from(priority)];
                self.has_done("event_priority_set", at, call(self.functions.priority_set, &arguments)?)?;
            }
            let mut time = 0;
            if layout.has(event, TIMEOUT) {
                let (scratch, _) = hands.scratch(thread)?;
                time = scratch + TIME;
                let left = layout.expires(event).saturating_sub(now());
                let left = [left.as_secs().to_le_bytes(), u64::from(left.subsec_micros()).to_le_bytes()];
                write(time, left.as_flattened())?;
            }
            self.has_done("event_add", at, call(self.functions.add, &[at, time])?)?;
            if layout.repeats(event) {
                // Not what is left this time.
                let interval = event.get(layout.interval.clone()).unwrap_or_default();
                write(at + layout.interval.start as u64, interval)?;
            }
        }
        Ok(())
    }

    /// By the C `int` that a function has returned.
    fn has_done(&self, function: &'static str, address: u64, result: u64) -> Result<(), TellingError> {
        match result & 0xFFFF_FFFF {
            0 => Ok(()),
            _ => Err(TellingError::Unwilling { library: self.library.clone(), function, address }),
        }
    }
}

impl Functions {
    fn of(function: impl Fn(&str) -> Option<u64>) -> Option<Functions> {
        Some(Functions {
            assign: function("event_assign")?,
            add: function("event_add")?,
            del: function("event_del")?,
            priority_set: function("event_priority_set")?,
        })
    }
}

impl Layout {
    fn of(table: &Table) -> Option<Layout> {
        let mut types = table.types_named("event");
        let event = types.find(|ty| matches!(ty.kind(), Kind::Aggregate) && !ty.is_declaration())?;
        let at = |path: &[&str], size: u64| -> Option<usize> {
            let (offset, ty) = place(event, path)?;
            (ty.size() == Some(size)).then(|| usize::try_from(offset).ok()).flatten()
        };
        let time = |path: &[&str]| at(path, 16).map(|start| start..start + 16);
        Some(Layout {
            size: usize::try_from(event.size()?).ok()?,
            flags: at(&["ev_evcallback", "evcb_flags"], 2)?,
            priority: at(&["ev_evcallback", "evcb_pri"], 1)?,
            closure: at(&["ev_evcallback", "evcb_closure"], 1)?,
            callback: at(&["ev_evcallback", "evcb_cb_union"], 8)?,
            argument: at(&["ev_evcallback", "evcb_arg"], 8)?,
            descriptor: at(&["ev_fd"], 4)?,
            base: at(&["ev_base"], 8)?,
            interval: time(&["ev_", "ev_io", "ev_timeout"])?,
            events: at(&["ev_events"], 2)?,
            expiry: time(&["ev_timeout"])?,
        })
    }

    fn word(&self, event: &[u8], at: usize) -> u64 {
        debug_assert!(at + 8 <= self.size);
        event.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
    }

    fn half(&self, event: &[u8], at: usize) -> u16 {
        debug_assert!(at + 2 <= self.size);
        event.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
    }

    fn descriptor(&self, event: &[u8]) -> i32 {
        let bytes = event.get(self.descriptor..self.descriptor + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(-1, i32::from_le_bytes)
    }

    fn priority(&self, event: &[u8]) -> u8 {
        event.get(self.priority).copied().unwrap_or(0)
    }

    fn has(&self, event: &[u8], flags: u16) -> bool {
        self.half(event, self.flags) & flags != 0
    }

    fn is_registered(&self, event: &[u8]) -> bool {
        self.has(event, TIMEOUT | INSERTED)
    }

    /// Whether it waits for a time again and again.
    fn repeats(&self, event: &[u8]) -> bool {
        self.has(event, TIMEOUT) && self.half(event, self.events) & PERSIST != 0
    }

    /// When its time is up, by the clock that libevent reads.
    fn expires(&self, event: &[u8]) -> Duration {
        let [seconds, micros] = [self.expiry.start, self.expiry.start + 8].map(|at| self.word(event, at));
        Duration::from_secs(seconds) + Duration::from_micros(micros & MICROSECONDS)
    }

    /// Whether libevent was told the same by both.
    fn means_the_same(&self, one: &[u8], other: &[u8]) -> bool {
        let told = |event| {
            let words = [self.callback, self.argument, self.base].map(|at| self.word(event, at));
            let flags = self.half(event, self.flags) & (TIMEOUT | INSERTED);
            (words, flags, self.half(event, self.events), self.descriptor(event), self.priority(event))
        };
        let expiry =
            |event| (!self.has(event, TIMEOUT)).then(Duration::default).unwrap_or(self.expires(event));
        told(one) == told(other) && expiry(one) == expiry(other)
    }

    /// The same event, which waits for nothing.
    fn unregistered(&self, event: &[u8]) -> Vec<u8> {
        let mut event = event.to_vec();
        let flags = self.half(&event, self.flags) & !(TIMEOUT | INSERTED);
        if let Some(place) = event.get_mut(self.flags..self.flags + 2) {
            place.copy_from_slice(&flags.to_le_bytes());
        }
        event
    }

    /// What stands against telling it, if something does.
    fn cannot_be_told(&self, event: &[u8]) -> Option<&'static str> {
        if !self.is_registered(event) {
            return None;
        }
        if self.has(event, ACTIVE | FINALIZING) {
            return Some("is about to be handled: try again");
        }
        if self.half(event, self.events) & SIGNAL != 0 {
            return Some(
                "waits for a signal, which the new release's start-up does not: that cannot be told yet",
            );
        }
        if event.get(self.closure).is_none_or(|closure| *closure > LAST_PLAIN) {
            return Some("has a callback of libevent's own");
        }
        let interval = event.get(self.interval.clone()).unwrap_or_default();
        if self.repeats(event) && interval.iter().all(|byte| *byte == 0) {
            return Some(
                "waits for a time again and again, and the rules leave out how long (`ev_.ev_io.ev_timeout`)",
            );
        }
        (self.word(event, self.base) == 0).then_some("is registered nowhere")
    }
}

/// A member of members.
fn place<'t>(ty: Type<'t>, path: &[&str]) -> Option<(u64, Type<'t>)> {
    path.iter().try_fold((0, ty), |(at, ty), name| {
        let (bits, member) = ty.resolved()?.field(name)?;
        Some((at + bits / 8, member.ty()?.resolved()?))
    })
}

/// By CLOCK_MONOTONIC.
fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As libevent 2.1 lays it out on x86-64.
    fn layout() -> Layout {
        Layout {
            size: 128,
            flags: 16,
            priority: 18,
            closure: 19,
            callback: 24,
            argument: 32,
            descriptor: 56,
            base: 64,
            interval: 88..104,
            events: 104,
            expiry: 112..128,
        }
    }

    struct Event(Vec<u8>);

    impl Event {
        /// Waits to read from descriptor 7.
        fn reading() -> Event {
            Event(vec![0; 128])
                .half(16, 0x80 | INSERTED)
                .half(104, 0x02 | PERSIST)
                .word(24, 0x5555)
                .word(64, 0x6666)
                .half(56, 7)
        }

        fn half(mut self, at: usize, value: u16) -> Event {
            self.0[at..at + 2].copy_from_slice(&value.to_le_bytes());
            self
        }

        fn word(mut self, at: usize, value: u64) -> Event {
            self.0[at..at + 8].copy_from_slice(&value.to_le_bytes());
            self
        }
    }

    #[test]
    fn lists_that_an_event_is_in_are_not_what_libevent_was_told() {
        let layout = layout();
        let (one, linked) = (Event::reading(), Event::reading().word(0, 0x7777).word(72, 0x8888));
        assert!(layout.means_the_same(&one.0, &linked.0));
        for other in [
            Event::reading().half(56, 8),
            Event::reading().word(32, 1),
            Event::reading().half(104, 0x04),
            Event::reading().half(16, 0x80),
            Event::reading().half(18, 1),
        ] {
            assert!(!layout.means_the_same(&one.0, &other.0));
        }
    }

    #[test]
    fn a_time_counts_only_where_it_is_waited_for() {
        let layout = layout();
        let (one, other) = (Event::reading().word(112, 5), Event::reading().word(112, 6));
        assert!(layout.means_the_same(&one.0, &other.0));
        let waits = |event: Event| event.half(16, 0x80 | INSERTED | TIMEOUT);
        assert!(!layout.means_the_same(&waits(one).0, &waits(other).0));
        // In a queue of equal timeouts: its number is in the microseconds.
        let queued = Event::reading().word(112, 9).word(120, 0x5010_0000 | 250_000);
        assert_eq!(layout.expires(&queued.0), Duration::from_millis(9_250));
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let layout = layout();
        let why = |event: Event| layout.cannot_be_told(&event.0).unwrap_or("");
        assert_eq!(why(Event::reading()), "");
        assert!(why(Event::reading().half(16, 0x80 | INSERTED | 0x08)).contains("about to be handled"));
        assert!(why(Event::reading().half(104, SIGNAL | PERSIST)).contains("signal"));
        assert!(why(Event::reading().half(18, 4 << 8)).contains("callback of libevent's own"));
        assert!(why(Event::reading().word(64, 0)).contains("nowhere"));
        let again = Event::reading().half(16, 0x80 | INSERTED | TIMEOUT);
        assert!(why(again).contains("again and again"));
        let again = Event::reading().half(16, 0x80 | INSERTED | TIMEOUT).word(88, 5);
        assert_eq!(why(again), "");
        // One that waits for nothing is as it is.
        assert_eq!(why(Event::reading().half(16, 0x80 | 0x08)), "");
    }

    #[test]
    fn an_event_that_waits_for_nothing_keeps_all_else() {
        let layout = layout();
        let left = layout.unregistered(&Event::reading().0);
        assert!(!layout.is_registered(&left) && layout.has(&left, 0x80));
        assert_eq!(layout.word(&left, layout.callback), 0x5555);
    }
}

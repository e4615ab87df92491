//! The `MCRX_*` environment variables that the allocator knows.
//!
//! | variable | value | default | meaning |
//! |---|---|---|---|
//! | `MCRX_REGION` | hex address, a multiple of 1 TiB in the arena | the first free place | where this process's heap lies |
//! | `MCRX_EPOCH` | 0 to 4294967295 | 0 | which version of the program this is; also where the search for a place begins |
//! | `MCRX_SITES` | `on`, `off` | `on` | whether blocks are tagged with the site that made them |
//! | `MCRX_CALLERS` | a directory | none | where caller tables (`BUILDID.callers`) are looked for |
//! | `MCRX_HOOKS` | a directory | none | where hook tables (`BUILDID.hooks`) are looked for |
//! | `MCRX_PURGE_DELAY` | milliseconds | 1000 | how long freed pages are kept before they go back to the system |
//! | `MCRX_ON_ERROR` | `abort`, `report` | `abort` | what follows the message on a double or invalid free |
//! | `MCRX_PLACEMENT` | a file | none | where start-up blocks are to be placed (see `place`) |
//!
//! Anything else that begins with `MCRX_` and is not another part's is reported once on standard error and ignored, as is a value
//! that cannot be read.

use crate::abi::is_region_base;
use crate::report::Message;
use crate::sync::{AtomicU32, AtomicU64, Field};
use crate::sys;

/// What the environment asked for, or the defaults.
pub(crate) struct Settings {
    /// 0 for none.
    pub(crate) region: AtomicU64,
    pub(crate) epoch: AtomicU32,
    /// 1 for on.
    pub(crate) sites: AtomicU32,
    pub(crate) purge_delay_ms: AtomicU32,
    /// 1 for abort.
    pub(crate) abort_on_error: AtomicU32,
    /// Address of the NUL-terminated value in the process's initial environment; 0 for none.
    pub(crate) callers: AtomicU64,
    /// As `callers`.
    pub(crate) hooks: AtomicU64,
    /// As `callers`.
    pub(crate) placement: AtomicU64,
}

/// The settings of this process.
pub(crate) static SETTINGS: Settings = Settings {
    region: AtomicU64::new(0),
    epoch: AtomicU32::new(0),
    sites: AtomicU32::new(1),
    purge_delay_ms: AtomicU32::new(1000),
    abort_on_error: AtomicU32::new(1),
    callers: AtomicU64::new(0),
    hooks: AtomicU64::new(0),
    placement: AtomicU64::new(0),
};

const PREFIX: &[u8] = b"MCRX_";
/// Variables of other parts of mcrx, which this one passes over.
const FOREIGN: &[&[u8]] = &[b"MCRX_CACHE", b"MCRX_AGENT", b"MCRX_CONTROL", b"MCRX_LOG"];

/// What became of one variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Taken,
    NotOurs,
    Unknown,
    /// The value is none of what the text says.
    Malformed(&'static str),
}

impl Settings {
    /// Reads one `NAME=value` string of the environment. It must stay where it is.
    pub(crate) fn read(&self, variable: &[u8]) -> Outcome {
        if !variable.starts_with(PREFIX) {
            return Outcome::NotOurs;
        }
        let split = variable.iter().position(|byte| *byte == b'=').unwrap_or(variable.len());
        let (name, value) = (&variable[..split], variable.get(split + 1..).unwrap_or(&[]));
        let address = value.as_ptr().addr() as u64;
        match name {
            b"MCRX_REGION" => match hex(value).filter(|base| is_region_base(*base)) {
                Some(base) => self.region.set(base),
                None => {
                    return Outcome::Malformed(
                        "a multiple of 0x10000000000 from 0x100000000000 to 0x4f0000000000",
                    );
                }
            },
            b"MCRX_EPOCH" => match decimal(value) {
                Some(epoch) => self.epoch.set(epoch),
                None => return Outcome::Malformed("a number up to 4294967295"),
            },
            b"MCRX_PURGE_DELAY" => match decimal(value) {
                Some(delay) => self.purge_delay_ms.set(delay),
                None => return Outcome::Malformed("a number of milliseconds"),
            },
            b"MCRX_SITES" => match value {
                b"on" => self.sites.set(1),
                b"off" => self.sites.set(0),
                _ => return Outcome::Malformed("on or off"),
            },
            b"MCRX_ON_ERROR" => match value {
                b"abort" => self.abort_on_error.set(1),
                b"report" => self.abort_on_error.set(0),
                _ => return Outcome::Malformed("abort or report"),
            },
            b"MCRX_CALLERS" => self.callers.set(address),
            b"MCRX_HOOKS" => self.hooks.set(address),
            b"MCRX_PLACEMENT" => self.placement.set(address),
            _ if FOREIGN.contains(&name) => return Outcome::NotOurs,
            _ => return Outcome::Unknown,
        }
        Outcome::Taken
    }

    /// The value of `MCRX_CALLERS`; empty if it is not set.
    pub(crate) fn directory_of_callers(&self) -> &'static [u8] {
        sys::text_at(self.callers.get())
    }

    /// The value of `MCRX_HOOKS`; empty if it is not set.
    pub(crate) fn directory_of_hooks(&self) -> &'static [u8] {
        sys::text_at(self.hooks.get())
    }

    /// The value of `MCRX_PLACEMENT`; empty if it is not set.
    pub(crate) fn placement_file(&self) -> &'static [u8] {
        sys::text_at(self.placement.get())
    }

    /// Reads one variable, and says on standard error what cannot be used.
    pub(crate) fn read_or_report(&self, variable: &[u8]) {
        let name = variable.split(|byte| *byte == b'=').next().unwrap_or(variable);
        match self.read(variable) {
            Outcome::Taken | Outcome::NotOurs => {}
            Outcome::Unknown => {
                Message::new().text("ignored: ").bytes(name).text(" is no setting of the allocator").send()
            }
            Outcome::Malformed(wanted) => {
                Message::new().text("ignored: ").bytes(variable).text(": wanted ").text(wanted).send();
            }
        }
    }
}

fn decimal(text: &[u8]) -> Option<u32> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

fn hex(text: &[u8]) -> Option<u64> {
    let digits = core::str::from_utf8(text).ok()?;
    u64::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Settings {
        Settings {
            region: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            sites: AtomicU32::new(1),
            purge_delay_ms: AtomicU32::new(1000),
            abort_on_error: AtomicU32::new(1),
            callers: AtomicU64::new(0),
            hooks: AtomicU64::new(0),
            placement: AtomicU64::new(0),
        }
    }

    #[test]
    fn well_formed_values_are_taken() {
        let settings = defaults();
        assert_eq!(settings.read(b"MCRX_REGION=0x110000000000"), Outcome::Taken);
        assert_eq!(settings.region.get(), 0x1100_0000_0000);
        assert_eq!(settings.read(b"MCRX_EPOCH=4294967295"), Outcome::Taken);
        assert_eq!(settings.epoch.get(), u32::MAX);
        assert_eq!(settings.read(b"MCRX_SITES=off"), Outcome::Taken);
        assert_eq!(settings.sites.get(), 0);
    }

    #[test]
    fn malformed_values_change_nothing_and_say_what_is_wanted() {
        let settings = defaults();
        for bad in [
            &b"MCRX_REGION=0x110000000001"[..],
            b"MCRX_REGION=",
            b"MCRX_REGION=0x1000",
            b"MCRX_EPOCH=-1",
            b"MCRX_EPOCH=4294967296",
            b"MCRX_EPOCH",
            b"MCRX_SITES=yes",
            b"MCRX_PURGE_DELAY=\xff",
        ] {
            assert!(matches!(settings.read(bad), Outcome::Malformed(_)), "{bad:?}");
        }
        assert_eq!((settings.region.get(), settings.epoch.get(), settings.sites.get()), (0, 0, 1));
    }

    #[test]
    fn unknown_names_are_told_from_other_parts_and_other_programs() {
        let settings = defaults();
        assert_eq!(settings.read(b"MCRX_SIETS=off"), Outcome::Unknown);
        assert_eq!(settings.read(b"MCRX_CACHE=/x"), Outcome::NotOurs);
        assert_eq!(settings.read(b"PATH=/bin"), Outcome::NotOurs);
    }
}

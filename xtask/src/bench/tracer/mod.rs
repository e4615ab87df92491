//! `cargo xtask bench tracer`: servers captured, written and traced, beside what else can do so.
//!
//! What it does not do: check what comes out. The tests of `mcrx-live` and `mcrx-tracer` and of the command do.

mod heap;
mod held;
mod server;
mod snapshot;

use super::area::{Area, Case, Method};
use super::supply::Supply;

pub(crate) const AREA: Area = Area {
    name: "tracer",
    about: "marking beside LeakSanitizer, time held and snapshots beside fork, plain copies and gcore",
    method: Method::Cases(cases),
};

fn cases(supply: &mut Supply) -> Vec<Case> {
    let mut cases = heap::cases(supply);
    cases.extend(held::cases(supply));
    cases.extend(snapshot::cases(supply));
    cases
}

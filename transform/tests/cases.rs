//! Pairs of C programs, run for real: what the transform makes of the old one's memory is what the new one would have had itself.
//!
//! * [`run`]: both releases compiled, run, captured.
//! * [`oracle`]: what memory means, without addresses.
//! * [`case`]: two releases and rules.
//! * [`fixed`]: pairs written by hand, one for each kind of change.

#[path = "cases/case.rs"]
mod case;
#[path = "cases/fixed.rs"]
mod fixed;
#[path = "cases/oracle.rs"]
mod oracle;
#[path = "cases/run.rs"]
mod run;

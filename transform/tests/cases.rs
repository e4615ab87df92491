//! Pairs of C programs, run for real: what the transform makes of the old one's memory is what the new one would have had itself.
//!
//! * [`run`]: both releases compiled, run, captured.
//! * [`oracle`]: what memory means, without addresses.
//! * [`case`]: two releases and rules.
//! * [`transformed`]: the transform, run on both.
//! * [`fixed`]: pairs written by hand, one for each kind of change.
//! * [`revived`]: the new release, going on from there.
//! * [`faults`]: what a plan refuses, and what happens if it does not.
//! * [`generated`]: pairs made up at random: [`model`], made by [`strategy`], written as C by [`emit`] and as rules by [`rules`]; [`made_up`]
//!   has many of them compiled at once, and makes small what fails.

#[path = "cases/case.rs"]
mod case;
#[path = "cases/emit.rs"]
mod emit;
#[path = "faults/planted.rs"]
mod faults;
#[path = "cases/fixed.rs"]
mod fixed;
#[path = "cases/generated.rs"]
mod generated;
#[path = "cases/made_up.rs"]
mod made_up;
#[path = "cases/model.rs"]
mod model;
#[path = "cases/oracle.rs"]
mod oracle;
#[path = "revived/revived.rs"]
mod revived;
#[path = "cases/rules.rs"]
mod rules;
#[path = "cases/run.rs"]
mod run;
#[path = "cases/strategy.rs"]
mod strategy;
#[path = "cases/transformed.rs"]
mod transformed;

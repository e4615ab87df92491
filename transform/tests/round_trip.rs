//! There and back again: what rules make of a process, and the derived rules of the way back make of that, has the state that it had.
//!
//! ```text
//!   OLD parked, OLD now, NEW parked --rules--> merged image
//!   NEW parked, merged,  OLD parked anew --derived rules--> merged image of both: what it means is what OLD now meant
//! ```
//!
//! * [`way`]: the transform there, and back.
//! * [`fixed`]: the pairs written by hand, and what has to be said for the way back of each.
//! * [`generated`]: pairs made up at random.

#[path = "cases/case.rs"]
#[allow(dead_code, reason = "one way alone is what `cases` looks at")]
mod case;
#[path = "cases/emit.rs"]
mod emit;
#[path = "round_trip/fixed.rs"]
mod fixed;
#[path = "round_trip/generated.rs"]
mod generated;
#[path = "cases/made_up.rs"]
mod made_up;
#[path = "cases/model.rs"]
mod model;
#[path = "cases/oracle.rs"]
#[allow(dead_code, reason = "faults of the oracle are what `cases` looks at")]
mod oracle;
#[path = "cases/rules.rs"]
mod rules;
#[path = "cases/run.rs"]
#[allow(dead_code, reason = "what a process says of itself is what `cases` looks at")]
mod run;
#[path = "cases/strategy.rs"]
mod strategy;
#[path = "round_trip/way.rs"]
mod way;

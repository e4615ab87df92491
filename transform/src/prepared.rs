//! What can be done before the old process is looked at as it is now: while a server still serves.
//!
//! ```text
//!   S1, V2, rules --Prepared::of--> types and variables that pair, recipes, blocks that pair      the server serves
//!   N1            --Prepared::plan--> what changed, what lives on, what is to be written            it is held
//! ```
//!
//! What it does not do: trace. All three processes are given as they were traced.

use crate::pairs::Pairs;
use crate::plan::{Course, Plan};
use crate::side::Side;
use crate::target::Room;
use mcrx_dsl::rules::Rules;

/// Everything that a plan takes but the old process as it is now, and room.
pub struct Prepared<'a> {
    /// The old process, parked after its start-up.
    pub start: Side<'a>,
    /// The new release's process, parked after its own.
    pub new: Side<'a>,
    /// How types and variables become the new release's.
    pub course: Course<'a>,
    /// Which block that the old start-up made corresponds to which of the new one's.
    pub pairs: Pairs,
}

impl<'a> Prepared<'a> {
    /// From both processes as their start-ups left them.
    pub fn of(start: Side<'a>, new: Side<'a>, rules: &'a Rules) -> Prepared<'a> {
        let course = Course::of(&start, &new, rules);
        let pairs = Pairs::find(&start, &new, &course, rules);
        Prepared { start, new, course, pairs }
    }

    /// The plan, from the old process as it is now.
    pub fn plan<'p>(&'p self, now: Side<'p>, room: &'p dyn Room) -> Plan {
        Plan::make((self.start, now, self.new), &self.course, &self.pairs, room)
    }
}

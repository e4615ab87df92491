//! One release's memory becomes the next one's.
//!
//! ```text
//!   S1  the old process, parked after its start-up ---+
//!   N1  the old process now --------------------------+--> pairs, differences --> Plan --> writes to a Target
//!   V2  the new process, parked after its start-up ---+                                     (V2 beside N1's heap)
//! ```
//!
//! Neither start-up is undone. What changed between S1 and N1 is the state to carry over; everything else is as V2's start-up left it. The
//! old heap stays where it is, beside V2's own memory.
//!
//! * [`side`]: a process with what is known of it, and what lies at an address of it.
//! * [`map`]: what the new image has in the place of an old address.
//! * [`pairs`]: which block that the old start-up made corresponds to which of the new one's.
//! * [`plan`]: what is to be written, or what stops it.
//! * [`prepared`]: all of that which needs no look at the old process as it is now.
//! * [`target`]: where the new image goes: an image in a file, or a process.
//! * [`verify`]: whether a new image holds together.
//!
//! What it does not do: look at processes, or stop them. Three images and the rules go in, a plan and writes come out.

mod fates;
pub mod map;
pub mod pairs;
pub mod plan;
pub mod prepared;
pub mod side;
pub mod target;
pub mod verify;

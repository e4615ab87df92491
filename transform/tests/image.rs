//! Images made of two processes that ran: what is in them, and what is found when something in them is wrong.

#[path = "image/faults.rs"]
mod faults;
#[path = "image/merged.rs"]
mod merged;
#[path = "image/scene.rs"]
mod scene;

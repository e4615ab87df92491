//! Facts, on objects of types that a C compiler has laid out: what they make of pointers, and that a second tracer, which evaluates them
//! by itself, agrees.

mod arrays;
mod inside;
mod matches;
mod places;
mod retained;
mod variants;
mod world;

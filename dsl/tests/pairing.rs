//! What becomes of what between two releases: on small sources, compiled here, and on random structures against a naive twin.

mod pairing {
    mod between;
    mod generated;
    mod members;
    mod questions;
    mod random;
    mod rules;
    mod variables;
}

//! A heap in the formats of viewers that people know.
//!
//! - [`folded`]: stacks on lines, for flame graphs and speedscope.
//! - [`flame`]: the flame graph itself, as SVG; of two snapshots one that is red where there is more than before, and blue where less.
//! - [`pprof`]: what `go tool pprof` and its kin read.
//! - [`heapsnapshot`]: what the Memory panel of Chrome's developer tools reads.
//!
//! What it does not do: print, or choose file names.

pub mod flame;
pub mod folded;
pub mod heapsnapshot;
pub mod pprof;

//! Timing engines against each other: what each takes, what its memory allows, and from which size a GPU pays.
//!
//! Flows in: functions, sizes, engines. Flows out: a [`Measurement`] for each case, with its error against the f64
//! reference (a fast wrong answer must show), [`Ratio`]s with their uncertainty, and the [`BreakEven`] of a GPU. The
//! files, in the order in which they import each other: `samples` (medians, ratios), `memory` (the host's bandwidth),
//! `model` (break-even, and what `--device auto` believes), `truth` (errors), `case` (one measurement).
//!
//! Who should not use it: tests. A timed assertion fails on a busy machine.

mod case;
mod memory;
mod model;
mod samples;
mod truth;

pub use case::{Case, Effort, Measurement, Work};
pub use memory::host_bandwidth;
pub use model::{BreakEven, Costs, Demand, Line};
pub use samples::{Ratio, Samples, Seconds};
pub use truth::Deviation;

//! Hops of `minimize` and `merge`: from the table of the starts to better minima.
//!
//! Flows in: the table, what was asked for. Flows out: the table with what hops have found, and what they took. Shares do
//! not hop: `merge` does for them, from the joined basins, as one run does.

use super::records::Run;
use crate::cli::Failure;
use gradfield::Expression;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::hops::Plan;
use gradfield::descent::{Basins, Hops, Method, Minima, Search, hop};
use std::time::Instant;

/// Hops, on the CPU in f64 on whatever engine the starts ran; none after the time `until`.
pub(super) fn hops(
    minima: Minima,
    basins: &Basins,
    expression: &Expression,
    run: &Run,
    until: Option<Instant>,
    cpu: &Cpu,
) -> Result<(Minima, Option<Hops>), Failure> {
    if run.hops == Some(0) {
        return Ok((minima, None));
    }
    let search = Search {
        method: Method::Auto,
        bounds: run.bounds.clone(),
        ranges: run.range.clone(),
        tolerance: run.tolerance,
        steps: run.steps,
        maximize: run.maximize,
    };
    let plan = Plan { seed: run.seed.unwrap_or_default(), evaluations: run.hops, until };
    let (minima, hops) = hop(minima, basins, expression, &search, &plan, cpu)?;
    Ok((minima, Some(hops)))
}

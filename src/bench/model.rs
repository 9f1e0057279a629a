//! From which size a GPU pays: a time is a fixed part and a part for each unit of work.
//!
//! Flows in: measured times, or (for `--device auto`, before anything is measured) what a function demands. Flows
//! out: a [`Line`] for each engine, and their [`BreakEven`]. A unit is a point of a grid, or a step of a particle.
//!
//! `bench` fits its lines to warm runs and adds to the fixed part of a GPU what it takes to open the device and to
//! compile; [`Costs`] says what `auto` believes instead. Both end in the same comparison.

use super::samples::Seconds;
use crate::op::{Op, Syntax, ops};
use crate::real::Precision;
use crate::tape::Tape;
use serde::Serialize;

/// `fixed + units * per_unit` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Line {
    /// What any run takes.
    pub fixed: Seconds,
    /// What one more unit takes.
    pub per_unit: Seconds,
}

impl Line {
    /// The line nearest to measured (units, seconds) by relative error, neither part below zero; for one measurement
    /// the one through it without a fixed part. None for no measurement.
    pub fn fit(measured: &[(f64, Seconds)]) -> Option<Line> {
        // Relative errors: each squared difference is divided by the squared time.
        let mut sums = [0.0; 5];
        for (units, seconds) in measured.iter().filter(|(units, seconds)| *units > 0.0 && *seconds > 0.0) {
            let weight = 1.0 / (seconds * seconds);
            let terms = [weight, weight * units, weight * units * units, weight * seconds, weight * units * seconds];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        let [one, n, nn, t, nt] = sums;
        if one == 0.0 {
            return None;
        }
        let (slope_alone, fixed_alone) = (nt / nn, t / one);
        let determinant = one * nn - n * n;
        // One size, or sizes that are too near: rounding alone would decide.
        if determinant <= 1e-9 * one * nn {
            return Some(Line { fixed: 0.0, per_unit: slope_alone });
        }
        let (fixed, per_unit) = ((t * nn - n * nt) / determinant, (one * nt - n * t) / determinant);
        Some(match (fixed < 0.0, per_unit < 0.0) {
            (true, _) => Line { fixed: 0.0, per_unit: slope_alone },
            (_, true) => Line { fixed: fixed_alone, per_unit: 0.0 },
            _ => Line { fixed, per_unit },
        })
    }

    /// How far the line is from what was measured: the largest distance, as a share of the measured time. A time that
    /// grows unevenly (results that leave the caches) fits no line well.
    pub fn misfit(&self, measured: &[(f64, Seconds)]) -> f64 {
        measured.iter().map(|(units, seconds)| (self.at(*units) / seconds - 1.0).abs()).fold(0.0, f64::max)
    }

    /// The same with more to pay before the first unit.
    pub fn after(self, start: Seconds) -> Line {
        Line { fixed: self.fixed + start, ..self }
    }

    /// The time of so many units.
    pub fn at(&self, units: f64) -> Seconds {
        self.fixed + units * self.per_unit
    }
}

/// From how many units on one engine takes no longer than another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "pays", content = "units", rename_all = "lowercase")]
pub enum BreakEven {
    /// From the first on.
    Always,
    /// From so many on.
    From(f64),
    /// A unit costs it no less, so that no size makes up for its start.
    Never,
}

impl BreakEven {
    /// When the `challenger` (a GPU) takes no longer than the `holder` (the CPU).
    pub fn between(holder: &Line, challenger: &Line) -> BreakEven {
        let (later, gain) = (challenger.fixed - holder.fixed, holder.per_unit - challenger.per_unit);
        match (later <= 0.0, gain > 0.0) {
            (true, _) if gain >= 0.0 => BreakEven::Always,
            (_, true) => BreakEven::From(later / gain),
            _ => BreakEven::Never,
        }
    }

    /// Whether the challenger is to be taken for so many units.
    pub fn pays(self, units: f64) -> bool {
        match self {
            BreakEven::Always => true,
            BreakEven::From(least) => units >= least,
            BreakEven::Never => false,
        }
    }
}

/// What a run demands of an engine, by unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Points, or particles times steps.
    pub units: f64,
    /// Arithmetic of one unit, in additions.
    pub operations: f64,
    /// Bytes of results of one unit.
    pub bytes: f64,
    /// Instructions to compile.
    pub instructions: f64,
    /// The format.
    pub precision: Precision,
}

impl Demand {
    /// A tape over so many points, whose outputs all come home.
    pub fn grid(tape: &Tape, points: f64, precision: Precision) -> Demand {
        let bytes = (tape.outputs.len() * precision.bytes()) as f64;
        Demand { units: points, bytes, ..Demand::steps(tape, points, 1.0, precision) }
    }

    /// A tape from a state to the next: so many particles, so many steps, and the state home at the end.
    pub fn steps(tape: &Tape, particles: f64, steps: f64, precision: Precision) -> Demand {
        let state = (tape.outputs.len() * precision.bytes()) as f64;
        Demand {
            units: particles * steps,
            operations: tape.code.iter().map(|instruction| weight(instruction.op)).sum(),
            bytes: state / steps.max(1.0),
            instructions: tape.code.len() as f64,
            precision,
        }
    }
}

/// Functions that processors have an instruction for, or few.
const BRIEF: [Op; 10] =
    [ops::ABS, ops::MIN, ops::MAX, ops::CLAMP, ops::IF, ops::SIGN, ops::FLOOR, ops::CEIL, ops::ROUND, ops::FRACT];

/// What an operation costs, in additions: a function some ten (of both engines), the operators one.
fn weight(op: Op) -> f64 {
    match op.syntax {
        Syntax::Function | Syntax::Variadic if !BRIEF.contains(&op) => 10.0,
        _ if op == ops::NOISE => 30.0,
        _ if op == ops::CELL => 12.0,
        _ => 1.0,
    }
}

/// What engines cost, as `--device auto` believes before it has measured anything. Times of both engines are sums of
/// these, so they are lines as [`Line::fit`] finds them, and the choice is that of [`BreakEven::between`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Additions a second that one CPU thread does in f32; half of it in f64.
    pub cpu_operations: f64,
    /// Bytes a second that the CPU's threads together write into fresh results.
    pub cpu_bytes: f64,
    /// Seconds to load a GPU's driver and open the device.
    pub gpu_start: Seconds,
    /// Seconds to compile, for each instruction.
    pub gpu_compile: Seconds,
    /// Additions a second of a GPU in f32.
    pub gpu_operations: f64,
    /// How many times longer an addition in f64 takes it.
    pub gpu_double: f64,
    /// Bytes a second that results take to come home from a GPU.
    pub gpu_bytes: f64,
}

impl Default for Costs {
    /// The CPU's are rounded from `benches/results/2026-11-22-peers.md` (2 threads with AVX-512: 50 G operations a second
    /// and thread in descents, and, for grids, 25 GB/s of results in memory that is warm; memory that is fresh takes 3
    /// GB/s on either engine). Of the GPU's only the compile time rests on a measurement, and that on a software
    /// adapter (0.3 s for 1000 instructions). The rest are guesses, not measured by gradfield on any hardware GPU yet:
    /// 0.3 s to start (drivers take 0.1 to 1), 1 T additions a second (a small GPU), doubles 32 times as dear (all but
    /// data centres' GPUs), 8 GB/s home over PCIe.
    fn default() -> Costs {
        Costs {
            cpu_operations: 50e9,
            cpu_bytes: 25e9,
            gpu_start: 0.3,
            gpu_compile: 0.3e-3,
            gpu_operations: 1e12,
            gpu_double: 32.0,
            gpu_bytes: 8e9,
        }
    }
}

impl Costs {
    /// What the CPU takes with so many threads: computing and writing go on side by side.
    pub fn cpu(&self, demand: &Demand, threads: usize) -> Line {
        let slow = if demand.precision == Precision::F64 { 2.0 } else { 1.0 };
        let computing = slow * demand.operations / (self.cpu_operations * threads.max(1) as f64);
        Line { fixed: 0.0, per_unit: computing.max(demand.bytes / self.cpu_bytes) }
    }

    /// What a GPU takes that is not open yet: computing and the way home go on side by side.
    pub fn gpu(&self, demand: &Demand) -> Line {
        let slow = if demand.precision == Precision::F64 { self.gpu_double } else { 1.0 };
        let computing = slow * demand.operations / self.gpu_operations;
        let fixed = self.gpu_start + self.gpu_compile * demand.instructions;
        Line { fixed, per_unit: computing.max(demand.bytes / self.gpu_bytes) }
    }

    /// Whether a GPU that is not open yet is expected to be done no later than the CPU.
    pub fn gpu_pays(&self, demand: &Demand, threads: usize) -> bool {
        BreakEven::between(&self.cpu(demand, threads), &self.gpu(demand)).pays(demand.units)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * b.abs()
    }

    #[test]
    fn a_line_is_found_again() {
        let truth = Line { fixed: 0.002, per_unit: 3e-10 };
        let measured: Vec<(f64, f64)> = [1e4, 1e6, 1e8].iter().map(|n| (*n, truth.at(*n))).collect();
        let found = Line::fit(&measured).unwrap();
        assert!(near(found.fixed, truth.fixed) && near(found.per_unit, truth.per_unit), "{found:?}");
        assert!(found.misfit(&measured) < 1e-6 && near(found.misfit(&[(1e6, 0.5 * truth.at(1e6))]), 1.0));
    }

    #[test]
    fn no_part_is_below_zero() {
        // Faster for each unit at small sizes, as where they fit into a cache.
        let cached = Line::fit(&[(1e4, 1e-6), (1e8, 1e-1)]).unwrap();
        assert!(cached.fixed == 0.0 && cached.per_unit > 1e-10 && cached.per_unit < 1e-9, "{cached:?}");
        let flat = Line::fit(&[(10.0, 1.1), (20.0, 1.0)]).unwrap();
        assert!(flat.per_unit == 0.0 && (1.0..1.1).contains(&flat.fixed), "{flat:?}");
        assert_eq!(Line::fit(&[(1e6, 0.5)]), Some(Line { fixed: 0.0, per_unit: 5e-7 }));
        assert_eq!((Line::fit(&[]), Line::fit(&[(0.0, 0.0)])), (None, None));
    }

    #[test]
    fn break_even_counts_the_start() {
        // A CPU with 1 ns a point; a GPU with 0.1 ns, 0.1 ms a run, 0.3 s to start and 0.05 s to compile.
        let cpu = Line { fixed: 0.0, per_unit: 1e-9 };
        let gpu = Line { fixed: 1e-4, per_unit: 1e-10 };
        let BreakEven::From(warm) = BreakEven::between(&cpu, &gpu) else { panic!("it pays") };
        let BreakEven::From(all) = BreakEven::between(&cpu, &gpu.after(0.35)) else { panic!("it pays") };
        assert!(near(warm, 1e-4 / 0.9e-9) && near(all, 0.3501 / 0.9e-9), "{warm} {all}");
        let pays = BreakEven::between(&cpu, &gpu.after(0.35));
        assert!(pays.pays(4e8) && !pays.pays(3.8e8) && pays.pays(f64::INFINITY));
        assert!(near(cpu.at(all), gpu.after(0.35).at(all)));
    }

    #[test]
    fn what_costs_more_for_each_unit_never_pays() {
        let cpu = Line { fixed: 0.0, per_unit: 1e-9 };
        for per_unit in [1e-9, 2e-9] {
            let gpu = Line { fixed: 0.3, per_unit };
            assert_eq!(BreakEven::between(&cpu, &gpu), BreakEven::Never);
            assert!(!BreakEven::between(&cpu, &gpu).pays(1e18));
        }
        // A head start is used up sooner or later.
        assert_eq!(BreakEven::between(&cpu.after(0.1), &Line { fixed: 0.0, per_unit: 2e-9 }), BreakEven::Never);
        assert_eq!(BreakEven::between(&cpu.after(0.1), &cpu), BreakEven::Always);
    }

    #[test]
    fn auto_starts_a_gpu_for_long_work_only() {
        let costs = Costs::default();
        let demand = |units, operations, bytes| Demand {
            units,
            operations,
            bytes,
            instructions: 40.0,
            precision: Precision::F32,
        };
        // Results of 12 bytes a point come home no faster than the CPU writes them: no size pays.
        assert!(!costs.gpu_pays(&demand(1e12, 10.0, 12.0), 2));
        // A long descent with little to bring home does, a short one does not.
        assert!(costs.gpu_pays(&demand(1e9, 40.0, 0.008), 2));
        assert!(!costs.gpu_pays(&demand(1e7, 40.0, 0.008), 2));
        // With more threads it takes longer work.
        let BreakEven::From(two) =
            BreakEven::between(&costs.cpu(&demand(1.0, 40.0, 0.0), 2), &costs.gpu(&demand(1.0, 40.0, 0.0)))
        else {
            panic!("it pays")
        };
        let BreakEven::From(many) =
            BreakEven::between(&costs.cpu(&demand(1.0, 40.0, 0.0), 16), &costs.gpu(&demand(1.0, 40.0, 0.0)))
        else {
            panic!("it pays")
        };
        assert!(many > 10.0 * two && two > 1e6, "{two} {many}");
    }
}

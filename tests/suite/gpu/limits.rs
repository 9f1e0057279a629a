//! Work beyond a small device's limits, and how results come home.
//!
//! The device is opened for buffers of 16 MiB and 256 workgroups a dimension, so that the driver's validation refuses
//! what is not cut to that.

use super::{Check, digits, evaluate, expected, formats, same, small_gpu, start, steps, walk};
use gradfield::backend::gpu::{Adapters, Gpu};
use gradfield::backend::{Backend, Steps};
use gradfield::points::{Points, Values};
use gradfield::real::Precision::{self, F32};
use gradfield::tape::Tape;
use libtest_mimic::Failed;

const BINDING: usize = 16 << 20;
const GROUPS: usize = 256;

/// More numbers than a buffer holds, in either format; 4 times what 256 x 256 workgroups compute.
const MANY: usize = BINDING / 4 + 300_001;

fn open() -> Result<Gpu, Failed> {
    let adapters = Adapters::find();
    Ok(adapters.open_within(adapters.choose("gpu")?.index, BINDING as u64, GROUPS as u32)?)
}

/// Coordinates 0 to 15; neighbours differ, so a point that is off by one is seen.
fn coordinate(k: usize) -> f64 {
    ((k * 7 + k / 16) % 16) as f64
}

fn column(size: usize) -> Vec<f64> {
    (0..size).map(coordinate).collect()
}

/// Evaluates `digits` and compares with what `point` says; the work must have needed as many dispatches as its bytes
/// fill buffers.
fn check(gpu: &Gpu, precision: Precision, points: &Points, point: impl Fn(usize) -> [f64; 3]) -> Check {
    let dimension = points.dimension();
    let what = format!("{} points of {dimension} variables in {}", points.len(), precision.name());
    let before = gpu.tally();
    let mut out = [0; 2].map(|_| Values::zeros(precision, points.len()));
    gpu.prepare(&digits(dimension), precision)?.evaluate(points, &[], &mut out)?;
    for k in 0..points.len() {
        let [x, y, z] = point(k);
        let wanted = [x + 16.0 * y + 256.0 * z, [x, y, z][dimension - 1] + 1.0];
        let found = [out[0].get(k), out[1].get(k)];
        if found != wanted {
            return Err(format!("{what}: point {k} gives {found:?} instead of {wanted:?}").into());
        }
    }
    let dispatches = gpu.tally().dispatches - before.dispatches;
    let least = 2 * points.len() * precision.bytes() / BINDING;
    if dispatches > least as u64 { Ok(()) } else { Err(format!("{what}: {dispatches} dispatches").into()) }
}

pub(super) fn a_grid_larger_than_a_binding() -> Check {
    let gpu = open()?;
    for precision in formats(&gpu) {
        // The coordinates of one axis alone are more than a buffer holds.
        check(&gpu, precision, &Points::Grid(vec![column(MANY)]), |k| [coordinate(k), 0.0, 0.0])?;
        // The array's axes are y, x, z.
        let (x, y, z) = (2000, 700, 3);
        let points = Points::Grid(vec![column(x), column(y), column(z)]);
        check(&gpu, precision, &points, |k| [k / z % x, k / z / x, k % z].map(coordinate))?;
    }
    Ok(())
}

pub(super) fn a_list_larger_than_a_binding() -> Check {
    let gpu = open()?;
    for precision in formats(&gpu) {
        let columns = (0..3).map(|v| column(MANY + v)[v..].to_vec()).collect();
        check(&gpu, precision, &Points::columns(columns), |k| [k, k + 1, k + 2].map(coordinate))?;
    }
    Ok(())
}

pub(super) fn particles_larger_than_a_binding() -> Check {
    let gpu = open()?;
    for precision in formats(&gpu) {
        let before = gpu.tally();
        // x becomes x / 2 + 4, v becomes v + x + t.
        let mut state = [column(MANY), column(MANY + 1)[1..].to_vec()].map(|start| Values::from_f64(precision, &start));
        gpu.prepare(&walk(), precision)?.iterate(&mut state, &steps(1, 3))?;
        for k in 0..MANY {
            let (mut x, mut v) = (coordinate(k), coordinate(k + 1));
            for t in 1..=3 {
                (x, v) = (x / 2.0 + 4.0, v + x + f64::from(t));
            }
            let found = [state[0].get(k), state[1].get(k)];
            if found != [x, v] {
                return Err(format!("particle {k} in {}: {found:?} instead of {:?}", precision.name(), [x, v]).into());
            }
        }
        let dispatches = gpu.tally().dispatches - before.dispatches;
        if dispatches <= (2 * MANY * precision.bytes() / BINDING) as u64 {
            return Err(format!("{dispatches} dispatches").into());
        }
    }
    Ok(())
}

/// A hundred outputs and variables: buffers of 16 MiB hold forty thousand points of them.
pub(super) fn many_columns() -> Check {
    let gpu = open()?;
    let columns: Vec<String> = (0..100).map(|k| format!("x{k}")).collect();
    let inputs = gradfield::tape::Input::varying(&columns);
    let tape = Tape { inputs, code: vec![], outputs: (0..100).rev().map(gradfield::tape::Arg::Input).collect() };
    let count = 100_003;
    let points = Points::columns((0..100).map(|v| column(count + v)[v..].to_vec()).collect());
    let Points::Columns { columns, .. } = &points else { return Ok(()) };
    let wanted: Vec<Vec<f64>> = columns.iter().rev().map(Values::to_f64).collect();
    same(&evaluate(&gpu, &tape, F32, &points)?, &wanted, "100 columns")
}

/// Two transfers at most are on their way, and the device has the next piece before the results of one are taken.
pub(super) fn results_come_home_while_the_device_works() -> Check {
    let grid = Points::Grid(vec![super::axis(300), super::axis(310)]);
    let list = Points::columns(vec![super::axis(90_001), super::axis(90_001)]);
    for points in [grid, list] {
        let gpu = small_gpu()?;
        same(&evaluate(&gpu, &digits(2), F32, &points)?, &expected(&points), "in pieces")?;
        in_turn(&gpu, 10)?;
    }
    let gpu = small_gpu()?;
    let mut state = start(10_000).map(|column| Values::from_f64(F32, &column));
    gpu.prepare(&walk(), F32)?.iterate(&mut state, &Steps { count: 2, ..steps(1, 2) })?;
    in_turn(&gpu, 5)
}

fn in_turn(gpu: &Gpu, least: u64) -> Check {
    let tally = gpu.tally();
    let right = tally.transfers >= least && tally.most_at_once == 2 && tally.overlapped == tally.transfers - 1;
    if right { Ok(()) } else { Err(format!("{tally:?}").into()) }
}

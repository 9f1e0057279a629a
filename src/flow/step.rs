//! The integrator: one step of many points at once along the directions of a vector field.
//!
//! Flows in: [`Walker`]s, a field. Flows out: for each the [`Arc`] that it went, or why it goes no further. The method is
//! the pair of orders 5 and 4 of Dormand and Prince (1980), its dense output that of Hairer, Norsett and Wanner, "Solving
//! Ordinary Differential Equations I", section II.6. A field's vectors are made unit length, so that a step is as long as
//! its arc.

use super::{Place, Vectors};
use crate::backend::BackendError;

/// The weights of earlier stages in each next one; the last row is the step itself.
const STAGES: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The step of order 5 less that of order 4.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];
/// What dense output has beyond a cubic.
const DENSE: [f64; 7] = [
    -12_715_105_075.0 / 11_282_082_432.0,
    0.0,
    87_487_479_700.0 / 32_700_410_799.0,
    -10_690_763_975.0 / 1_880_347_072.0,
    701_980_252_875.0 / 199_316_789_632.0,
    -1_453_857_185.0 / 822_651_844.0,
    69_997_945.0 / 29_380_423.0,
];

/// Steps in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Error that a step may have.
    pub tolerance: f64,
    /// No step is longer.
    pub longest: f64,
    /// Below this length a step is not made shorter: the field has a kink there, or the line ends.
    pub shortest: f64,
}

/// A point that follows the field, or goes against it.
#[derive(Debug, Clone)]
pub(super) struct Walker {
    pub at: Place,
    /// Where it goes, of length 1.
    pub way: Place,
    /// 1 along the field, -1 against it.
    sign: f64,
    /// Length of the next step.
    step: f64,
    /// Kinks that it may still cross.
    kinks: u32,
}

/// A stretch of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub length: f64,
    /// By how much it turned, in radians, to the left.
    pub turn: f64,
    /// Coefficients of dense output.
    terms: [Place; 5],
}

/// What became of a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Taken(Arc),
    /// It was too long; the next is shorter.
    Refused,
    /// The field ends, vanishes or turns back.
    End,
}

/// Kinks after which a line is taken to slide along one.
const KINKS: u32 = 64;
/// The cosine of the angle by which a line may turn within a step: 45 degrees.
const STRAIGHT: f64 = 0.7;

impl Walker {
    /// At rest at `at`, where the field leads along `way`.
    pub(super) fn new(at: Place, way: Place, sign: f64, pace: &Pace) -> Walker {
        Walker { at, way: (way.0 * sign, way.1 * sign), sign, step: 0.25 * pace.longest, kinks: KINKS }
    }

    /// The place where a stage looks.
    fn look(&self, weights: &[f64], stages: &[Place]) -> Place {
        let by = sum(weights, stages);
        (self.at.0 + self.step * by.0, self.at.1 + self.step * by.1)
    }

    /// Takes the step, or not.
    fn take(&mut self, stages: &[Place; 7], pace: &Pace) -> Step {
        let error = sum(&ERROR, stages);
        let error = self.step * error.0.hypot(error.1);
        let (from, to) = (stages[0], stages[6]);
        let dot = from.0 * to.0 + from.1 * to.1;
        // A step across a critical point may look exact: the turns of its stages cancel.
        let good = error <= pace.tolerance && dot > STRAIGHT;
        if !good {
            if self.step > pace.shortest {
                let shorter = if error.is_nan() { 0.25 } else { factor(error, pace).min(0.5) };
                self.step = (self.step * shorter).max(pace.shortest);
                return Step::Refused;
            }
            self.kinks = self.kinks.saturating_sub(1);
            if error.is_nan() || dot <= STRAIGHT || self.kinks == 0 {
                return Step::End;
            }
        }
        let arc = self.arc(stages, dot);
        (self.at, self.way) = (self.look(STAGES[5], stages), to);
        self.step = (self.step * factor(error, pace)).clamp(pace.shortest, pace.longest);
        Step::Taken(arc)
    }

    fn arc(&self, stages: &[Place; 7], dot: f64) -> Arc {
        let h = self.step;
        let coefficient = |from: f64, by: f64, first: f64, last: f64, dense: f64| {
            let bend = h * first - by;
            [from, by, bend, by - h * last - bend, h * dense]
        };
        let (by, dense) = (sum(STAGES[5], stages), sum(&DENSE, stages));
        let (first, last) = (stages[0], stages[6]);
        let x = coefficient(self.at.0, h * by.0, first.0, last.0, dense.0);
        let y = coefficient(self.at.1, h * by.1, first.1, last.1, dense.1);
        let turn = (first.0 * last.1 - first.1 * last.0).atan2(dot);
        Arc { length: h, turn, terms: std::array::from_fn(|k| (x[k], y[k])) }
    }
}

impl Arc {
    /// The place after a length along the arc.
    pub(super) fn at(&self, length: f64) -> Place {
        let t = length / self.length;
        let [a, b, c, d, e] = self.terms;
        let along = |a: f64, b: f64, c: f64, d: f64, e: f64| a + t * (b + (1.0 - t) * (c + t * (d + (1.0 - t) * e)));
        (along(a.0, b.0, c.0, d.0, e.0), along(a.1, b.1, c.1, d.1, e.1))
    }
}

/// How much longer the next step may be for the error of this one.
fn factor(error: f64, pace: &Pace) -> f64 {
    (0.9 * (pace.tolerance / error).powf(0.2)).clamp(0.2, 4.0)
}

fn sum(weights: &[f64], vectors: &[Place]) -> Place {
    weights.iter().zip(vectors).fold((0.0, 0.0), |sum, (w, v)| (sum.0 + w * v.0, sum.1 + w * v.1))
}

/// Length 1, or NaN for a vector without a direction.
pub(super) fn unit((x, y): Place) -> Place {
    // Relative to the larger component, so that neither overflows nor vanishes.
    let largest = x.abs().max(y.abs());
    let (x, y) = (x / largest, y / largest);
    let length = x.hypot(y);
    (x / length, y / length)
}

/// One step of every walker, six evaluations of the field for all of them together.
///
/// # Errors
/// Those of the field.
pub(super) fn advance(
    walkers: &mut [&mut Walker],
    vectors: &mut Vectors,
    pace: &Pace,
) -> Result<Vec<Step>, BackendError> {
    let mut stages: Vec<[Place; 7]> = walkers.iter().map(|walker| [walker.way; 7]).collect();
    for (k, weights) in STAGES.iter().enumerate() {
        let looks: Vec<Place> =
            walkers.iter().zip(&stages).map(|(walker, stages)| walker.look(weights, &stages[..=k])).collect();
        let found = vectors(&looks)?;
        for ((walker, stages), vector) in walkers.iter().zip(&mut stages).zip(found) {
            let way = unit(vector);
            stages[k + 1] = (way.0 * walker.sign, way.1 * walker.sign);
        }
    }
    Ok(walkers.iter_mut().zip(&stages).map(|(walker, stages)| walker.take(stages, pace)).collect())
}

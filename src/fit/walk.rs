//! The way of one fit: from a place and what is known there to the next place to look at, and when to stop.
//!
//! Flows in: [`Rules`], and at each place the objective and its [`Local`] sum of squares. Flows out: the next place, or
//! the [`Status`] in which the fit ended. One fit never sees another.
//!
//! Levenberg and Marquardt's damping by the columns' lengths, adapted by the ratio of gain and expected gain (Nielsen,
//! Damping parameter in Marquardt's method, 1999); at the end full steps without damping, for every digit there is.

use super::dense::Local;

/// How to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Levenberg-Marquardt: damped steps.
    LevenbergMarquardt,
    /// Gauss-Newton: undamped steps, halved where they lead up.
    GaussNewton,
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No step changes the parameters, or the objective, by more than the tolerance.
    Converged,
    /// All steps were used up.
    Steps,
    /// The Jacobian is singular there: the data do not determine the parameters.
    Singular,
    /// The model or its slopes are not finite at the start.
    Value,
    /// No step leads down, though the place is no minimum by the tolerance.
    Stalled,
    /// There are fewer rows than parameters.
    Rows,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 6] =
        [Status::Converged, Status::Steps, Status::Singular, Status::Value, Status::Stalled, Status::Rows];

    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::Steps => "steps used up",
            Status::Singular => "singular",
            Status::Value => "not finite",
            Status::Stalled => "stalled",
            Status::Rows => "too few rows",
        }
    }
}

/// What all fits of a run have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How to step.
    pub method: Method,
    /// Evaluations of a fit.
    pub steps: u32,
    /// Relative change of the parameters that counts as none.
    pub tolerance: f64,
    /// What each parameter stays within; infinite where there is no bound.
    pub bounds: Vec<(f64, f64)>,
    /// Relative rounding error of a value of the model.
    pub noise: f64,
}

/// A damping beyond which no step can be told from none.
const MOST: f64 = 1e30;
/// The first damping: of a start that is near, and of one that may be far (Madsen, Nielsen, Tingleff, Methods for non-linear
/// least squares problems, 2004).
const FIRST: f64 = 1e-3;
const CAUTIOUS: f64 = 1.0;

/// A fit under way.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// The best place so far, its objective, what is known there.
    pub(super) x: Vec<f64>,
    pub(super) objective: f64,
    pub(super) local: Local,
    /// Where to look next.
    pub(super) trial: Vec<f64>,
    /// Evaluations so far.
    pub(super) steps: u32,
    pub(super) held: Vec<bool>,
    step: Vec<f64>,
    scales: Vec<f64>,
    /// What is left of a scale after a step: a column that shrinks far at once may come back.
    fading: f64,
    damping: f64,
    growth: f64,
    /// Full steps at the end: whether they are taken, and how often they led nowhere.
    last: bool,
    refused: u32,
    /// How often a full step of Gauss and Newton was halved.
    halved: i32,
    expected: f64,
    /// The length of the response: what rounding errors of the residuals are in proportion to.
    size: f64,
    /// The size at the trial and the largest on the way, where there is no response and [`Walk::measure`] is asked.
    measured: Option<f64>,
    largest: f64,
    /// Steps beyond the place where the residuals are what rounding leaves of 0.
    beyond: u32,
    /// Steps in a row that rounding does not tell from none.
    level: u32,
}

/// What full steps that are refused may promise, in parts of the objective, at a minimum.
const LITTLE: f64 = 1e-4;
/// So many of these in a row end a fit: where the Jacobian is nearly singular, steps along the floor of a valley.
const LEVEL: u32 = 20;

/// Full steps that a fit takes beyond that place.
const BEYOND: u32 = 3;

impl Walk {
    /// A fit that is to look at its start first.
    pub(super) fn new(start: Vec<f64>, size: f64, rules: &Rules) -> Walk {
        let n = start.len();
        let trial = start.iter().zip(&rules.bounds).map(|(x, (lo, hi))| x.clamp(*lo, *hi)).collect();
        Walk {
            x: start,
            objective: f64::INFINITY,
            local: Local::Normal { products: vec![0.0; n * n], gradient: vec![0.0; n] },
            trial,
            steps: 0,
            held: vec![false; n],
            step: vec![0.0; n],
            scales: vec![0.0; n],
            fading: 0.1,
            damping: FIRST,
            growth: 2.0,
            last: false,
            refused: 0,
            halved: 0,
            expected: 0.0,
            size,
            measured: None,
            largest: 0.0,
            beyond: 0,
            level: 0,
        }
    }

    /// The same from a start that may be far: the first steps are short, and a parameter that loses its effect on the way,
    /// as the rate of an exponential that has died out, keeps its scale and so its place (Moré, The Levenberg-Marquardt
    /// algorithm, 1978): else it would need a damping that lets no other move.
    pub(super) fn cautious(self) -> Walk {
        Walk { damping: CAUTIOUS, fading: 1.0, ..self }
    }

    /// Without a response: takes for the size what is in the residuals of each parameter, as far as they are straight. To
    /// be asked before [`Walk::next`] at every place.
    pub(super) fn measure(&mut self, local: &Local) {
        let part = |(j, x): (usize, &f64)| x * local.length(j);
        let size = self.trial.iter().enumerate().map(part).fold(0.0, |sum: f64, part| sum.hypot(part));
        self.measured = Some(size);
    }

    /// Whether the residuals are no larger than their rounding errors were on the way: of a minimum at 0.
    pub(super) fn is_zero(&self, rules: &Rules) -> bool {
        self.objective.sqrt() <= rules.noise * self.largest
    }

    /// How large a part of the residuals a unit of parameter j is, where [`Walk::measure`] is asked.
    pub(super) fn share(&self, j: usize) -> f64 {
        self.local.length(j) / self.largest
    }

    /// The rounding error of the objective: r errs by some units in the last place of y, r^2 by 2 r times that.
    fn noise(&self, rules: &Rules) -> f64 {
        rules.noise * (2.0 * self.objective.abs().sqrt() * self.size + 8.0 * self.objective.abs())
    }

    /// Takes what was found at `trial` (what is in `local` afterwards is of no use) and chooses the next one, or ends.
    pub(super) fn next(&mut self, objective: f64, local: &mut Local, rules: &Rules) -> Option<Status> {
        self.steps += 1;
        let finite = objective.is_finite() && local.is_finite();
        if self.steps == 1 {
            if !finite {
                return Some(Status::Value);
            }
            self.accept(objective, local);
        } else if let Some(status) = self.judge(objective, local, finite, rules) {
            return Some(status);
        }
        if self.steps >= rules.steps {
            return Some(Status::Steps);
        }
        self.propose(rules)
    }

    fn accept(&mut self, objective: f64, local: &mut Local) {
        self.x.clone_from(&self.trial);
        self.objective = objective;
        // Only of places that are taken: a step too far may have residuals of any size.
        if let Some(size) = self.measured {
            (self.size, self.largest) = (size, self.largest.max(size));
        }
        std::mem::swap(&mut self.local, local);
    }

    /// The largest relative change of a parameter on the way to the trial.
    fn moved(&self) -> f64 {
        let change = |(x, trial): (&f64, &f64)| {
            let size = x.abs().max(trial.abs());
            if size == 0.0 { 0.0 } else { (trial - x).abs() / size }
        };
        self.x.iter().zip(&self.trial).map(change).fold(0.0, f64::max)
    }

    /// Whether what the last step did or promised is nothing.
    fn is_small(&self, moved: f64, rules: &Rules) -> bool {
        moved <= rules.tolerance || self.expected <= rules.tolerance.powi(2) * self.objective
    }

    fn judge(&mut self, objective: f64, local: &mut Local, finite: bool, rules: &Rules) -> Option<Status> {
        let (gain, moved, noise) = (self.objective - objective, self.moved(), self.noise(rules));
        let small = self.is_small(moved, rules);
        let level = gain.abs() <= noise && self.expected <= 10.0 * noise;
        if finite && (gain > 0.0 || level) {
            let ratio = if self.expected > 0.0 { gain / self.expected } else { 1.0 };
            self.accept(objective, local);
            self.halved = 0;
            if objective == 0.0 || small && (self.last || rules.method == Method::GaussNewton) {
                return Some(Status::Converged);
            }
            self.level = if level { self.level + 1 } else { 0 };
            if self.level > LEVEL {
                return Some(Status::Converged);
            }
            if self.is_zero(rules) {
                // Where the Jacobian is regular a few full steps find all digits; else they would go on for ever.
                (self.last, self.beyond) = (true, self.beyond + 1);
                return (self.beyond > BEYOND).then_some(Status::Converged);
            }
            // Near the end full steps do best; where one was refused, only at the very end.
            let near = if self.refused == 0 { rules.tolerance.sqrt() } else { rules.tolerance };
            let damped = !self.last;
            if moved <= near || self.expected <= near * near * self.objective {
                self.last = true;
            }
            if damped {
                let factor = if level { 0.1 } else { (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(0.1, 2.0) };
                self.damping = (self.damping * factor).max(1e-20);
            }
            self.growth = 2.0;
            return None;
        }
        if self.last {
            // Rounding keeps it from better; or the full step was too long yet.
            self.refused += 1;
            self.last = false;
            let little = self.refused > 3 && self.expected <= LITTLE * self.objective;
            if self.expected <= 10.0 * noise || moved <= rules.tolerance || little {
                return Some(Status::Converged);
            }
            // The steps before were short by their damping alone, which is not to grow by this.
            return None;
        } else if moved <= 1e-16 || self.damping >= MOST || self.halved > 60 {
            return Some(if self.expected <= 1e6 * noise { Status::Converged } else { Status::Stalled });
        }
        self.halved += 1;
        self.damping *= self.growth;
        self.growth *= 2.0;
        None
    }

    /// Chooses the next place to look at.
    fn propose(&mut self, rules: &Rules) -> Option<Status> {
        let n = self.x.len();
        for j in 0..n {
            let length = self.local.length(j);
            let length = if length > 0.0 { length } else { 1.0 };
            self.scales[j] = length.max(self.fading * self.scales[j]);
            let (lo, hi) = rules.bounds[j];
            let slope = self.local.gradient(j);
            self.held[j] = self.x[j] <= lo && slope > 0.0 || self.x[j] >= hi && slope < 0.0;
        }
        if self.held.iter().all(|held| *held) {
            return Some(Status::Converged);
        }
        let newton = rules.method == Method::GaussNewton;
        loop {
            let damping = if newton || self.last { 0.0 } else { self.damping };
            match self.local.step(damping, &self.scales, &self.held, &mut self.step) {
                Some(()) => {
                    let factor = if newton { 0.5f64.powi(self.halved) } else { 1.0 };
                    for j in 0..n {
                        let (lo, hi) = rules.bounds[j];
                        self.trial[j] = (self.x[j] + factor * self.step[j]).clamp(lo, hi);
                        self.step[j] = self.trial[j] - self.x[j];
                    }
                    self.expected = (-self.local.change(&self.step)).max(0.0);
                    return self.flat(rules);
                }
                // Short steps may be due to the damping alone: a full one that is not to be had is no end yet.
                None if self.last && self.refused == 0 => (self.last, self.refused) = (false, 1),
                None if self.last => return Some(Status::Converged),
                None if newton => return Some(Status::Singular),
                None if self.damping >= MOST => return Some(Status::Singular),
                None => self.damping = (self.damping * 10.0).max(1e-12),
            }
        }
    }

    /// Ends where the next place is this one.
    fn flat(&self, rules: &Rules) -> Option<Status> {
        if self.trial != self.x {
            return None;
        }
        let damped = rules.method == Method::LevenbergMarquardt && !self.last && self.damping > 1.0;
        Some(if damped && self.expected > 1e6 * self.noise(rules) { Status::Stalled } else { Status::Converged })
    }
}

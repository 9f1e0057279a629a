//! Every optimiser of the table against itself as its authors wrote it down, path by path.
//!
//! Each is written here a second time, in f64, from the pseudo-code of its paper with the paper's quantities, and with
//! gradients worked out by hand; nothing of gradfield's formulas, graphs or engines is in it. An engine's path may
//! part from it by the rounding of its own steps, each carried along to the end:
//!
//! - one step's errors are bounded by `Checker`, at the state that the reference has reached;
//! - what they have grown to after further steps is told by the differences of the reference's step over an interval
//!   as wide as the error itself: exactly so to first order, and where a jump (a sign, a branch) lies within the error,
//!   by the jump;
//! - the sum of their sizes, doubled for what is beyond the first order, is the bound; the same for the reference's f64
//!   is allowed to the f64 of this page.
//!
//! Where the bound exceeds `BLURRED` nothing can be said any more: there the path's horizon is, and a test asks for
//! one that is far enough.

mod papers;

use crate::agree::require;
use crate::engines::{ENGINES, Engine, on};
use gradfield::backend::bound::Checker;
use gradfield::backend::cpu::Cpu;
use gradfield::backend::reference::Reference;
use gradfield::backend::{Backend, Program, Steps};
use gradfield::descent::{CLOCK, Fused, Rule, rules, starts};
use gradfield::points::Values;
use gradfield::{Expression, Points, Precision};
use libtest_mimic::{Failed, Trial};
use papers::{Memory, Step, Vector, each, step_of};

pub(crate) use papers::deviate;

/// A function with its gradient by hand, and what the rates of rules that step by the slope itself are multiplied by to
/// be stable on it.
struct Case {
    name: &'static str,
    text: &'static str,
    gradient: fn(Vector) -> Vector,
    slower: f64,
}

const CASES: [Case; 3] = [
    Case {
        name: "bowl",
        text: "(x - 1)^2 + 10(y + 0.5)^2 - 3",
        gradient: |[x, y]| [2.0 * (x - 1.0), 20.0 * (y + 0.5)],
        slower: 1.0,
    },
    Case {
        name: "valley",
        text: "(1 - x)^2 + 100(y - x^2)^2",
        gradient: |[x, y]| [-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)],
        slower: 0.02,
    },
    Case {
        name: "waves",
        text: "sin(3x) cos(2y) + 0.1x^2 + 0.1y^2",
        gradient: |[x, y]| {
            let ((s, c), (sin, cos)) = ((3.0 * x).sin_cos(), (2.0 * y).sin_cos());
            [3.0 * c * cos + 0.2 * x, -2.0 * s * sin + 0.2 * y]
        },
        slower: 1.0,
    },
];

const STEPS: usize = 60;
/// A path is compared while its bound is no larger.
const BLURRED: f64 = 0.01;
/// Paths of each case.
const PATHS: usize = 3;

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for row in rules::TABLE {
        for (k, case) in CASES.iter().enumerate() {
            let name = format!("optimisers::{}::{}", row.name, case.name);
            for engine in ENGINES {
                // To compile takes a software GPU long: in double precision one function will do.
                if engine.name != "gpu" || engine.precision == Precision::F32 || k == 2 {
                    tests.push(on(engine, &name, move |engine, backend| follows(row, case, engine, backend)));
                }
                if engine.name == "cpu" {
                    // So little work the engine leaves to its interpreter.
                    tests.push(Trial::test(format!("machine code {name} {}", engine.precision.name()), move || {
                        follows(row, case, engine, &Cpu::new(Some(2))?.always_native())
                    }));
                }
            }
        }
        tests.push(Trial::test(format!("optimisers::{}::has_its_pseudo_code", row.name), || {
            require(step_of(row.name).is_some(), || "write it into tests/suite/optimisers.rs".to_string())
        }));
    }
    tests.push(Trial::test("optimisers::a_wrong_formula_is_seen", wrong_formulas_are_seen));
    tests
}

/// A rule as it is run: every number rounded to the format.
struct Run {
    rule: Rule,
    fused: Fused,
    uniforms: Vec<f64>,
    start: Vec<Values>,
}

impl Run {
    fn of(row: &rules::Row, formula: &str, case: &Case, precision: Precision) -> Result<Run, Failed> {
        let defaults = row.defaults.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        let mut rule = Rule::parse(row.name, formula, defaults)?;
        if ["gd", "momentum", "nesterov", "langevin"].contains(&row.name) {
            rule.set("lr", row.defaults[0].1 * case.slower)?;
        }
        // Steps so large that the signs change on the way.
        if ["lion", "sign"].contains(&row.name) {
            rule.set("lr", 0.05)?;
        }
        let fused = rule.fuse(&Expression::parse(case.text)?.gradient()?, false);
        let columns = starts::uniform_box(3, PATHS, &[(-1.5, 1.5); 2]);
        let start = fused.state(columns.iter().map(|column| Values::from_f64(precision, column)).collect(), 9);
        let uniforms = rule.uniforms().into_iter().map(|value| precision.round(value)).collect();
        Ok(Run { rule, fused, uniforms, start })
    }

    fn steps(&self, first: usize, count: usize) -> Steps {
        let (first, count) = (first as u64, count as u64);
        Steps { uniforms: self.uniforms.clone(), clock: Some(CLOCK), first, count }
    }

    /// The path of a particle as the pseudo-code has it, the start included.
    fn truth(&self, step: Step, case: &Case, path: usize) -> Vec<Vector> {
        let place = |name: &str| self.rule.parameters().iter().position(|(known, _)| known == name);
        let parameter = |name: &str| place(name).map_or(f64::NAN, |place| self.uniforms[1 + place]);
        let column = |k: usize| self.start[k].get(path);
        let mut memory = Memory { x: each(column), ..Memory::default() };
        if self.start.len() == 6 && self.rule.name == "langevin" {
            memory.keys = [each(|i| column(2 + 2 * i)), each(|i| column(3 + 2 * i))];
        }
        let mut path = vec![memory.x];
        for t in 1..=STEPS as i32 {
            step(&parameter, t, &mut memory, case.gradient);
            path.push(memory.x);
        }
        path
    }

    /// For each step of a particle the bound on an engine's distance from exact arithmetic, for each coordinate.
    fn bounds(&self, engine: &dyn Backend, precision: Precision, path: usize) -> Result<Vec<Vector>, Failed> {
        let mut reference = Reference.prepare(&self.fused.tape, Precision::F64)?;
        let mut checker = Checker::new(engine, precision);
        let mut state: Vec<f64> = self.start.iter().map(|column| column.get(path)).collect();
        // Each an error of one step in one number, and what it has become.
        let mut errors: Vec<Vec<f64>> = Vec::new();
        let mut bounds = vec![[0.0; 2]];
        for t in 1..=STEPS {
            let uniforms = self.steps(t, 1).uniforms_at(t as u64);
            let points = Points::columns(state.iter().map(|value| vec![*value]).collect());
            let checked = checker.check(&self.fused.tape, &points, &uniforms, 0, 1);
            errors = carry(&mut *reference, &state, &uniforms, &errors)?;
            for (k, output) in checked.iter().enumerate().filter(|(_, output)| output.bound[0] != 0.0) {
                let mut own = vec![0.0; state.len()];
                own[k] = if output.unjudged[0].is_some() { f64::INFINITY } else { output.bound[0] };
                errors.push(own);
            }
            state = checked.iter().map(|output| output.value[0]).collect();
            bounds.push(each(|i| 2.0 * errors.iter().map(|error| error[i].abs()).sum::<f64>()));
        }
        Ok(bounds)
    }
}

/// What errors of a state become in one more step.
fn carry(
    reference: &mut dyn Program,
    state: &[f64],
    uniforms: &[f64],
    errors: &[Vec<f64>],
) -> Result<Vec<Vec<f64>>, Failed> {
    let n = state.len();
    let size = |i: usize| errors.iter().map(|error| error[i].abs()).sum::<f64>();
    let widths: Vec<f64> =
        (0..n).map(|i| if size(i) == 0.0 { 0.0 } else { size(i).max(1e-6 * state[i].abs()) }).collect();
    if widths.iter().any(|width| !width.is_finite()) {
        return Ok(vec![vec![f64::INFINITY; n]]);
    }
    // Two points for each number of the state: a little less, a little more.
    let column = |i: usize| {
        let moved = |point: usize| if point / 2 == i { widths[i] * (2.0 * (point % 2) as f64 - 1.0) } else { 0.0 };
        (0..2 * n).map(|point| state[i] + moved(point)).collect()
    };
    let mut out = vec![Values::zeros(Precision::F64, 2 * n); n];
    reference.evaluate(&Points::columns((0..n).map(column).collect()), uniforms, &mut out)?;
    let slope = |k: usize, i: usize| match widths[i] {
        0.0 => 0.0,
        width => (out[k].get(2 * i + 1) - out[k].get(2 * i)) / (2.0 * width),
    };
    let slopes: Vec<Vec<f64>> = (0..n).map(|k| (0..n).map(|i| slope(k, i)).collect()).collect();
    let moved = |error: &Vec<f64>| slopes.iter().map(|row| row.iter().zip(error).map(|(a, b)| a * b).sum()).collect();
    Ok(errors.iter().map(moved).collect())
}

/// How far the paths of an engine can be followed, or where they part from the truth.
fn compare(run: &Run, step: Step, case: &Case, engine: Engine, backend: &dyn Backend) -> Result<Vec<usize>, Failed> {
    let mut program = backend.prepare(&run.fused.tape, engine.precision)?;
    let mut state = run.start.clone();
    let mut got = vec![state.clone()];
    for t in 1..=STEPS {
        program.iterate(&mut state, &run.steps(t, 1))?;
        got.push(state.clone());
    }
    let mut horizons = Vec::new();
    for path in 0..PATHS {
        let truth = run.truth(step, case, path);
        let bounds = run.bounds(backend, engine.precision, path)?;
        let own = run.bounds(&Reference, Precision::F64, path)?;
        let clear = |t: &usize| (0..2).all(|i| bounds[*t][i] + own[*t][i] <= BLURRED);
        let horizon = (0..=STEPS).take_while(clear).count() - 1;
        for t in 0..=horizon {
            for i in 0..2 {
                let (found, allowed) = (got[t][i].get(path), bounds[t][i] + own[t][i]);
                require((found - truth[t][i]).abs() <= allowed, || {
                    format!("path {path}, step {t}: {found}, not {} within {allowed:.1e}", truth[t][i])
                })?;
            }
        }
        horizons.push(horizon);
    }
    Ok(horizons)
}

fn follows(row: &rules::Row, case: &Case, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let step = step_of(row.name).ok_or("no pseudo-code")?;
    let run = Run::of(row, row.formula, case, engine.precision)?;
    let horizons = compare(&run, step, case, engine, backend)?;
    // Prodigy's rate grows by a factor a step at first, and every error with it.
    let least = if engine.precision == Precision::F32 { 10 } else { 50 };
    require(horizons.iter().all(|horizon| *horizon >= least), || format!("followed to the steps {horizons:?} only"))
}

/// The comparison sees slips that are easily made.
fn wrong_formulas_are_seen() -> Result<(), Failed> {
    let slips = [
        ("momentum", "v = beta v - lr g", "v = beta v - (1 - beta) lr g"),
        ("nesterov", "x + beta v - lr g", "x + v"),
        ("adam", "beta1^t", "beta1^(t + 1)"),
        ("adam", " + eps", " + 100eps"),
        ("adadelta", "sqrt((u + eps)", "sqrt((u + 1.001eps)"),
        ("nadam", "(t + 1)", "t"),
        ("adamw", "lr decay x", "decay x"),
        ("lion", "beta2 m + (1 - beta2) g", "beta1 m + (1 - beta1) g"),
        ("rprop", "if(sign(p) == -sign(g), 0, g)", "g"),
        ("dog", "s + g2", "s + g^2"),
        ("prodigy", "d = if(n > 0, max(d, r / n), d)", "d = d"),
        ("langevin", "2 lr temperature", "lr temperature"),
    ];
    for (name, right, wrong) in slips {
        let row = rules::by_name(name).ok_or("no such rule")?;
        require(row.formula.contains(right), || format!("{name} has no `{right}`"))?;
        let formula = row.formula.replace(right, wrong);
        let (engine, step) = (ENGINES[0], step_of(name).ok_or("no pseudo-code")?);
        let seen = CASES.iter().map(|case| {
            let run = Run::of(row, &formula, case, engine.precision)?;
            Ok::<bool, Failed>(compare(&run, step, case, engine, &Reference).is_err())
        });
        let seen = seen.collect::<Result<Vec<bool>, Failed>>()?;
        require(seen.contains(&true), || format!("{name} with `{wrong}` is not seen"))?;
    }
    Ok(())
}

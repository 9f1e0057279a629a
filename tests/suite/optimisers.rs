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

type Vector = [f64; 2];

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

/// What an optimiser keeps, by its paper's names where it is written down below.
#[derive(Clone, Copy, Default)]
struct Memory {
    x: Vector,
    a: Vector,
    b: Vector,
    c: Vector,
    /// The keys of the noise.
    keys: [Vector; 2],
    scalars: [f64; 3],
}

/// One step, the t-th.
type Step = fn(&dyn Fn(&str) -> f64, i32, &mut Memory, fn(Vector) -> Vector);

fn each(mut update: impl FnMut(usize) -> f64) -> Vector {
    [update(0), update(1)]
}

fn norm(v: Vector) -> f64 {
    (v[0] * v[0] + v[1] * v[1]).sqrt()
}

/// First and second moment of Adam and its kin, in `a` and `b`.
fn moments(p: &dyn Fn(&str) -> f64, s: &mut Memory, g: Vector) {
    let (b1, b2) = (p("beta1"), p("beta2"));
    s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
    s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * g[i] * g[i]);
}

/// The pseudo-code of a rule.
fn step_of(name: &str) -> Option<Step> {
    Some(match name {
        "gd" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * g[i]);
        },
        // Polyak (9): with the point before in place of a velocity.
        "momentum" => |p, t, s, gradient| {
            let (g, now) = (gradient(s.x), s.x);
            let before = if t == 1 { s.x } else { s.a };
            s.x = each(|i| now[i] - p("lr") * g[i] + p("beta") * (now[i] - before[i]));
            s.a = now;
        },
        // Sutskever and others (3), (4), from theta in `b` with the velocity in `a`; x is where they take the gradient.
        "nesterov" => |p, t, s, gradient| {
            let (rate, mu) = (p("lr"), p("beta"));
            if t == 1 {
                s.b = s.x;
            }
            let g = gradient(each(|i| s.b[i] + mu * s.a[i]));
            s.a = each(|i| mu * s.a[i] - rate * g[i]);
            s.b = each(|i| s.b[i] + s.a[i]);
            s.x = each(|i| s.b[i] + mu * s.a[i]);
        },
        "adagrad" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.a = each(|i| s.a[i] + g[i] * g[i]);
            s.x = each(|i| s.x[i] - p("lr") / (s.a[i].sqrt() + p("eps")) * g[i]);
        },
        "rmsprop" => |p, _, s, gradient| {
            let (g, rho) = (gradient(s.x), p("rho"));
            s.a = each(|i| rho * s.a[i] + (1.0 - rho) * g[i] * g[i]);
            s.x = each(|i| s.x[i] - p("lr") * g[i] / (s.a[i].sqrt() + p("eps")));
        },
        // Zeiler, algorithm 1: E[g^2] in `a`, E[dx^2] in `b`.
        "adadelta" => |p, _, s, gradient| {
            let (g, rho) = (gradient(s.x), p("rho"));
            s.a = each(|i| rho * s.a[i] + (1.0 - rho) * g[i] * g[i]);
            let rms = |mean: f64| (mean + p("eps")).sqrt();
            let dx = each(|i| -rms(s.b[i]) / rms(s.a[i]) * g[i]);
            s.b = each(|i| rho * s.b[i] + (1.0 - rho) * dx[i] * dx[i]);
            s.x = each(|i| s.x[i] + p("lr") * dx[i]);
        },
        "adam" => |p, t, s, gradient| {
            moments(p, s, gradient(s.x));
            let (m, v) = (s.a.map(|m| m / (1.0 - p("beta1").powi(t))), s.b.map(|v| v / (1.0 - p("beta2").powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "amsgrad" => |p, _, s, gradient| {
            moments(p, s, gradient(s.x));
            s.c = each(|i| s.c[i].max(s.b[i]));
            s.x = each(|i| s.x[i] - p("lr") * s.a[i] / (s.c[i].sqrt() + p("eps")));
        },
        "adamax" => |p, t, s, gradient| {
            let (g, b1) = (gradient(s.x), p("beta1"));
            s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.b = each(|i| (p("beta2") * s.b[i]).max(g[i].abs() + p("eps")));
            s.x = each(|i| s.x[i] - p("lr") / (1.0 - b1.powi(t)) * s.a[i] / s.b[i]);
        },
        "nadam" => |p, t, s, gradient| {
            let (g, b1) = (gradient(s.x), p("beta1"));
            moments(p, s, g);
            let m = each(|i| b1 * s.a[i] / (1.0 - b1.powi(t + 1)) + (1.0 - b1) * g[i] / (1.0 - b1.powi(t)));
            let v = s.b.map(|v| v / (1.0 - p("beta2").powi(t)));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "adamw" => |p, t, s, gradient| {
            moments(p, s, gradient(s.x));
            let (m, v) = (s.a.map(|m| m / (1.0 - p("beta1").powi(t))), s.b.map(|v| v / (1.0 - p("beta2").powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * (m[i] / (v[i].sqrt() + p("eps")) + p("decay") * s.x[i]));
        },
        "adabelief" => |p, t, s, gradient| {
            let (g, b1, b2) = (gradient(s.x), p("beta1"), p("beta2"));
            s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * (g[i] - s.a[i]).powi(2) + p("eps"));
            let (m, v) = (s.a.map(|m| m / (1.0 - b1.powi(t))), s.b.map(|v| v / (1.0 - b2.powi(t))));
            s.x = each(|i| s.x[i] - p("lr") * m[i] / (v[i].sqrt() + p("eps")));
        },
        "lion" => |p, _, s, gradient| {
            let (g, b1, b2) = (gradient(s.x), p("beta1"), p("beta2"));
            let c = each(|i| b1 * s.a[i] + (1.0 - b1) * g[i]);
            s.x = each(|i| s.x[i] - p("lr") * (sign(c[i]) + p("decay") * s.x[i]));
            s.a = each(|i| b2 * s.a[i] + (1.0 - b2) * g[i]);
        },
        "sign" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * sign(g[i]));
        },
        // Igel and Huesken, iRprop-: step sizes in `a`, the gradient before in `b`.
        "rprop" => |p, t, s, gradient| {
            let mut g = gradient(s.x);
            for (i, g) in g.iter_mut().enumerate() {
                if t == 1 {
                    s.a[i] = p("lr");
                } else if s.b[i] * *g > 0.0 {
                    s.a[i] = (s.a[i] * p("grow")).min(p("most"));
                } else if s.b[i] * *g < 0.0 {
                    s.a[i] = (s.a[i] * p("shrink")).max(p("least"));
                    *g = 0.0;
                }
                s.x[i] -= sign(*g) * s.a[i];
            }
            s.b = g;
        },
        "normalised" => |p, _, s, gradient| {
            let g = gradient(s.x);
            s.x = each(|i| s.x[i] - p("lr") * g[i] / (norm(g) + p("eps")));
        },
        "langevin" => |p, t, s, gradient| {
            let g = gradient(s.x);
            let size = (2.0 * p("lr") * p("temperature")).sqrt();
            s.x = each(|i| s.x[i] - p("lr") * g[i] + size * deviate([s.keys[0][i], s.keys[1][i]], t as u32));
        },
        // Ivgi and others: eta_t = rbar_t / sqrt(G_t), with rbar_0 = first (1 + |x_0|); x_0 in `a`.
        "dog" => |p, t, s, gradient| {
            let g = gradient(s.x);
            if t == 1 {
                s.a = s.x;
                s.scalars[0] = p("first") * (1.0 + norm(s.x));
            } else {
                s.scalars[0] = s.scalars[0].max(norm(each(|i| s.x[i] - s.a[i])));
            }
            s.scalars[1] += norm(g).powi(2);
            s.x = each(|i| s.x[i] - p("lr") * s.scalars[0] / (s.scalars[1] + p("eps")).sqrt() * g[i]);
        },
        "prodigy" => prodigy,
        _ => return None,
    })
}

/// Mishchenko and Defazio, algorithm 4: m in `a`, v in `b`, s in `c`; d, r in the scalars; x_0 in the place of keys.
fn prodigy(p: &dyn Fn(&str) -> f64, t: i32, s: &mut Memory, gradient: fn(Vector) -> Vector) {
    let g = gradient(s.x);
    if t == 1 {
        s.keys[0] = s.x;
        s.scalars[0] = p("first");
    }
    let (d, gamma, b1, b2) = (s.scalars[0], p("lr"), p("beta1"), p("beta2"));
    let root = b2.sqrt();
    s.a = each(|i| b1 * s.a[i] + (1.0 - b1) * d * g[i]);
    s.b = each(|i| b2 * s.b[i] + (1.0 - b2) * d * d * g[i] * g[i]);
    let inner: f64 = (0..2).map(|i| g[i] * (s.keys[0][i] - s.x[i])).sum();
    s.scalars[1] = root * s.scalars[1] + (1.0 - root) * gamma * d * d * inner;
    s.c = each(|i| root * s.c[i] + (1.0 - root) * gamma * d * d * g[i]);
    s.x = each(|i| s.x[i] - gamma * d * s.a[i] / (s.b[i].sqrt() + d * p("eps")));
    s.scalars[0] = d.max(s.scalars[1] / (s.c[0].abs() + s.c[1].abs()));
}

fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

/// The noise, from its description: Threefry-2x32-20 (Salmon and others, 2011), then Box and Muller.
pub(crate) fn deviate(keys: [f64; 2], count: u32) -> f64 {
    let k = [keys[0] as u32, keys[1] as u32, 0x1bd1_1bda ^ keys[0] as u32 ^ keys[1] as u32];
    let (mut x, mut y) = (count.wrapping_add(k[0]), k[1]);
    for (group, turns) in [[13, 15, 26, 6], [17, 29, 16, 24]].into_iter().cycle().take(5).enumerate() {
        for turn in turns {
            x = x.wrapping_add(y);
            y = y.rotate_left(turn) ^ x;
        }
        x = x.wrapping_add(k[(group + 1) % 3]);
        y = y.wrapping_add(k[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    let odd = |word: u32| f64::from((word >> 10) * 2 + 1) * 2f64.powi(-23);
    (-2.0 * odd(x).ln()).sqrt() * (std::f64::consts::PI * (odd(y) - 0.5)).sin()
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

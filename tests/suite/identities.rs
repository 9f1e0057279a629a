//! Properties of random expressions: a text that is printed and parsed again is the same function; a gradient agrees
//! with difference quotients; a Hessian is the gradient of the gradient.

use crate::agree::require;
use gradfield::Expression;
use gradfield::backend::reference;
use gradfield::descent::starts::uniform;
use gradfield::expr::{Outputs, Style};
use gradfield::field::tape_of;
use libtest_mimic::{Failed, Trial};

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        Trial::test("identities::printed_and_parsed", || each(1, 400, printed)),
        Trial::test("identities::gradient_is_the_slope", || each(2, 400, slopes)),
        Trial::test("identities::hessian_is_the_gradient_s_gradient", || each(3, 100, hessian)),
    ]
}

fn each(seed: u64, count: u64, test: impl Fn(&str) -> Result<(), Failed>) -> Result<(), Failed> {
    for k in 0..count {
        let mut dice = Dice { seed, which: k, throws: 0 };
        let text = expression(&mut dice, 4);
        test(&text).map_err(|failed| Failed::from(format!("{text}\n{}", failed.message().unwrap_or(""))))?;
    }
    Ok(())
}

/// Reproducible random choices.
struct Dice {
    seed: u64,
    which: u64,
    throws: u64,
}

impl Dice {
    fn unit(&mut self) -> f64 {
        self.throws += 1;
        uniform(self.seed, self.which, self.throws)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }
}

/// A random text, written as a person writes: implicit products, powers, functions.
fn expression(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.unit() < 0.12 {
        return ["x", "y", "2", "0.5", "3", "pi", "x", "y"][dice.below(8)].to_string();
    }
    let functions =
        ["sin", "cos", "tanh", "exp", "atan", "sqrt", "ln", "abs", "sigmoid", "erf", "sinh", "log1p", "asinh", "cbrt"];
    let mut part = || expression(dice, depth - 1);
    let (a, b) = (part(), part());
    match dice.below(14) {
        0 | 1 => format!("{a} + {b}"),
        2 | 3 => format!("{a} - ({b})"),
        4 | 5 => format!("({a}) ({b})"),
        6 => format!("({a})/(1 + ({b})^2)"),
        7 => format!("({a})^{}", 1 + dice.below(5)),
        8 => format!("-({a})^2"),
        9 => format!("if({a} > {b}, {a}, {b}^2)"),
        10 => format!("{}({a}, {b})", ["max", "min", "hypot", "atan2"][dice.below(4)]),
        _ => {
            let name = functions[dice.below(functions.len())];
            match name {
                "sqrt" | "ln" | "log1p" => format!("{name}(1 + ({a})^2)"),
                "exp" | "sinh" => format!("{name}(sin({a}))"),
                _ => format!("{name}({a})"),
            }
        }
    }
}

fn at(outputs: &Outputs, dice: u64) -> (Vec<f64>, Vec<f64>) {
    let point: Vec<f64> = (0..outputs.variables.len()).map(|v| -2.0 + 4.0 * uniform(9, dice, v as u64)).collect();
    let values = reference::at(&tape_of(outputs), &point);
    (point, values)
}

/// Equal within rounding that was amplified, or both not finite.
fn close(a: f64, b: f64, scale: f64) -> bool {
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-9 * (1.0 + scale.abs() + a.abs())
}

fn printed(text: &str) -> Result<(), Failed> {
    let outputs = Expression::parse(text)?.gradient()?;
    let printed = outputs.print(Style::Text);
    let definitions: String = printed.definitions.iter().map(|(name, text)| format!("{name} = {text}; ")).collect();
    let declared =
        outputs.variables.iter().map(|name| gradfield::expr::Declared { name: name.clone(), components: None });
    let context = gradfield::expr::Context { variables: Some(declared.collect()), ..Default::default() };
    for (k, again) in printed.texts.iter().enumerate() {
        let again = Expression::parse_with(&format!("{definitions}{again}"), &context)?;
        for dice in 0..5 {
            let (point, values) = at(&outputs, dice);
            let value = reference::at(&tape_of(&again.value()), &point)[0];
            require(close(values[k], value, values[0]), || {
                format!("output {k} printed as {} is {value} at {point:?}, not {}", again.text(), values[k])
            })?;
        }
    }
    Ok(())
}

/// Central difference quotients of two step sizes; where they disagree a kink or a pole is near.
fn slopes(text: &str) -> Result<(), Failed> {
    let outputs = Expression::parse(text)?.gradient()?;
    let tape = tape_of(&outputs);
    for dice in 0..5 {
        let (point, values) = at(&outputs, dice);
        for v in 0..point.len() {
            let moved = |h: f64| {
                let mut moved = point.clone();
                moved[v] += h;
                reference::at(&tape, &moved)[0]
            };
            let quotient = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
            let (coarse, fine) = (quotient(1e-4), quotient(5e-5));
            let scale = 1.0 + fine.abs() + values[0].abs();
            let error = (coarse - fine).abs();
            if error > 1e-5 * scale || !fine.is_finite() {
                continue;
            }
            let slope = values[1 + v];
            require((slope - fine).abs() <= 10.0 * error + 1e-6 * scale, || {
                format!(
                    "the slope along {} at {point:?} is {slope}, the difference quotient {fine}",
                    outputs.variables[v]
                )
            })?;
        }
    }
    Ok(())
}

/// The Hessian's entries are the partials of the printed partials.
fn hessian(text: &str) -> Result<(), Failed> {
    let f = Expression::parse(text)?;
    let hessian = f.hessian()?;
    let n = f.variables().len();
    let tape = tape_of(&hessian);
    for dice in 0..3 {
        let (point, values) = at(&hessian, dice);
        for (i, v) in (0..n).flat_map(|i| (0..n).map(move |v| (i, v))) {
            let moved = |h: f64| {
                let mut moved = point.clone();
                moved[v] += h;
                reference::at(&tape, &moved)[1 + i]
            };
            let quotient = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
            let (coarse, fine) = (quotient(1e-4), quotient(5e-5));
            let scale = 1.0 + fine.abs() + values[1 + i].abs();
            let (error, entry) = ((coarse - fine).abs(), values[1 + n + i * n + v]);
            let judged = error <= 1e-5 * scale && fine.is_finite();
            require(!judged || (entry - fine).abs() <= 10.0 * error + 1e-6 * scale, || {
                format!("entry {i}, {v} at {point:?} is {entry}, the difference quotient {fine}")
            })?;
        }
    }
    Ok(())
}

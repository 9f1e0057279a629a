//! What a tape costs: the operations that its shader executes for one point, read off the shaders' own text.
//!
//! Flows in: a [`Tape`]. Flows out: a number, for the size of a first dispatch. The mathematics is straight-line (no
//! loop, no branch), so a function costs what its text says, every function that it calls included each time it is
//! called: `gamma` some three hundred additions, `+` one. Right within a factor of three or so; `pace.rs` measures
//! the rest.

use crate::op::Op;
use crate::real::Precision;
use crate::tape::Tape;
use std::collections::HashMap;

/// What a division or a root costs, in additions.
const SLOW: f64 = 8.0;

/// Reading or writing a number and finding its place, in additions.
const ACCESS: f64 = 16.0;

/// Operations per point and step, in additions.
pub(super) fn of(tape: &Tape, precision: Precision) -> f64 {
    let mut library = Library::new(match precision {
        Precision::F32 => include_str!("../../../shaders/math32.wgsl"),
        Precision::F64 => include_str!("../../../shaders/math64.wgsl"),
    });
    let mut known: HashMap<Op, f64> = HashMap::new();
    let code: f64 =
        tape.code.iter().map(|i| *known.entry(i.op).or_insert_with(|| library.text(i.op.wgsl).max(1.0))).sum();
    code + ACCESS * (tape.inputs.len() + tape.outputs.len()) as f64
}

/// The functions of a text with their bodies, and the costs found so far.
struct Library<'t> {
    bodies: HashMap<&'t str, &'t str>,
    costs: HashMap<&'t str, f64>,
}

impl<'t> Library<'t> {
    fn new(text: &'t str) -> Library<'t> {
        let function = |piece: &'t str| {
            let (head, rest) = piece.split_once('(')?;
            let (_, body) = rest.split_once('{')?;
            Some((head, body.split("\n}").next().unwrap_or(body)))
        };
        Library { bodies: text.split("\nfn ").skip(1).filter_map(function).collect(), costs: HashMap::new() }
    }

    /// Operators and calls of a text.
    fn text(&mut self, text: &str) -> f64 {
        let mut cost = 0.0;
        for line in text.lines().filter_map(|line| line.split("//").next()) {
            for (k, sign) in line.char_indices() {
                cost += match sign {
                    '+' | '-' | '*' | '<' | '>' | '&' | '|' | '^' => 1.0,
                    '/' => SLOW,
                    '(' => self.call(&line[..k]),
                    _ => 0.0,
                };
            }
        }
        cost
    }

    /// What stands before a parenthesis: one of the functions here, one that the language has, or nothing.
    fn call(&mut self, before: &str) -> f64 {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        if let Some(cost) = self.costs.get(name) {
            return *cost;
        }
        match (name, self.bodies.get_key_value(name).map(|(name, body)| (*name, *body))) {
            (_, Some((name, body))) => {
                let cost = self.text(body);
                self.costs.insert(name, cost);
                cost
            }
            ("", None) => 0.0,
            ("sqrt", None) => SLOW,
            (_, None) => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::ops;
    use crate::tape::{Arg, Input, Instruction};

    fn cost(op: Op, times: usize, precision: Precision) -> f64 {
        let code = vec![Instruction { op, args: [Arg::Input(0); 3] }; times];
        let tape = |code| Tape { inputs: Input::varying(&["x"]), code, outputs: vec![Arg::Input(0)] };
        of(&tape(code), precision) - of(&tape(Vec::new()), precision)
    }

    #[test]
    fn a_function_costs_what_it_calls() {
        let text = "fn f(x: R) -> R {\n    return x + 1.0; // + + +\n}\nfn g(x: R) -> R {\n    return f(f(x)) / fma(x, x, x);\n}\n";
        let text = format!("\n{text}");
        let mut library = Library::new(&text);
        assert_eq!(library.text("f(a) * g(a)"), 1.0 + 1.0 + (2.0 + SLOW + 1.0));
    }

    #[test]
    fn dear_operations_cost_more() {
        for precision in [Precision::F32, Precision::F64] {
            assert_eq!(cost(ops::ADD, 100, precision), 100.0);
            let [sin, gamma] = [ops::SIN, ops::GAMMA].map(|op| cost(op, 1, precision));
            assert!((15.0..500.0).contains(&sin) && (100.0..3000.0).contains(&gamma), "{sin} {gamma}");
        }
    }
}

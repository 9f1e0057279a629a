//! Sums of a step in fewer operations.
//!
//! Flows in: the operations of a tape, nothing fused yet. Flows out: the same, where a sum that nothing else uses and that
//! is multiplied by one number for all points (a rule's `lr g`) is written anew: a factor of several terms is taken out of
//! them, `2 x - 400 x d` is `x (2 - 400 d)`; and a number that is a factor of all goes to the number outside,
//! `lr (2 a + 4 b)` is `(2 lr) (a + 2 b)`. What such a sum is off by is a rounding of its terms as before; times the step
//! size it is not above the rounding of the coordinate that it is added to.
//!
//! Who should not use it: anyone but `tape`. What a user asks for is computed as it was typed.

use super::{Arg, Code, Tape, is_power_of_two};
use crate::op::{Op, ops};

/// A number times a value.
#[derive(Debug, Clone, Copy)]
struct Term {
    number: f64,
    value: Arg,
}

/// A sum of terms and of products of a factor and a sum of terms.
#[derive(Debug, Default)]
struct Sum {
    terms: Vec<Term>,
    products: Vec<(Arg, Vec<Term>)>,
}

/// Terms of a sum that is looked at: each is held against all.
const MOST: usize = 64;
const ONE: Arg = Arg::Number(1.0f64.to_bits());

/// The tape with its sums collected; nothing is left that no output needs.
pub(super) fn collected(tape: Tape) -> Tape {
    let uses = tape.uses();
    let mut code = Code::default();
    let mut moved: Vec<Arg> = Vec::with_capacity(tape.code.len());
    let mut uniform = vec![false; tape.code.len()];
    for (k, instruction) in tape.code.iter().enumerate() {
        uniform[k] = tape.is_made_of_uniforms(k, &uniform);
        let [left, right, _] = instruction.args;
        let sum = [(left, right), (right, left)].into_iter().find_map(|(outer, inner)| {
            let multiplied = instruction.op == ops::MUL && tape.is_uniform(outer, &uniform);
            let terms = Terms { tape: &tape, uses: &uses }.of(inner).filter(|_| multiplied)?;
            Some((outer, better(&tape, &uses, terms)?))
        });
        let to = |arg: Arg| place(arg, &moved);
        let made = match sum {
            Some((outer, (sum, factor))) => {
                let outer = match factor {
                    1.0 => to(outer),
                    factor => code.push(ops::MUL, [to(outer), Arg::number(factor), ONE]),
                };
                let sum = sum.write(&mut code, to);
                code.push(ops::MUL, [outer, sum, outer])
            }
            None => code.push(instruction.op, instruction.args.map(to)),
        };
        moved.push(made);
    }
    let outputs = tape.outputs.iter().map(|arg| place(*arg, &moved)).collect();
    Tape { inputs: tape.inputs, code: code.list, outputs }.swept()
}

fn place(arg: Arg, moved: &[Arg]) -> Arg {
    match arg {
        Arg::Value(k) => moved[k as usize],
        other => other,
    }
}

/// Reads the terms of a sum.
struct Terms<'a> {
    tape: &'a Tape,
    uses: &'a [u32],
}

impl Terms<'_> {
    /// The terms of a sum of several, in their order, that nothing else uses; none of a sum of very many.
    fn of(&self, sum: Arg) -> Option<Vec<Term>> {
        let mut terms = Vec::new();
        let mut left = vec![Term { number: 1.0, value: sum }];
        while let Some(term) = left.pop() {
            match self.parts(term) {
                Some(parts) => left.extend(parts.into_iter().rev().flatten()),
                None => terms.push(term),
            }
            if terms.len() + left.len() > MOST {
                return None;
            }
        }
        (terms.len() > 1).then_some(terms)
    }

    /// What a term is the sum of, or the product of a number with.
    fn parts(&self, Term { number, value }: Term) -> Option<[Option<Term>; 2]> {
        let (op, [left, right]) = operation(self.tape, self.uses, value)?;
        let term = |number, value| Some(Term { number, value });
        match (op, left, right) {
            (op, ..) if op == ops::ADD => Some([term(number, left), term(number, right)]),
            (op, ..) if op == ops::SUB => Some([term(number, left), term(-number, right)]),
            (op, ..) if op == ops::NEG => Some([term(-number, left), None]),
            (op, Arg::Number(bits), inner) | (op, inner, Arg::Number(bits)) if op == ops::MUL => {
                // Of a sum, as it stands, unless that changes no bits: what cancels in it must not be rounded before.
                let factor = Some(f64::from_bits(bits)).filter(|f| is_power_of_two(*f) || !self.is_sum(inner))?;
                Some([term(times(number, factor)?, inner), None])
            }
            _ => None,
        }
    }

    fn is_sum(&self, value: Arg) -> bool {
        operation(self.tape, self.uses, value).is_some_and(|(op, _)| op == ops::ADD || op == ops::SUB)
    }
}

/// What makes a value that is used once.
fn operation(tape: &Tape, uses: &[u32], value: Arg) -> Option<(Op, [Arg; 2])> {
    let Arg::Value(k) = value else { return None };
    let instruction = tape.code[k as usize];
    (uses[k as usize] == 1).then_some((instruction.op, [instruction.args[0], instruction.args[1]]))
}

/// A product of two numbers, if it is exact, and no less a number in f32.
fn times(a: f64, b: f64) -> Option<f64> {
    let product = a * b;
    (is_normal(product) && a.mul_add(b, -product) == 0.0).then_some(product)
}

/// a / b, if that is exact.
fn over(a: f64, b: f64) -> Option<f64> {
    let ratio = a / b;
    (is_normal(ratio) && times(ratio, b) == Some(a)).then_some(ratio)
}

/// Whether f32 has such a number, neither subnormal nor infinite.
fn is_normal(value: f64) -> bool {
    (value as f32).is_normal()
}

/// The sum in fewer operations and the number that is to be multiplied with it, if there is such a way.
fn better(tape: &Tape, uses: &[u32], mut terms: Vec<Term>) -> Option<(Sum, f64)> {
    let mut sum = Sum::default();
    while let Some((factor, group)) = shared(tape, uses, &terms) {
        let rest = |term: &Term| Term { number: term.number, value: without(tape, uses, *term, factor)[0] };
        sum.products.push((factor, group.iter().map(|k| rest(&terms[*k])).collect()));
        let mut k = 0;
        terms.retain(|_| (!group.contains(&k), k += 1).0);
    }
    sum.terms = terms;
    let factor = sum.take_out();
    (!sum.products.is_empty() || factor != 1.0).then_some((sum, factor))
}

/// What is left of a term, as many ways as there are, without one of its factors.
fn without(tape: &Tape, uses: &[u32], term: Term, factor: Arg) -> Vec<Arg> {
    let product = operation(tape, uses, term.value).filter(|(op, _)| *op == ops::MUL).map(|(_, factors)| factors);
    let [left, right] = product.unwrap_or([term.value, ONE]);
    let ways = [(left, right), (right, left)].into_iter();
    ways.filter(|(this, _)| *this == factor).map(|(_, other)| other).collect()
}

/// A factor of several terms, by their places, of which one has a number as well: alone that product costs an operation.
fn shared(tape: &Tape, uses: &[u32], terms: &[Term]) -> Option<(Arg, Vec<usize>)> {
    let factors = terms.iter().flat_map(|term| match operation(tape, uses, term.value) {
        Some((op, [left, right])) if op == ops::MUL => vec![left, right],
        _ => vec![term.value],
    });
    factors.filter(|factor| !matches!(factor, Arg::Number(_))).find_map(|factor| {
        let rest = |term: &Term| without(tape, uses, *term, factor).first().copied();
        let group: Vec<usize> = (0..terms.len()).filter(|k| rest(&terms[*k]).is_some()).collect();
        let numbered = |k: &usize| terms[*k].number.abs() != 1.0 && rest(&terms[*k]) != Some(ONE);
        (group.len() > 1 && group.iter().any(numbered)).then_some((factor, group))
    })
}

impl Sum {
    /// Divides by the smallest number of its terms, where no operation begins with a term as it is; returns it.
    fn take_out(&mut self) -> f64 {
        let bare = |term: &Term| term.number.abs() == 1.0 || matches!(term.value, Arg::Number(_));
        if !self.products.is_empty() || self.terms.iter().any(bare) {
            return 1.0;
        }
        let sizes = self.terms.iter().map(|term| term.number.abs());
        let factor = sizes.reduce(f64::min).unwrap_or(1.0);
        let ratios: Option<Vec<f64>> = self.terms.iter().map(|term| over(term.number, factor)).collect();
        let Some(ratios) = ratios else { return 1.0 };
        self.terms.iter_mut().zip(ratios).for_each(|(term, ratio)| term.number = ratio);
        factor
    }

    /// Writes its operations; `to` says where its values are.
    fn write(&self, code: &mut Code, to: impl Fn(Arg) -> Arg) -> Arg {
        let mut sum = added(code, &self.terms, &to);
        for (factor, terms) in &self.products {
            let inner = added(code, terms, &to).unwrap_or(ONE);
            let product = code.push(ops::MUL, [to(*factor), inner, ONE]);
            sum = Some(sum.map_or(product, |sum| code.push(ops::ADD, [sum, product, ONE])));
        }
        sum.unwrap_or(ONE)
    }
}

/// Adds terms up, one that costs nothing first.
fn added(code: &mut Code, terms: &[Term], to: &impl Fn(Arg) -> Arg) -> Option<Arg> {
    let number = |term: &Term| match term.value {
        Arg::Number(bits) => times(term.number, f64::from_bits(bits)).map(Arg::number),
        _ => None,
    };
    let whole = |term: &Term| number(term).or((term.number == 1.0).then(|| to(term.value)));
    let free = terms.iter().position(|term| number(term).is_some());
    let first = free.or_else(|| terms.iter().position(|term| whole(term).is_some())).unwrap_or(0);
    let start = terms.get(first)?;
    let mut sum = match whole(start) {
        Some(whole) => whole,
        None => code.push(ops::MUL, [Arg::number(start.number), to(start.value), ONE]),
    };
    for (_, term) in terms.iter().enumerate().filter(|(k, _)| *k != first) {
        let op = if term.number < 0.0 { ops::SUB } else { ops::ADD };
        let value = match term.number.abs() {
            1.0 => to(term.value),
            size => code.push(ops::MUL, [Arg::number(size), to(term.value), ONE]),
        };
        sum = code.push(op, [sum, value, ONE]);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use crate::backend::reference;
    use crate::expr::{Graph, Id};
    use crate::op::{Op, ops};
    use crate::random;
    use crate::tape::{Arg, Input, Tape};

    const NAMES: [&str; 4] = ["x", "y", "z", "lr"];

    /// The step x - lr s of a sum s, where lr is one number for all points, or not.
    fn step(sum: impl Fn(&mut Graph, [Id; 3]) -> Id, uniform: bool) -> Tape {
        let mut graph = Graph::new();
        let [x, y, z, lr] = [0, 1, 2, 3].map(|place| graph.variable(place));
        let sum = sum(&mut graph, [x, y, z]);
        let by = graph.apply(ops::MUL, &[lr, sum]);
        let next = graph.apply(ops::SUB, &[x, by]);
        let mut inputs = Input::varying(&NAMES);
        inputs[3].uniform = uniform;
        Tape::lower(&graph, inputs, &[next])
    }

    /// Operations that are done for every point.
    fn by_point(tape: &Tape) -> usize {
        let mut fixed: Vec<bool> = Vec::new();
        for instruction in &tape.code {
            let known = |arg: &Arg| match arg {
                Arg::Value(k) => fixed[*k as usize],
                Arg::Input(place) => *place == 3,
                Arg::Number(_) => true,
            };
            fixed.push(instruction.operands().iter().all(known));
        }
        fixed.iter().filter(|fixed| !**fixed).count()
    }

    /// a * b + c * d and its like, from a table of operations and operands.
    fn written(graph: &mut Graph, [x, y, z]: [Id; 3], text: &str) -> Id {
        let mut stack: Vec<Id> = Vec::new();
        for word in text.split(' ') {
            let mut apply = |op: Op| {
                let operands = stack.split_off(stack.len() - op.arity);
                graph.apply(op, &operands)
            };
            let made = match word {
                "+" => apply(ops::ADD),
                "-" => apply(ops::SUB),
                "*" => apply(ops::MUL),
                "~" => apply(ops::NEG),
                "x" => x,
                "y" => y,
                "z" => z,
                number => graph.number(number.parse().expect("a number")),
            };
            stack.push(made);
        }
        stack[0]
    }

    /// In reverse Polish notation: a gradient and the operations of a step with it, before and after.
    #[test]
    fn a_shared_factor_and_a_common_number_go_outside() {
        let cases = [
            ("2 x * 400 x y * * - 2 -", 5, 3),
            ("2 1 x - * ~ 400 x y * * -", 5, 3),
            ("4 x y * * 2 z * +", 4, 3),
            ("3 x * 6 y * +", 3, 2),
            ("x y * x z * +", 3, 3),
            ("200 y * 2 x * + 400 x z * * -", 5, 4),
            ("x y * 2 - z +", 3, 3),
        ];
        for (text, before, after) in cases {
            let count = |uniform| by_point(&step(|graph, names| written(graph, names, text), uniform));
            assert_eq!((count(false), count(true)), (before, after), "{text}");
        }
    }

    /// What f32 has no number for is not made, and a sum of very many terms is left alone.
    #[test]
    fn numbers_stay_within_single_precision_and_sums_within_reason() {
        let both = |text: &str| [false, true].map(|uniform| step(|graph, names| written(graph, names, text), uniform));
        let two = |power: i32| 2f64.powi(power);
        for (text, fewer) in [
            (format!("{} {} x * * {} y * +", two(100), two(20), two(1)), true),
            (format!("{} {} x * * {} y * +", two(100), two(100), two(1)), true),
            (format!("{} x * {} y * +", two(120), two(-20)), false),
        ] {
            let [plain, collected] = both(&text);
            assert_eq!(by_point(&collected) < by_point(&plain), fewer, "{text}: {collected:?}");
            let args = collected.code.iter().flat_map(|instruction| instruction.args);
            let single = |arg| !matches!(arg, Arg::Number(bits) if !(f64::from_bits(bits) as f32).is_normal());
            assert!(args.into_iter().all(single), "{collected:?}");
        }
        let many = "2 x * 3 y x * * +".to_string() + &" 5 z x * * +".repeat(20_000);
        let [plain, collected] = both(&many);
        assert_eq!(by_point(&plain), by_point(&collected));
    }

    /// Sums of integers are exact however they are written: both ways give the same.
    #[test]
    fn a_collected_sum_is_the_same_sum() {
        let mut fewer = 0;
        for seed in 0..4000 {
            let mut state = 0;
            let mut below = move |n: u64| {
                state += 1;
                random::bits(seed, state, 0) % n
            };
            let mut text = String::new();
            for term in 0..2 + below(4) {
                let name = |k: u64| NAMES[k as usize];
                let number = [1, 2, 3, 4, 6, 400][below(6) as usize];
                let word = match below(6) {
                    0 => format!("{number}"),
                    1 => format!("{number} {} *", name(below(3))),
                    2 => format!("{number} {} {} * *", name(below(3)), name(below(3))),
                    3 => format!("2 {number} {} - *", name(below(3))),
                    4 => format!("{} {} {number} * * ~", name(below(3)), name(below(3))),
                    _ => format!("{number} {} 7 + *", name(below(3))),
                };
                text += &if term == 0 { word } else { format!(" {word} {}", ["+", "-"][below(2) as usize]) };
            }
            let [plain, collected] = [false, true].map(|uniform| step(|g, names| written(g, names, &text), uniform));
            assert!(by_point(&collected) <= by_point(&plain), "{text}: {collected:?}");
            fewer += usize::from(by_point(&collected) < by_point(&plain));
            for point in [[3.0, -5.0, 2.0, 1.0], [-7.0, 11.0, 13.0, 2.0], [0.0, 1.0, -1.0, 5.0]] {
                assert_eq!(reference::at(&collected, &point), reference::at(&plain, &point), "{text} at {point:?}");
            }
        }
        assert!(fewer > 400, "{fewer} sums are shorter");
    }
}

//! The instruction list that every engine runs.
//!
//! Flows in: a graph, the roles of its variables, the nodes wanted. Flows out: [`Tape`], in static single
//! assignment: instruction k makes value k. Here, once for all engines, an integer power becomes
//! multiplications, a division by a power of two a multiplication, a gradient that is multiplied by a step size is
//! written with fewer products, and a product that is only added becomes a fused multiply-add: the tape, not an
//! engine, decides what is fused.
//!
//! Who should not use it: a user evaluates an `Expression` or a `Field`.

mod collect;

use crate::expr::graph::{Graph, Id, Node};
use crate::op::{Op, ops};
use std::collections::HashMap;

/// An operand of an instruction, or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arg {
    /// The result of an earlier instruction.
    Value(u32),
    /// An input of the tape.
    Input(u32),
    /// A constant, by its f64 bits.
    Number(u64),
}

impl Arg {
    fn number(value: f64) -> Arg {
        Arg::Number(value.to_bits())
    }
}

/// `op(args)`; operands beyond the arity repeat the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// The operation.
    pub op: Op,
    /// Its operands.
    pub args: [Arg; 3],
}

impl Instruction {
    /// The operands that count.
    pub fn operands(&self) -> &[Arg] {
        &self.args[..self.op.arity]
    }
}

/// An input: a name, and whether it is one number for a whole run (a hyper-parameter) or differs by point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The variable's name.
    pub name: String,
    /// One number for all points.
    pub uniform: bool,
}

impl Input {
    /// Inputs that differ by point.
    pub fn varying<S: AsRef<str>>(names: &[S]) -> Vec<Input> {
        names.iter().map(|name| Input { name: name.as_ref().to_string(), uniform: false }).collect()
    }
}

/// A straight-line program: inputs to outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tape {
    /// The inputs; `Arg::Input(k)` is the k-th.
    pub inputs: Vec<Input>,
    /// The instructions, operands before users.
    pub code: Vec<Instruction>,
    /// What is computed, in the order asked for.
    pub outputs: Vec<Arg>,
}

/// Integer exponents up to this become multiplications (at most 2 log2 of them).
const POWER_LIMIT: f64 = 1024.0;

impl Tape {
    /// Lowers the nodes `outputs` of a graph whose variables are `inputs`, by place.
    pub fn lower(graph: &Graph, inputs: Vec<Input>, outputs: &[Id]) -> Tape {
        let mut code = Code::default();
        let needed = graph.reachable(outputs);
        let mut lowered: Vec<Option<Arg>> = vec![None; graph.len()];
        for (id, node) in graph.iter().filter(|(id, _)| needed[id.index()]) {
            lowered[id.index()] = Some(match node {
                Node::Number(bits) => Arg::Number(bits),
                Node::Variable(place) => Arg::Input(place),
                Node::Apply(op, operands) => {
                    let args = operands.map(|o| lowered[o.index()].expect("operands come first"));
                    code.apply(op, args)
                }
            });
        }
        let outputs: Vec<Arg> = outputs.iter().map(|o| lowered[o.index()].expect("an output is reachable")).collect();
        collect::collected(Tape { inputs, code: code.list, outputs }).gathered().fused().swept()
    }

    /// Gathers the uniform factors of products, `lr (200 d)` to `(200 lr) d`: what is one number for all points is
    /// computed once for all. Numbers alone, as a user typed them, stay in their order.
    fn gathered(mut self) -> Tape {
        let uses = self.uses();
        let mut uniform = vec![false; self.code.len()];
        let mut known: HashMap<[Arg; 2], u32> = HashMap::new();
        for k in 0..self.code.len() {
            if let Some(Factors { inner, uniforms: [a, b], varying }) = self.factors(k, &uses, &uniform) {
                let place = *known.entry([a, b]).or_insert(inner);
                if place == inner {
                    self.code[inner as usize] = Instruction { op: ops::MUL, args: [a, b, a] };
                    uniform[inner as usize] = true;
                }
                let product = Arg::Value(place);
                self.code[k] = Instruction { op: ops::MUL, args: [product, varying, product] };
            }
            uniform[k] = self.is_made_of_uniforms(k, &uniform);
        }
        self
    }

    /// The factors of instruction k, where it multiplies a uniform number and a product which nothing else uses, of a
    /// uniform or constant factor and one that varies.
    fn factors(&self, k: usize, uses: &[u32], uniform: &[bool]) -> Option<Factors> {
        let multiplied = |k: usize| match self.code[k] {
            Instruction { op, args: [a, b, _] } if op == ops::MUL => Some([(a, b), (b, a)]),
            _ => None,
        };
        multiplied(k)?.into_iter().find_map(|(outer, product)| {
            let Arg::Value(inner) = product else { return None };
            let before = !matches!(outer, Arg::Value(place) if place >= inner);
            if !before || uses[inner as usize] != 1 || !self.is_uniform(outer, uniform) {
                return None;
            }
            let fixed = |arg: Arg| matches!(arg, Arg::Number(_)) || self.is_uniform(arg, uniform);
            let (same, varying) =
                multiplied(inner as usize)?.into_iter().find(|(same, varying)| fixed(*same) && !fixed(*varying))?;
            Some(Factors { inner, uniforms: [same, outer], varying })
        })
    }

    /// Whether instruction k makes one number for all points, of such and constants.
    fn is_made_of_uniforms(&self, k: usize, uniform: &[bool]) -> bool {
        let operands = self.code[k].operands();
        operands.iter().any(|arg| self.is_uniform(*arg, uniform))
            && operands.iter().all(|arg| matches!(arg, Arg::Number(_)) || self.is_uniform(*arg, uniform))
    }

    /// Whether it is one number for all points, but not a constant.
    fn is_uniform(&self, arg: Arg, uniform: &[bool]) -> bool {
        match arg {
            Arg::Value(k) => uniform[k as usize],
            Arg::Input(place) => self.inputs[place as usize].uniform,
            Arg::Number(_) => false,
        }
    }

    /// How often each instruction's value is used, outputs counted.
    fn uses(&self) -> Vec<u32> {
        let mut uses = vec![0; self.code.len()];
        let args = self.code.iter().flat_map(|i| i.operands().iter()).chain(&self.outputs);
        for arg in args {
            if let Arg::Value(k) = arg {
                uses[*k as usize] += 1;
            }
        }
        uses
    }

    /// Fuses each product that is used once, by a sum or difference, into it.
    fn fused(mut self) -> Tape {
        let uses = self.uses();
        for k in 0..self.code.len() {
            let Instruction { op, args } = self.code[k];
            let [left, right] = [args[0], args[1]];
            let product = |arg: Arg| match arg {
                Arg::Value(v) if uses[v as usize] == 1 && self.code[v as usize].op == ops::MUL => {
                    Some(self.code[v as usize].args)
                }
                _ => None,
            };
            let fused = if op == ops::ADD {
                product(right)
                    .map(|m| (ops::FMA, [m[0], m[1], left]))
                    .or_else(|| product(left).map(|m| (ops::FMA, [m[0], m[1], right])))
            } else if op == ops::SUB {
                product(right)
                    .map(|m| (ops::FNMA, [m[0], m[1], left]))
                    .or_else(|| product(left).map(|m| (ops::FMS, [m[0], m[1], right])))
            } else {
                self.scaled(k, &uses)
            };
            if let Some((op, args)) = fused {
                self.code[k] = Instruction { op, args };
            }
        }
        self
    }

    /// Of a product of a power of two and a sum or difference with a constant, which nothing else uses, one operation with
    /// the same bits: `2 (x - 3)` is `2 x - 6`.
    fn scaled(&self, k: usize, uses: &[u32]) -> Option<(Op, [Arg; 3])> {
        let Instruction { op: outer, args: [left, right, _] } = self.code[k];
        let ((Arg::Number(scale), Arg::Value(inner)) | (Arg::Value(inner), Arg::Number(scale))) = (left, right) else {
            return None;
        };
        let Instruction { op, args: [a, b, _] } = self.code[inner as usize];
        let number = f64::from_bits;
        if outer != ops::MUL || uses[inner as usize] != 1 || !is_power_of_two(number(scale)) {
            return None;
        }
        let scaled = |constant: u64| {
            let product = number(scale) * number(constant);
            (product.is_finite() && product.abs() < f64::from(f32::MAX)).then(|| Arg::number(product))
        };
        let scale = Arg::Number(scale);
        match (a, b) {
            (a, Arg::Number(b)) if op == ops::ADD => Some((ops::FMA, [scale, a, scaled(b)?])),
            (Arg::Number(a), b) if op == ops::ADD => Some((ops::FMA, [scale, b, scaled(a)?])),
            (a, Arg::Number(b)) if op == ops::SUB => Some((ops::FMS, [scale, a, scaled(b)?])),
            (Arg::Number(a), b) if op == ops::SUB => Some((ops::FNMA, [scale, b, scaled(a)?])),
            _ => None,
        }
    }

    /// Drops what no output needs and numbers the rest anew.
    fn swept(self) -> Tape {
        let mut needed = vec![false; self.code.len()];
        let mark = |arg: &Arg, needed: &mut Vec<bool>| {
            if let Arg::Value(v) = arg {
                needed[*v as usize] = true;
            }
        };
        self.outputs.iter().for_each(|arg| mark(arg, &mut needed));
        for k in (0..self.code.len()).rev() {
            if needed[k] {
                self.code[k].operands().iter().for_each(|arg| mark(arg, &mut needed));
            }
        }
        let mut moved = vec![0u32; self.code.len()];
        let mut code: Vec<Instruction> = Vec::new();
        for (k, instruction) in self.code.iter().enumerate().filter(|(k, _)| needed[*k]) {
            moved[k] = code.len() as u32;
            code.push(Instruction { op: instruction.op, args: instruction.args.map(|arg| renumber(arg, &moved)) });
        }
        let outputs = self.outputs.iter().map(|arg| renumber(*arg, &moved)).collect();
        Tape { inputs: self.inputs, code, outputs }
    }
}

/// A product of three: two factors are the same for all points; `inner` multiplies one of these and the one that varies.
struct Factors {
    inner: u32,
    uniforms: [Arg; 2],
    varying: Arg,
}

fn renumber(arg: Arg, moved: &[u32]) -> Arg {
    match arg {
        Arg::Value(v) => Arg::Value(moved[v as usize]),
        other => other,
    }
}

/// The list under construction, deduplicated.
#[derive(Default)]
struct Code {
    list: Vec<Instruction>,
    known: HashMap<Instruction, u32>,
}

impl Code {
    fn apply(&mut self, op: Op, args: [Arg; 3]) -> Arg {
        let number = |arg: Arg| match arg {
            Arg::Number(bits) => Some(f64::from_bits(bits)),
            _ => None,
        };
        match number(args[1]) {
            Some(n) if op == ops::POW && n == n.trunc() && n.abs() <= POWER_LIMIT => {
                self.integer_power(args[0], n as i64)
            }
            Some(n) if op == ops::POW && n == 0.5 => self.push(ops::SQRT, [args[0]; 3]),
            Some(n) if op == ops::DIV && is_power_of_two(n) => {
                self.push(ops::MUL, [args[0], Arg::number(1.0 / n), args[0]])
            }
            _ => self.push(op, args),
        }
    }

    /// x^n by squaring; x^0 = 1, x^-n = 1 / x^n.
    fn integer_power(&mut self, x: Arg, n: i64) -> Arg {
        if n < 0 {
            let positive = self.integer_power(x, -n);
            let one = Arg::number(1.0);
            return self.push(ops::DIV, [one, positive, one]);
        }
        match n {
            0 => Arg::number(1.0),
            1 => x,
            _ if n % 2 == 0 => {
                let half = self.integer_power(x, n / 2);
                self.push(ops::MUL, [half, half, half])
            }
            _ => {
                let less = self.integer_power(x, n - 1);
                self.push(ops::MUL, [less, x, less])
            }
        }
    }

    fn push(&mut self, op: Op, mut args: [Arg; 3]) -> Arg {
        let first = args[0];
        args[op.arity..].iter_mut().for_each(|unused| *unused = first);
        let instruction = Instruction { op, args };
        let next = self.list.len() as u32;
        let place = *self.known.entry(instruction).or_insert(next);
        if place == next {
            self.list.push(instruction);
        }
        Arg::Value(place)
    }
}

/// Whether 1/value is exact and neither is subnormal, in f32 as well.
fn is_power_of_two(value: f64) -> bool {
    value != 0.0 && value.is_finite() && value.to_bits() << 12 == 0 && value.abs().log2().abs() <= 126.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tape of `3 (5 x)`, `lr (5 x)`, `(y lr) lr`, `lr (5 y)` and `lr (x y)` with lr uniform or not.
    fn tape(uniform: bool) -> Tape {
        let mut graph = Graph::new();
        let [x, y, lr] = [0, 1, 2].map(|place| graph.variable(place));
        let [three, five] = [3.0, 5.0].map(|value| graph.number(value));
        let mut product = |a: Id, b: Id| graph.apply(ops::MUL, &[a, b]);
        let (x3, x5, y5, y1, xy) =
            (product(five, x), product(x, five), product(five, y), product(y, lr), product(x, y));
        let wanted = [product(three, x3), product(lr, x5), product(y1, lr), product(y5, lr), product(lr, xy)];
        let mut inputs = Input::varying(&["x", "y", "lr"]);
        inputs[2].uniform = uniform;
        Tape::lower(&graph, inputs, &wanted)
    }

    #[test]
    fn uniform_factors_of_a_product_are_gathered_and_typed_numbers_are_not() {
        let by_point = |tape: &Tape| {
            let fixed = |arg: &Arg| matches!(arg, Arg::Number(_) | Arg::Input(2));
            tape.code.iter().filter(|instruction| !instruction.operands().iter().all(fixed)).count()
        };
        assert_eq!(by_point(&tape(false)), 10, "two products each");
        let gathered = tape(true);
        assert_eq!(by_point(&gathered), 2 + 1 + 1 + 1 + 2, "{gathered:?}");
        assert_eq!(gathered.code.len(), 9, "5 lr is there once: {gathered:?}");
    }
}

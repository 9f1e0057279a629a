//! Writes shaders: a tape becomes straight-line WGSL and joins a frame.
//!
//! Flows in: a [`Tape`], a format, a [`Frame`]. Flows out: the text of a compute shader with the entry point `main`.
//! It is put together from, in this order: `prelude32` or `prelude64` (names of the format), `prelude` (the job and
//! the buffers), the parts of the mathematics that the tape calls, the tape (`In`, `Out`, one function per
//! operation, `evaluate`), the glue that names the tape's inputs and outputs (`compute`; or `load`, `store` and
//! `advance`), the frame. No frame knows an expression, and `evaluate` knows no frame.
//!
//! Uniform inputs are read from a buffer, so a new learning rate compiles nothing. Writing costs microseconds.

use super::{guard, library};
use crate::op::Op;
use crate::points::Points;
use crate::real::Precision;
use crate::tape::{Arg, Instruction, Tape};
use std::collections::HashMap;
use std::fmt::Write;

/// What a shader does with the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// Evaluates it at the points of a grid.
    Grid {
        /// Neighbouring points of an invocation, 1, 2 or 4.
        each: u32,
    },
    /// Evaluates it at given points.
    Columns {
        /// Neighbouring points of an invocation, 1, 2 or 4.
        each: u32,
    },
    /// Applies it to the state of particles, many times.
    Iterate {
        /// Which uniform input is the number of the step.
        clock: Option<usize>,
    },
}

impl Frame {
    /// Points or particles of an invocation.
    pub fn each(self) -> u32 {
        match self {
            Frame::Grid { each } | Frame::Columns { each } => each,
            Frame::Iterate { .. } => 1,
        }
    }
}

/// Whose functions a shader calls for `sin` and its kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mathematics {
    /// gradfield's, whose error is known.
    #[default]
    Own,
    /// The driver's where it has one (in single precision), faster and of unknown error.
    Driver,
}

impl Mathematics {
    /// The driver's text for an operation, where it is taken.
    pub fn driver(self, op: Op, precision: Precision) -> Option<&'static str> {
        op.driver.filter(|_| self == Mathematics::Driver && precision == Precision::F32)
    }
}

/// The shader that runs `tape` in `frame`, as it is given to the driver.
pub fn shader_text(tape: &Tape, precision: Precision, frame: Frame, mathematics: Mathematics) -> String {
    let body = TapeText::new(tape, precision, frame, mathematics).write();
    let (format, frame) = (
        match precision {
            Precision::F32 => include_str!("../../../shaders/prelude32.wgsl"),
            Precision::F64 => include_str!("../../../shaders/prelude64.wgsl"),
        },
        match frame {
            Frame::Grid { .. } => include_str!("../../../shaders/grid.wgsl"),
            Frame::Columns { .. } => include_str!("../../../shaders/columns.wgsl"),
            Frame::Iterate { .. } => include_str!("../../../shaders/iterate.wgsl"),
        },
    );
    let shared = include_str!("../../../shaders/prelude.wgsl");
    [format, shared, &library::needed_by(&body, precision), &body, frame].join("\n")
}

/// A tape on its way to become text.
struct TapeText<'t> {
    tape: &'t Tape,
    precision: Precision,
    frame: Frame,
    mathematics: Mathematics,
    /// Each input as an expression.
    inputs: Vec<String>,
    /// Number of inputs that differ by point.
    varying: usize,
    /// The function of each operation, and the operations in order of first use.
    names: HashMap<Op, String>,
    order: Vec<Op>,
}

impl<'t> TapeText<'t> {
    fn new(tape: &'t Tape, precision: Precision, frame: Frame, mathematics: Mathematics) -> TapeText<'t> {
        let (mut varying, mut uniform) = (0, 0);
        let mut inputs = Vec::with_capacity(tape.inputs.len());
        for input in &tape.inputs {
            if !input.uniform {
                inputs.push(format!("p.v{varying}"));
                varying += 1;
            } else {
                let clock = frame == Frame::Iterate { clock: Some(uniform) };
                inputs.push(if clock { "clock".to_string() } else { format!("params[{uniform}]") });
                uniform += 1;
            }
        }
        let (names, order) = names(tape);
        TapeText { tape, precision, frame, mathematics, inputs, varying, names, order }
    }

    fn write(&self) -> String {
        let mut text = String::with_capacity(64 * self.tape.code.len() + 1024);
        text += &wide(self.frame.each());
        text += &structure("In", self.varying);
        text += &structure("Out", self.tape.outputs.len());
        self.order.iter().for_each(|op| text += &self.function(*op));
        text += &self.evaluate();
        text += &match self.frame {
            Frame::Grid { each } => self.point() + &self.compute(each, &self.on_the_grid(each)),
            Frame::Columns { each } => self.compute(each, &self.in_the_list(each)),
            Frame::Iterate { .. } => self.load() + &self.store() + &self.advance(),
        };
        text
    }

    /// One operation of the table.
    fn function(&self, op: Op) -> String {
        let operands = ["a: R", "b: R", "c: R"][..op.arity].join(", ");
        let text = self.mathematics.driver(op, self.precision).unwrap_or(op.wgsl);
        let kernel = library::suffixed(text, self.precision);
        format!("fn {}({operands}) -> R {{\n    return {kernel};\n}}\n", self.names[&op])
    }

    /// The tape, an instruction a line.
    fn evaluate(&self) -> String {
        let mut text = String::from("\nfn evaluate(p: In) -> Out {\n");
        let veils = guard::veiled(self.tape, self.precision);
        for (k, (Instruction { op, args }, veils)) in self.tape.code.iter().zip(veils).enumerate() {
            let written = |(arg, veil): (&Arg, bool)| {
                let text = self.arg(*arg);
                if veil { format!("veil({text})") } else { text }
            };
            let operands: Vec<String> = args[..op.arity].iter().zip(veils).map(written).collect();
            put(&mut text, format_args!("    let t{k} = {}({});\n", self.names[op], operands.join(", ")));
        }
        text += "    var o: Out;\n";
        for (k, output) in self.tape.outputs.iter().enumerate() {
            put(&mut text, format_args!("    o.v{k} = {};\n", self.arg(*output)));
        }
        text + "    return o;\n}\n"
    }

    fn arg(&self, arg: Arg) -> String {
        match arg {
            Arg::Value(k) => format!("t{k}"),
            Arg::Input(k) => self.inputs[k as usize].clone(),
            Arg::Number(bits) => number(f64::from_bits(bits), self.precision),
        }
    }

    /// Computes and stores `each` points from `index` on; `points` makes them: `p0`, `p1`, ...
    fn compute(&self, each: u32, points: &str) -> String {
        let mut text = format!("\nfn compute(index: u32) {{\n{points}");
        for j in 0..each {
            put(&mut text, format_args!("    let o{j} = evaluate(p{j});\n"));
        }
        for k in 0..self.tape.outputs.len() {
            let values: Vec<String> = (0..each).map(|j| format!("o{j}.v{k}")).collect();
            let values = values.join(", ");
            put(&mut text, format_args!("    results[({k}u * job.section + index) / EACH] = W({values});\n"));
        }
        text + "}\n"
    }

    /// The point of a grid at a place on each axis.
    fn point(&self) -> String {
        let places: Vec<String> = (0..self.varying).map(|v| format!("a{v}: u32")).collect();
        let mut text = format!("\nfn point({}) -> In {{\n    var p: In;\n", places.join(", "));
        for v in 0..self.varying {
            put(&mut text, format_args!("    p.v{v} = coordinate({v}u, a{v});\n"));
        }
        text + "    return p;\n}\n"
    }

    /// Neighbours on a grid: the first by quotients, the fastest axis first, each handing what it carries to the next
    /// slower one; the others by steps.
    fn on_the_grid(&self, each: u32) -> String {
        let mut text = String::from("    var place = index;\n");
        let axes: Vec<usize> = Points::array_order(self.varying).into_iter().rev().collect();
        for (k, v) in axes.iter().enumerate() {
            let place = if k + 1 < axes.len() { "along(VARIABLE, &place)" } else { "slowest(VARIABLE, place)" };
            put(&mut text, format_args!("    var a{v} = {};\n", place.replace("VARIABLE", &format!("{v}u"))));
        }
        let places: Vec<String> = (0..self.varying).map(|v| format!("a{v}")).collect();
        let places = places.join(", ");
        for j in 0..each {
            if j > 0 {
                put(&mut text, format_args!("    {} = true;\n", if j == 1 { "var carry" } else { "carry" }));
                axes.iter().for_each(|v| put(&mut text, format_args!("    a{v} = step({v}u, a{v}, &carry);\n")));
            }
            put(&mut text, format_args!("    let p{j} = point({places});\n"));
        }
        text
    }

    /// Neighbours in a list.
    fn in_the_list(&self, each: u32) -> String {
        let mut text = String::new();
        for v in 0..self.varying {
            put(&mut text, format_args!("    let w{v} = points[({v}u * job.section + index) / EACH];\n"));
        }
        for j in 0..each {
            let part = if each == 1 { String::new() } else { format!("[{j}]") };
            put(&mut text, format_args!("    var p{j}: In;\n"));
            (0..self.varying).for_each(|v| put(&mut text, format_args!("    p{j}.v{v} = w{v}{part};\n")));
        }
        text
    }

    /// A particle from its columns.
    fn load(&self) -> String {
        let mut text = String::from("\nfn load(index: u32) -> In {\n    var p: In;\n");
        for k in 0..self.varying {
            put(&mut text, format_args!("    p.v{k} = results[{k}u * job.section + index];\n"));
        }
        text + "    return p;\n}\n"
    }

    /// A particle to its columns.
    fn store(&self) -> String {
        let mut text = String::from("\nfn store(index: u32, o: In) {\n");
        for k in 0..self.varying {
            put(&mut text, format_args!("    results[{k}u * job.section + index] = o.v{k};\n"));
        }
        text + "}\n"
    }

    /// The outputs as the next inputs.
    fn advance(&self) -> String {
        let mut text = String::from("\nfn advance(o: Out) -> In {\n    var p: In;\n");
        for k in 0..self.varying {
            put(&mut text, format_args!("    p.v{k} = o.v{k};\n"));
        }
        text + "    return p;\n}\n"
    }
}

/// Appends; writing to a `String` cannot fail.
fn put(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a String takes any text");
}

/// `EACH` and `W`: how many points an invocation computes, and their numbers side by side.
fn wide(each: u32) -> String {
    let wide = if each == 1 { "R".to_string() } else { format!("vec{each}<R>") };
    format!("const EACH = {each}u;\nalias W = {wide};\n")
}

/// A struct of numbers `v0`, `v1`, ... WGSL has no empty struct.
fn structure(name: &str, members: usize) -> String {
    let members: String = (0..members.max(1)).map(|k| format!("    v{k}: R,\n")).collect();
    format!("struct {name} {{\n{members}}}\n")
}

/// A function name for each operation that the tape uses: unique, and nothing that WGSL reserves.
fn names(tape: &Tape) -> (HashMap<Op, String>, Vec<Op>) {
    let (mut names, mut order): (HashMap<Op, String>, Vec<Op>) = Default::default();
    for Instruction { op, .. } in &tape.code {
        if !names.contains_key(op) {
            let plain: String = op.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let mut name = format!("op_{plain}");
            if names.values().any(|other| *other == name) {
                name = format!("{name}_{}", order.len());
            }
            names.insert(*op, name);
            order.push(*op);
        }
    }
    (names, order)
}

/// A literal that is exactly `value` rounded to the format. WGSL has no constant for NaN, infinity and (safely) -0:
/// those are made from their bits at run time.
fn number(value: f64, precision: Precision) -> String {
    let value = precision.round(value);
    if value == 0.0 && value.is_sign_positive() {
        return "zero()".to_string();
    }
    let plain = value.is_finite() && value != 0.0;
    match precision {
        Precision::F32 if plain => format!("{:?}f", value as f32),
        Precision::F32 => format!("from_bits(0x{:08x}u)", (value as f32).to_bits()),
        Precision::F64 if plain => format!("{value:?}lf"),
        Precision::F64 => format!("from_bits(0x{:016x}lu)", value.to_bits()),
    }
}

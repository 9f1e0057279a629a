//! THE TABLE of operations: one row each, and everything that knows an operation reads the row.
//!
//! A row holds the name, the operands, the kernel (one text: Rust for the CPU's SIMD loops, WGSL for the GPU, and what
//! the CPU's code generator reads),
//! the reference in plain f64, the partial derivatives in gradfield's own language, the slack in ULP that each
//! engine is allowed, and a domain to sample in tests. From it come the parser's names, constant folding, the
//! three engines, derivatives and tests. To add an operation is to add a row (and, where it needs a polynomial,
//! an `m_` function in `shaders/math32.wgsl` and `math64.wgsl`).
//!
//! Flows in: `kernel.rs`, `real.rs`. Flows out: [`Op`], [`Operations`], and a constant per row.

mod breaks;
mod reference;

pub(crate) use breaks::ends;
pub use breaks::{Break, Breaks};

use crate::kernel::Kernels;
use crate::real::Precision;
use std::hash::{Hash, Hasher};

/// How an operation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `name(a, b)`.
    Function,
    /// `name(a, b, c, ...)`: two operands in the table, any number from one on in the language, from the left.
    Variadic,
    /// Between its operands; a higher number binds tighter.
    Infix(&'static str, u8),
    /// Before its operand.
    Prefix(&'static str, u8),
    /// `name(a)`: in a rule of a descent of all coordinates together, in an objective of all rows of a table. It is taken
    /// apart before an engine sees it.
    Reduction,
    /// Cannot be written: made by the lowering of an expression only.
    Hidden,
}

/// The error of one application of an operation, in ULP of the exact result of its (rounded) operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slack {
    /// The CPU engine: f32, f64.
    pub cpu: [f64; 2],
    /// The GPU engine: f32, f64. WGSL grants a driver more than IEEE 754 grants a processor.
    pub gpu: [f64; 2],
    /// The f64 reference itself (correctly rounded functions of the crate pxfm for the most part).
    pub reference: f64,
}

/// Nothing is rounded: selections, signs, comparisons, rounding to an integer.
const EXACT: Slack = Slack { cpu: [0.0, 0.0], gpu: [0.0, 0.0], reference: 0.0 };
/// One rounding. WGSL lets a driver round a sum or product either way: 1 ULP ("Accuracy of Concrete Floating
/// Point Expressions").
const ROUNDED: Slack = Slack { cpu: [0.5, 0.5], gpu: [1.0, 1.0], reference: 0.5 };
/// A fused multiply-add, which WGSL lets a driver split; the product's own rounding is added by the bound.
const FUSED: Slack = Slack { cpu: [1.0, 1.0], gpu: [2.0, 2.0], reference: 0.5 };
/// A quotient: 2.5 ULP in WGSL.
const QUOTIENT: Slack = Slack { cpu: [0.5, 0.5], gpu: [2.5, 2.5], reference: 0.5 };
/// A square root: in WGSL 1 over an inverse square root of 2 ULP.
const ROOT: Slack = Slack { cpu: [0.5, 0.5], gpu: [5.0, 5.0], reference: 0.5 };
/// Our own polynomials: 4 ULP on every engine; `probe` holds each device to it.
const POLYNOMIAL: Slack = Slack { cpu: [4.0, 4.0], gpu: [4.0, 4.0], reference: 1.0 };
/// Our own longer ones (pow, erf, gamma and kin).
const LONG: Slack = Slack { cpu: [16.0, 16.0], gpu: [16.0, 16.0], reference: 2.0 };

/// A root of a logarithm times a sine: half of the logarithm's error, the root's, the polynomial's, the product's.
const DEVIATE: Slack = Slack { cpu: [8.0, 8.0], gpu: [20.0, 20.0], reference: 3.0 };

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The name of a function in the language; of an operator, its name in messages.
    pub name: &'static str,
    /// Number of operands, 1 to 3; they are called `a`, `b`, `c`.
    pub arity: usize,
    /// How it is written.
    pub syntax: Syntax,
    /// The operation in f64, written with libraries that are not ours. This is the truth in tests.
    pub reference: fn(f64, f64, f64) -> f64,
    /// The kernel as a WGSL expression of `a`, `b`, `c`; the same text is compiled into `kernels`.
    pub wgsl: &'static str,
    /// The driver's own function in WGSL, where there is one: fast, in single precision only, and as good as the
    /// driver makes it.
    pub driver: Option<&'static str>,
    /// The kernel as loops over blocks.
    pub kernels: Kernels,
    /// The partial derivative with respect to each operand, in gradfield's language, over `a`, `b`, `c` and the
    /// result `y`. Empty where the derivative is not in the language.
    pub partials: &'static [&'static str],
    /// Allowed error.
    pub slack: Slack,
    /// Whether the slack is promised for these operands in this format (range reductions end somewhere); `None`: for
    /// all.
    pub reach: Option<fn([f64; 3], Precision) -> bool>,
    /// Whether a jump or a pole lies within these errors (second) of these operands (first): then a rounded operand
    /// can land on its other side. Elsewhere the operation must be monotone or convex (or concave) in each operand,
    /// so that what it does at the ends of the errors bounds what it does between them.
    /// `None`: it has no breaks.
    pub breaks: Option<Breaks>,
    /// A range to sample for each operand.
    pub domain: &'static [(f64, f64)],
}

/// An operation: a row, compared by identity.
#[derive(Debug, Clone, Copy)]
pub struct Op(pub &'static Row);

impl std::ops::Deref for Op {
    type Target = Row;
    fn deref(&self) -> &Row {
        self.0
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Op) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Op {}

impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}

impl Syntax {
    /// Whether it is written as a call.
    pub fn is_called(self) -> bool {
        matches!(self, Syntax::Function | Syntax::Variadic | Syntax::Reduction)
    }
}

impl Op {
    /// Whether its result follows from its operands alone, so that numbers can be folded: what is of all coordinates
    /// waits until it is known how many there are.
    pub fn folds(self) -> bool {
        self.syntax != Syntax::Reduction
    }

    /// Whether it is one of the fused multiply-adds, whose product an engine may round by itself.
    pub fn is_fused(self) -> bool {
        [ops::FMA, ops::FMS, ops::FNMA].contains(&self)
    }

    /// The result for f64 operands; those beyond the arity are ignored.
    pub fn apply(self, operands: [f64; 3]) -> f64 {
        (self.reference)(operands[0], operands[1], operands[2])
    }
}

impl Slack {
    /// The CPU engine's share in `precision`.
    pub fn on_cpu(self, precision: Precision) -> f64 {
        self.cpu[usize::from(precision == Precision::F64)]
    }

    /// The GPU engine's share in `precision`.
    pub fn on_gpu(self, precision: Precision) -> f64 {
        self.gpu[usize::from(precision == Precision::F64)]
    }
}

/// The operations that a text may use: the table, and rows that a program adds.
#[derive(Debug, Clone)]
pub struct Operations(Vec<Op>);

impl Default for Operations {
    fn default() -> Operations {
        Operations(TABLE.to_vec())
    }
}

impl Operations {
    /// The table with one more row, which hides an earlier one of the same name.
    pub fn with(mut self, row: &'static Row) -> Operations {
        self.0.insert(0, Op(row));
        self
    }

    /// All operations, table order.
    pub fn iter(&self) -> impl Iterator<Item = Op> + '_ {
        self.0.iter().copied()
    }

    /// The function of this name, as the language writes it (`ln`, `log`, `atan2`).
    pub fn function(&self, name: &str) -> Option<Op> {
        let name = if name == "log" { "ln" } else { name };
        self.iter().find(|op| op.name == name && op.syntax.is_called())
    }
}

/// A row. The kernel is one expression in the common subset of Rust and WGSL; the reference is Rust.
///
/// ```
/// use gradfield::op::{Operations, Row, Slack, Syntax};
/// static CUBE: Row = gradfield::op_row! {
///     "cube", Syntax::Function, (a) { a * a * a }, reference { a * a * a }, partials ["3a^2"],
///     slack Slack { cpu: [1.0, 1.0], gpu: [3.0, 3.0], reference: 1.0 }, domain [(-5.0, 5.0)]
/// };
/// let context = gradfield::expr::Context { operations: Operations::default().with(&CUBE), ..Default::default() };
/// let f = gradfield::Expression::parse_with("cube(x)", &context)?.gradient()?;
/// let point = gradfield::backend::reference::at(&gradfield::field::tape_of(&f), &[2.0]);
/// assert_eq!(point, [8.0, 12.0]);
/// # Ok::<(), gradfield::Error>(())
/// ```
#[macro_export]
macro_rules! op_row {
    ($name:literal, $syntax:expr, ($($arg:ident),+) { $kernel:expr }, reference { $($reference:tt)+ },
     partials [$($partial:literal),*], slack $slack:expr, $(driver $driver:literal,)? $(reach $reach:expr,)?
     $(breaks $breaks:expr,)?
     domain [$($domain:expr),+]) => {
        $crate::op::Row {
            name: $name,
            arity: [$(stringify!($arg)),+].len(),
            syntax: $syntax,
            reference: $crate::op_reference!(($($arg),+) { $($reference)+ }),
            wgsl: stringify!($kernel),
            driver: $crate::op_driver!($($driver)?),
            kernels: $crate::kernels!(($($arg),+) $kernel),
            partials: &[$($partial),*],
            slack: $slack,
            reach: $crate::op_reach!($($reach)?),
            breaks: $crate::op_breaks!($($breaks)?),
            domain: &[$($domain),+],
        }
    };
}

/// The driver's function of a row; none where it does not say.
#[doc(hidden)]
#[macro_export]
macro_rules! op_driver {
    () => {
        None
    };
    ($driver:literal) => {
        Some($driver)
    };
}

/// The operands for which a row promises its slack; all where it does not say.
#[doc(hidden)]
#[macro_export]
macro_rules! op_reach {
    () => {
        None
    };
    ($reach:expr) => {
        Some($reach)
    };
}

/// Where a row breaks; nowhere if it does not say.
#[doc(hidden)]
#[macro_export]
macro_rules! op_breaks {
    () => {
        None
    };
    ($breaks:expr) => {
        Some($breaks)
    };
}

/// The reference as a function of three numbers, whatever the arity.
#[doc(hidden)]
#[macro_export]
macro_rules! op_reference {
    (($a:ident) { $($body:tt)+ }) => {
        |$a: f64, _: f64, _: f64| -> f64 { $($body)+ }
    };
    (($a:ident, $b:ident) { $($body:tt)+ }) => {
        |$a: f64, $b: f64, _: f64| -> f64 { $($body)+ }
    };
    (($a:ident, $b:ident, $c:ident) { $($body:tt)+ }) => {
        |$a: f64, $b: f64, $c: f64| -> f64 { $($body)+ }
    };
}

macro_rules! table {
    ($($id:ident = [$($row:tt)+];)+) => {
        $(
            static $id: Row = op_row! { $($row)+ };
        )+
        /// Every operation, in the order of the table.
        pub static TABLE: &[Op] = &[$(Op(&$id)),+];
        /// The rows by name, for the stages that build or recognise an operation.
        #[allow(missing_docs, reason = "the name says it")]
        pub mod ops {
            use super::Op;
            $(pub const $id: Op = Op(&super::$id);)+
        }
    };
}

fn truth(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

/// Arguments that the range reduction of the circular functions takes: pi/2 is known to enough digits for these.
fn circular([a, ..]: [f64; 3], precision: Precision) -> bool {
    a.is_nan() || a.is_infinite() || a.abs() <= if precision == Precision::F32 { 1e5 } else { 1e9 }
}

/// Quotients whose whole part the format can hold.
fn whole_quotient([a, b, _]: [f64; 3], precision: Precision) -> bool {
    let quotient = (a / b).abs();
    quotient.is_nan() || quotient < if precision == Precision::F32 { 4e6 } else { 2e15 }
}

/// Positive arguments: between the poles on the other side lie zeros near which only the absolute error is small.
fn positive([a, ..]: [f64; 3], _: Precision) -> bool {
    a.is_nan() || a > 0.0
}

/// As [`positive`], but for what lies so close to digamma's zero that the reference itself cancels.
fn beside_the_zero(operands: [f64; 3], precision: Precision) -> bool {
    positive(operands, precision) && (operands[0] - 1.4616321449683622).abs() > 1e-9
}

/// The largest count of the noise that single precision can hold.
pub const NOISE_STEPS: u64 = (1 << 23) - 1;

/// Keys, and counts that the format can tell apart.
fn countable([a, b, c]: [f64; 3], precision: Precision) -> bool {
    let keys = 0.0..(1u64 << 23) as f64;
    let counts = 0.0..(1u64 << if precision == Precision::F32 { 23 } else { 52 }) as f64;
    keys.contains(&a) && keys.contains(&b) && counts.contains(&c)
}

/// Places whose whole parts single precision holds with a constant above them.
fn near_cell([a, b, _]: [f64; 3], _: Precision) -> bool {
    [a, b].iter().all(|place| (-4194304.0..4194304.0).contains(place))
}

/// A domain of ordinary numbers.
const REALS: (f64, f64) = (-10.0, 10.0);
/// A domain of positive numbers.
const POSITIVE: (f64, f64) = (0.01, 20.0);
/// Arguments of the hyperbolic functions that stay finite in f32 with their derivatives.
const MODEST: (f64, f64) = (-8.0, 8.0);
/// Keys of the noise.
const KEYS: (f64, f64) = (0.0, 8388607.0);
/// Places in cells.
const CELLS: (f64, f64) = (-1e5, 1e5);
/// The open unit interval, both signs.
const UNIT: (f64, f64) = (-0.999, 0.999);

use Syntax::{Function, Hidden, Infix, Prefix, Variadic};
use breaks::{
    at_any_integer, at_branch_cut, at_either_zero, at_integers, at_negative_integers, at_quarter_turns,
    at_whole_quotients, at_zero, at_zero_base, at_zero_divisor, between_integers, by_half_a_turn, from_outside_one,
    where_equal,
};

table! {
    // Arithmetic.
    ADD = ["add", Infix("+", 5), (a, b) { a + b }, reference { a + b },
        partials ["1", "1"], slack ROUNDED, domain [REALS, REALS]];
    SUB = ["subtract", Infix("-", 5), (a, b) { a - b }, reference { a - b },
        partials ["1", "-1"], slack ROUNDED, domain [REALS, REALS]];
    MUL = ["multiply", Infix("*", 6), (a, b) { a * b }, reference { a * b },
        partials ["b", "a"], slack ROUNDED, domain [REALS, REALS]];
    DIV = ["divide", Infix("/", 6), (a, b) { a / b }, reference { a / b },
        partials ["1/b", "-y/b"], slack QUOTIENT, breaks at_zero_divisor, domain [REALS, (0.1, 10.0)]];
    NEG = ["negate", Prefix("-", 7), (a) { -a }, reference { -a },
        partials ["-1"], slack EXACT, domain [REALS]];
    POW = ["power", Infix("^", 8), (a, b) { m_pow(a, b) }, reference { a.powf(b) },
        partials ["b a^(b - 1)", "if(a == 0, 0, y ln(a))"], slack LONG, driver "pow(a, b)", breaks at_zero_base,
        domain [(0.05, 8.0), (-4.0, 4.0)]];
    FMA = ["fma", Hidden, (a, b, c) { fma(a, b, c) }, reference { a.mul_add(b, c) },
        partials ["b", "a", "1"], slack FUSED, domain [REALS, REALS, REALS]];
    FMS = ["fms", Hidden, (a, b, c) { fma(a, b, -c) }, reference { a.mul_add(b, -c) },
        partials ["b", "a", "-1"], slack FUSED, domain [REALS, REALS, REALS]];
    FNMA = ["fnma", Hidden, (a, b, c) { fma(-a, b, c) }, reference { (-a).mul_add(b, c) },
        partials ["-b", "-a", "1"], slack FUSED, domain [REALS, REALS, REALS]];

    // Comparisons and logic: 1 or 0; nonzero is true.
    LT = ["less", Infix("<", 4), (a, b) { select(0.0, 1.0, a < b) }, reference { truth(a < b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    LE = ["less or equal", Infix("<=", 4), (a, b) { select(0.0, 1.0, a <= b) }, reference { truth(a <= b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    GT = ["greater", Infix(">", 4), (a, b) { select(0.0, 1.0, a > b) }, reference { truth(a > b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    GE = ["greater or equal", Infix(">=", 4), (a, b) { select(0.0, 1.0, a >= b) }, reference { truth(a >= b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    EQ = ["equal", Infix("==", 4), (a, b) { select(0.0, 1.0, a == b) }, reference { truth(a == b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    NE = ["unequal", Infix("!=", 4), (a, b) { select(0.0, 1.0, (a != b) | is_nan(a) | is_nan(b)) }, reference { truth(a != b) },
        partials ["0", "0"], slack EXACT, breaks where_equal, domain [REALS, REALS]];
    NOT = ["not", Prefix("not ", 3), (a) { select(0.0, 1.0, a == 0.0) }, reference { truth(a == 0.0) },
        partials ["0"], slack EXACT, breaks at_zero, domain [REALS]];
    AND = ["and", Infix("and", 2), (a, b) { select(0.0, 1.0, is_true(a) & is_true(b)) },
        reference { truth(a != 0.0 && b != 0.0) },
        partials ["0", "0"], slack EXACT, breaks at_either_zero, domain [REALS, REALS]];
    OR = ["or", Infix("or", 1), (a, b) { select(0.0, 1.0, is_true(a) | is_true(b)) },
        reference { truth(a != 0.0 || b != 0.0) },
        partials ["0", "0"], slack EXACT, breaks at_either_zero, domain [REALS, REALS]];
    IF = ["if", Function, (a, b, c) { select(c, b, is_true(a)) }, reference { if a != 0.0 { b } else { c } },
        partials ["0", "if(a, 1, 0)", "if(a, 0, 1)"], slack EXACT, breaks at_zero, domain [REALS, REALS, REALS]];
    FINITE = ["finite", Hidden, (a) { select(1.0, 0.0, h_not_finite(a)) }, reference { truth(a.is_finite()) },
        partials ["0"], slack EXACT, domain [REALS]];

    // Pieces and rounding. Derivatives at kinks are the documented one-sided choice.
    ABS = ["abs", Function, (a) { abs(a) }, reference { a.abs() },
        partials ["sign(a)"], slack EXACT, domain [REALS]];
    SIGN = ["sign", Function, (a) { select(select(select(0.0, 1.0, a > 0.0), -1.0, a < 0.0), a, is_nan(a)) },
        reference { if a.is_nan() { a } else { truth(a > 0.0) - truth(a < 0.0) } },
        partials ["0"], slack EXACT, breaks at_zero, domain [REALS]];
    FLOOR = ["floor", Function, (a) { floor(a) }, reference { a.floor() },
        partials ["0"], slack EXACT, breaks at_integers, domain [REALS]];
    CEIL = ["ceil", Function, (a) { ceil(a) }, reference { a.ceil() },
        partials ["0"], slack EXACT, breaks at_integers, domain [REALS]];
    ROUND = ["round", Function, (a) { round(a) }, reference { a.round_ties_even() },
        partials ["0"], slack EXACT, breaks between_integers, domain [REALS]];
    FRACT = ["fract", Function, (a) { a - floor(a) }, reference { a - a.floor() },
        partials ["1"], slack ROUNDED, breaks at_integers, domain [REALS]];
    MIN = ["min", Variadic, (a, b) { select(select(b, a, a <= b), a, is_nan(a)) },
        reference { if a.is_nan() || a <= b { a } else { b } },
        partials ["if(a <= b, 1, 0)", "if(a <= b, 0, 1)"], slack EXACT, domain [REALS, REALS]];
    MAX = ["max", Variadic, (a, b) { select(select(b, a, a >= b), a, is_nan(a)) },
        reference { if a.is_nan() || a >= b { a } else { b } },
        partials ["if(a >= b, 1, 0)", "if(a >= b, 0, 1)"], slack EXACT, domain [REALS, REALS]];
    CLAMP = ["clamp", Function, (a, b, c) { select(select(select(a, b, a < b), c, select(a, b, a < b) > c), a, is_nan(a)) },
        reference { let low = if a < b { b } else { a }; if low > c { c } else { low } },
        partials ["if(a < b, 0, if(a > c, 0, 1))", "if(a < b, if(b > c, 0, 1), 0)", "if(if(a < b, b, a) > c, 1, 0)"],
        slack EXACT, domain [REALS, (-5.0, 0.0), (0.0, 5.0)]];
    MOD = ["mod", Function, (a, b) { m_mod(a, b) }, reference { reference::floored_modulo(a, b) },
        partials ["1", "-floor(a / b)"], slack POLYNOMIAL, reach whole_quotient, breaks at_whole_quotients,
        domain [REALS, (0.5, 4.0)]];
    STEP = ["step", Function, (a) { select(0.0, 1.0, a >= 0.0) }, reference { truth(a >= 0.0) },
        partials ["0"], slack EXACT, breaks at_zero, domain [REALS]];
    RELU = ["relu", Function, (a) { select(select(0.0, a, a > 0.0), a, is_nan(a)) },
        reference { if a.is_nan() || a > 0.0 { a } else { 0.0 } },
        partials ["if(a > 0, 1, 0)"], slack EXACT, domain [REALS]];

    // Roots and lengths.
    SQRT = ["sqrt", Function, (a) { sqrt(a) }, reference { a.sqrt() },
        partials ["0.5 / y"], slack ROOT, domain [POSITIVE]];
    CBRT = ["cbrt", Function, (a) { m_cbrt(a) }, reference { pxfm::f_cbrt(a) },
        partials ["1 / (3 y^2)"], slack POLYNOMIAL, domain [REALS]];
    HYPOT = ["hypot", Function, (a, b) { m_hypot(a, b) }, reference { a.hypot(b) },
        partials ["a / y", "b / y"], slack POLYNOMIAL, driver "length(vec2<R>(a, b))", domain [REALS, REALS]];

    // Exponentials and logarithms.
    EXP = ["exp", Function, (a) { m_exp(a) }, reference { pxfm::f_exp(a) },
        partials ["y"], slack POLYNOMIAL, driver "exp(a)", domain [MODEST]];
    EXP2 = ["exp2", Function, (a) { m_exp2(a) }, reference { pxfm::f_exp2(a) },
        partials ["0.6931471805599453 y"], slack POLYNOMIAL, driver "exp2(a)", domain [MODEST]];
    EXPM1 = ["expm1", Function, (a) { m_expm1(a) }, reference { pxfm::f_expm1(a) },
        partials ["exp(a)"], slack POLYNOMIAL, domain [MODEST]];
    LN = ["ln", Function, (a) { m_ln(a) }, reference { pxfm::f_log(a) },
        partials ["1 / a"], slack POLYNOMIAL, driver "log(a)", domain [POSITIVE]];
    LOG2 = ["log2", Function, (a) { m_log2(a) }, reference { pxfm::f_log2(a) },
        partials ["1.4426950408889634 / a"], slack POLYNOMIAL, driver "log2(a)", domain [POSITIVE]];
    LOG10 = ["log10", Function, (a) { m_log10(a) }, reference { pxfm::f_log10(a) },
        partials ["0.4342944819032518 / a"], slack POLYNOMIAL, driver "0.30102998 * log2(a)", domain [POSITIVE]];
    LOG1P = ["log1p", Function, (a) { m_log1p(a) }, reference { pxfm::f_log1p(a) },
        partials ["1 / (1 + a)"], slack POLYNOMIAL, domain [(-0.9, 20.0)]];

    // Circular functions and their inverses.
    SIN = ["sin", Function, (a) { m_sin(a) }, reference { pxfm::f_sin(a) },
        partials ["cos(a)"], slack POLYNOMIAL, driver "sin(a)", reach circular, breaks by_half_a_turn, domain [REALS]];
    COS = ["cos", Function, (a) { m_cos(a) }, reference { pxfm::f_cos(a) },
        partials ["-sin(a)"], slack POLYNOMIAL, driver "cos(a)", reach circular, breaks by_half_a_turn, domain [REALS]];
    TAN = ["tan", Function, (a) { m_tan(a) }, reference { pxfm::f_tan(a) },
        partials ["1 + y^2"], slack POLYNOMIAL, driver "tan(a)", reach circular, breaks at_quarter_turns,
        domain [(-1.5, 1.5)]];
    ASIN = ["asin", Function, (a) { m_asin(a) }, reference { pxfm::f_asin(a) },
        partials ["1 / sqrt((1 - a) (1 + a))"], slack POLYNOMIAL, driver "asin(a)", breaks from_outside_one,
        domain [UNIT]];
    ACOS = ["acos", Function, (a) { m_acos(a) }, reference { pxfm::f_acos(a) },
        partials ["-1 / sqrt((1 - a) (1 + a))"], slack POLYNOMIAL, driver "acos(a)", breaks from_outside_one,
        domain [UNIT]];
    ATAN = ["atan", Function, (a) { m_atan(a) }, reference { pxfm::f_atan(a) },
        partials ["1 / (1 + a^2)"], slack POLYNOMIAL, driver "atan(a)", domain [REALS]];
    ATAN2 = ["atan2", Function, (a, b) { m_atan2(a, b) }, reference { a.atan2(b) },
        partials ["b / hypot(a, b) / hypot(a, b)", "-a / hypot(a, b) / hypot(a, b)"],
        slack POLYNOMIAL, driver "atan2(a, b)", breaks at_branch_cut, domain [REALS, REALS]];

    // Hyperbolic functions and their inverses.
    SINH = ["sinh", Function, (a) { m_sinh(a) }, reference { if a == 0.0 { a } else { pxfm::f_sinh(a) } },
        partials ["cosh(a)"], slack POLYNOMIAL, driver "sinh(a)", domain [MODEST]];
    COSH = ["cosh", Function, (a) { m_cosh(a) }, reference { pxfm::f_cosh(a) },
        partials ["sinh(a)"], slack POLYNOMIAL, driver "cosh(a)", domain [MODEST]];
    TANH = ["tanh", Function, (a) { m_tanh(a) }, reference { pxfm::f_tanh(a) },
        partials ["1 - y^2"], slack POLYNOMIAL, driver "tanh(a)", domain [MODEST]];
    ASINH = ["asinh", Function, (a) { m_asinh(a) }, reference { pxfm::f_asinh(a) },
        partials ["1 / hypot(a, 1)"], slack POLYNOMIAL, driver "asinh(a)", domain [REALS]];
    ACOSH = ["acosh", Function, (a) { m_acosh(a) }, reference { pxfm::f_acosh(a) },
        partials ["1 / (sqrt(a - 1) sqrt(a + 1))"], slack POLYNOMIAL, driver "acosh(a)", domain [(1.001, 20.0)]];
    ATANH = ["atanh", Function, (a) { m_atanh(a) }, reference { pxfm::f_atanh(a) },
        partials ["1 / ((1 - a) (1 + a))"], slack POLYNOMIAL, driver "atanh(a)", breaks from_outside_one,
        domain [UNIT]];

    // Random numbers: keys and a count, whole numbers, to a deviate. Rules read it as `noise`.
    NOISE = ["noise", Hidden, (a, b, c) { m_noise(a, b, c) }, reference { reference::noise(a, b, c) },
        partials [], slack DEVIATE, reach countable, breaks at_any_integer, domain [KEYS, KEYS, KEYS]];

    // The cell of a plane to a number from 1 to 2, one of 2^23, as white noise has them.
    CELL = ["cell", Hidden, (a, b) { m_cell(a, b) }, reference { reference::cell(a, b) },
        partials ["0", "0"], slack EXACT, reach near_cell, breaks at_any_integer, domain [CELLS, CELLS]];

    // Special functions; the constants are 2/sqrt(pi).
    ERF = ["erf", Function, (a) { m_erf(a) }, reference { pxfm::f_erf(a) },
        partials ["1.1283791670955126 exp(-a^2)"], slack LONG, domain [(-4.0, 4.0)]];
    ERFC = ["erfc", Function, (a) { m_erfc(a) }, reference { pxfm::f_erfc(a) },
        partials ["-1.1283791670955126 exp(-a^2)"], slack LONG, domain [(-4.0, 4.0)]];
    GAMMA = ["gamma", Function, (a) { m_gamma(a) }, reference { reference::gamma(a) },
        partials ["y digamma(a)"], slack LONG, breaks at_negative_integers, domain [(0.1, 12.0)]];
    LGAMMA = ["lgamma", Function, (a) { m_lgamma(a) }, reference { reference::lgamma(a) },
        partials ["digamma(a)"], slack LONG, reach positive, breaks at_negative_integers, domain [(2.5, 30.0)]];
    DIGAMMA = ["digamma", Function, (a) { m_digamma(a) }, reference { reference::digamma(a) },
        partials ["trigamma(a)"], slack LONG, reach beside_the_zero, breaks at_negative_integers, domain [(2.0, 30.0)]];
    TRIGAMMA = ["trigamma", Function, (a) { m_trigamma(a) }, reference { reference::trigamma(a) },
        partials [], slack LONG, breaks at_negative_integers, domain [(0.1, 30.0)]];
    SIGMOID = ["sigmoid", Function, (a) { m_sigmoid(a) }, reference { reference::sigmoid(a) },
        partials ["y sigmoid(-a)"], slack Slack { reference: 2.5, ..POLYNOMIAL }, driver "1.0 / (1.0 + exp(-a))", domain [MODEST]];
    SOFTPLUS = ["softplus", Function, (a) { m_softplus(a) },
        reference { a.max(0.0) + pxfm::f_log1p(pxfm::f_exp(-a.abs())) },
        partials ["sigmoid(a)"], slack Slack { reference: 2.5, ..POLYNOMIAL }, domain [MODEST]];
}

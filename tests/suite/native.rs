//! Machine code made at run time against the interpreter, bit for bit, at each SIMD level that has it.

use crate::agree::require;
use gradfield::backend::cpu::Cpu;
use gradfield::backend::{Backend, Steps};
use gradfield::descent::rule::CLOCK;
use gradfield::descent::{Rule, rules, starts};
use gradfield::field::tape_of;
use gradfield::kernel::Level;
use gradfield::op::{Op, Operations};
use gradfield::points::Values;
use gradfield::tape::{Arg, Input, Instruction, Tape};
use gradfield::{Expression, Points, Precision};
use libtest_mimic::{Failed, Trial};

/// Functions of 1 to 30 variables, cheap and long: arithmetic, choices, and what is a polynomial inside.
const FUNCTIONS: [(&str, &str); 13] = [
    ("parabola", "x^2 + 5x + 6"),
    ("line", "3x - 2y"),
    ("himmelblau", "(x^2 + y - 11)^2 + (x + y^2 - 7)^2"),
    ("rosenbrock", "(1 - x)^2 + 100(y - x^2)^2"),
    ("quotient", "x / (1 + y^2) + sqrt(1 + x^2) / (3 + x y)"),
    ("pieces", "abs(x - y) + max(x, y^2, -y) + relu(x y) + clamp(x + y, -1, 1) + min(x, 2y)^2 + x sign(y) + y step(x)"),
    ("rounds", "(x - floor(x))^2 + fract(3y)^2 + (ceil(x) - y)^2 + round(x y) x"),
    (
        "choices",
        "if(x < y and not (x == 0), x^2, y^3) + if(x >= y or x != x, x y, 1) + if(x, 3x, y) + (x > y) x + (x <= 1) y",
    ),
    ("rosenbrock10", "sum(i, 1, 9, 100(x[i+1] - x[i]^2)^2 + (1 - x[i])^2)"),
    ("quartic30", "sum(i, 1, 30, x[i]^4 - 16x[i]^2 + 5x[i] + x[i] x[31-i])"),
    ("rastrigin12", "sum(i, 1, 12, x[i]^2 - 10cos(2pi x[i]) + 10)"),
    ("mix", "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)"),
    ("special", "erf(x) gamma(2 + y^2) + lgamma(3 + x^2) - x^y + atan2(y, x) cbrt(x y) + hypot(x, y) + asin(x / 9)"),
];

/// Numbers at which instructions differ where they differ at all.
const HARD: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.5,
    -2.5,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-40,
    -1e-40,
    1e-310,
    -1e-310,
    1e-45,
    3e38,
    -3e38,
    1.7e308,
    1e10,
    0.3,
];

const LEVELS: [Level; 2] = [Level::Avx2, Level::Avx512];

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    for (level, precision) in LEVELS.into_iter().flat_map(|l| [(l, Precision::F32), (l, Precision::F64)]) {
        let here = Level::best() >= level;
        let mut add = |name: &str, test: Box<dyn Fn() -> Result<(), Failed> + Send>| {
            let name = format!("native::{}::{}::{name}", level.name(), precision.name());
            tests.push(Trial::test(name, test).with_ignored_flag(!here));
        };
        for (name, text) in FUNCTIONS {
            add(name, Box::new(move || every_rule(text, level, precision)));
        }
        for (name, text) in FUNCTIONS {
            add(&format!("grid_of_{name}"), Box::new(move || grids(text, level, precision)));
        }
        add("random_tapes", Box::new(move || random_tapes(level, precision)));
        add("states_that_only_move", Box::new(move || moves(level, precision)));
        add("operations_in_descents", Box::new(move || operations(level, precision)));
        add("operations_on_grids", Box::new(move || operations_on_grids(level, precision)));
    }
    tests
}

/// Splitmix64: enough to choose by.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn same(a: &Values, b: &Values) -> bool {
    match (a, b) {
        (Values::F32(a), Values::F32(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        }
        (Values::F64(a), Values::F64(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
        }
        _ => false,
    }
}

/// Runs a tape both ways: the bits must be the same.
pub(crate) fn compare(
    tape: &Tape,
    start: &[Values],
    steps: &Steps,
    level: Level,
    precision: Precision,
) -> Result<(), Failed> {
    let native = Cpu::new(Some(2))?.at_most(level).always_native();
    let portable = Cpu::new(Some(1))?.at_most(level).without_native();
    require(native.is_native(tape, precision), || "no machine code for this tape".to_string())?;
    require(!portable.is_native(tape, precision), || "machine code though it is off".to_string())?;
    let (mut got, mut want) = (start.to_vec(), start.to_vec());
    native.prepare(tape, precision)?.iterate(&mut got, steps)?;
    portable.prepare(tape, precision)?.iterate(&mut want, steps)?;
    for (k, (got, want)) in got.iter().zip(&want).enumerate() {
        if !same(got, want) {
            let lane = (0..got.len()).find(|i| !same_number(got.get(*i), want.get(*i))).unwrap_or(0);
            let start: Vec<f64> = start.iter().map(|column| column.get(lane)).collect();
            let (got, want) = (got.get(lane), want.get(lane));
            return Err(format!(
                "column {k}, particle {lane} from {start:?}: {got:e}, not {want:e}\n{}",
                listing(tape)
            )
            .into());
        }
    }
    Ok(())
}

/// The tape in a few words.
fn listing(tape: &Tape) -> String {
    let line = |(k, i): (usize, &Instruction)| format!("{k} = {} {:?}\n", i.op.name, i.operands());
    let code: String = tape.code.iter().enumerate().map(line).collect();
    format!("{code}{:?}", tape.outputs)
}

fn same_number(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// Particles in a box, and some at hard numbers.
fn state(columns: usize, particles: usize, precision: Precision, random: &mut Random) -> Vec<Values> {
    let mut state = starts::uniform_box(random.0, particles, &vec![(-2.0, 2.0); columns]);
    for column in &mut state {
        for number in column.iter_mut().step_by(3) {
            *number = HARD[random.below(HARD.len())];
        }
    }
    state.iter().map(|column| Values::from_f64(precision, column)).collect()
}

/// Optimisers on one function (on two of the functions all there are), for numbers of particles and steps that fit no vector and no block.
fn every_rule(text: &str, level: Level, precision: Precision) -> Result<(), Failed> {
    let mut random = Random(1);
    let all = text.starts_with("(x^2 + y - 11)^2") || text.starts_with("sin(3x)");
    for row in rules::TABLE.iter().filter(|row| all || ["gd", "momentum", "adam"].contains(&row.name)) {
        let mut rule = Rule::of(row)?;
        rule.set("lr", 1e-3)?;
        let fused = rule.fuse(&Expression::parse(text)?.gradient()?, false);
        for (particles, count) in [(1, 1), (7, 2), (333, 301), (1000, 17)] {
            let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count };
            let start = state(fused.tape.outputs.len(), particles, precision, &mut random);
            compare(&fused.tape, &start, &steps, level, precision)?;
        }
    }
    Ok(())
}

/// Tapes of random operations, plain ones for the most part: from ones that fit into the registers to ones that must
/// spill.
fn random_tapes(level: Level, precision: Precision) -> Result<(), Failed> {
    let table: Vec<Op> = Operations::default().iter().collect();
    let plain: Vec<Op> = table.iter().copied().filter(|op| !op.wgsl.contains("m_")).collect();
    require(plain.len() > 25 && plain.len() < table.len(), || format!("{} operations", plain.len()))?;
    for seed in 0..400 {
        let mut random = Random(seed);
        let longest = [10, 60, 300][random.below(3)];
        let (columns, length) = (1 + random.below(12), 1 + random.below(longest));
        let mut inputs: Vec<Input> = (0..columns).map(|k| Input { name: format!("x{k}"), uniform: false }).collect();
        inputs.extend(["t", "a"].map(|name| Input { name: name.to_string(), uniform: true }));
        let mut tape = Tape { inputs, code: Vec::new(), outputs: Vec::new() };
        for made in 0..length {
            let from = if random.below(20) == 0 { &table } else { &plain };
            let op = from[random.below(from.len())];
            let args = [(); 3].map(|()| argument(&mut random, made, columns));
            let args = [0, 1, 2].map(|k| if k < op.arity { args[k] } else { args[0] });
            tape.code.push(Instruction { op, args });
        }
        tape.outputs = (0..columns).map(|_| argument(&mut random, length, columns)).collect();
        let start = state(columns, 1 + random.below(200), precision, &mut random);
        let steps = Steps { uniforms: vec![0.0, 0.75], clock: Some(0), first: 1, count: 1 + random.below(6) as u64 };
        compare(&tape, &start, &steps, level, precision)?;
    }
    Ok(())
}

/// An earlier value (mostly a late one), an input, a number.
fn argument(random: &mut Random, made: usize, columns: usize) -> Arg {
    match random.below(10) {
        0 => Arg::Number([0.0f64, -0.0, 1.5, f64::INFINITY][random.below(4)].to_bits()),
        1 => Arg::Input((columns + random.below(2)) as u32),
        2..=4 => Arg::Input(random.below(columns) as u32),
        5..=7 if made > 0 => Arg::Value((made - 1 - random.below(made.min(6))) as u32),
        _ if made > 0 => Arg::Value(random.below(made) as u32),
        _ => Arg::Input(0),
    }
}

/// Columns that change places, stay, become one, or a number: the end of a step alone.
fn moves(level: Level, precision: Precision) -> Result<(), Failed> {
    let input = Arg::Input;
    let number = Arg::Number(2.5f64.to_bits());
    let cases: [&[Arg]; 6] = [
        &[input(1), input(0)],
        &[input(1), input(2), input(0), input(3)],
        &[input(1), input(0), input(3), input(2), input(2)],
        &[input(0), number, input(1), input(1)],
        &[input(4), input(4), input(1), input(0), input(3), input(5)],
        &[input(0)],
    ];
    for outputs in cases {
        for repeat in [1, 9] {
            // Nine times as many columns are more than there are registers.
            let many = (0..repeat).flat_map(|r| outputs.iter().map(move |arg| shifted(*arg, r * outputs.len())));
            let columns = outputs.len() * repeat;
            let mut inputs: Vec<Input> =
                (0..columns).map(|k| Input { name: format!("x{k}"), uniform: false }).collect();
            inputs.push(Input { name: "t".to_string(), uniform: true });
            let mut outputs: Vec<Arg> = many.collect();
            let clock = Arg::Input(columns as u32);
            if columns > 2 {
                outputs[columns - 1] = clock;
            }
            let tape = Tape { inputs, code: Vec::new(), outputs };
            let start = state(columns, 77, precision, &mut Random(5));
            for count in [1, 2, 5, 300] {
                let steps = Steps { uniforms: vec![1.0], clock: Some(0), first: 1, count };
                compare(&tape, &start, &steps, level, precision)?;
            }
        }
    }
    Ok(())
}

fn shifted(arg: Arg, by: usize) -> Arg {
    match arg {
        Arg::Input(k) => Arg::Input(k + by as u32),
        other => other,
    }
}

/// Each operation of the table as a step of its own, at hard numbers: subnormals included, which descents take for zeros.
fn operations(level: Level, precision: Precision) -> Result<(), Failed> {
    let mut random = Random(11);
    for op in Operations::default().iter() {
        let start = state(op.arity, 1000, precision, &mut random);
        let steps = Steps { uniforms: Vec::new(), clock: None, first: 1, count: 2 };
        compare(&tape_of_one(op), &start, &steps, level, precision)?;
    }
    Ok(())
}

/// y = op(x0, x1, x2), and the other inputs as they are.
fn tape_of_one(op: Op) -> Tape {
    let inputs = (0..op.arity).map(|k| Input { name: format!("x{k}"), uniform: false }).collect();
    let args = [0, 1, 2].map(|k| Arg::Input(if k < op.arity { k } else { 0 } as u32));
    let outputs = (0..op.arity as u32).map(|k| if k == 0 { Arg::Value(0) } else { Arg::Input(k) }).collect();
    Tape { inputs, code: vec![Instruction { op, args }], outputs }
}

/// The same over lists, at hard numbers and numbers of every size: there subnormals are what they are.
fn operations_on_grids(level: Level, precision: Precision) -> Result<(), Failed> {
    let mut random = Random(17);
    for op in Operations::default().iter() {
        let columns = (0..op.arity).map(|_| sizes(40_007, precision, &mut random)).collect();
        compare_on(&tape_of_one(op), &Points::columns(columns), level, precision)
            .map_err(|error| format!("{}: {}", op.name, error.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// Numbers of every exponent, hard ones among them.
fn sizes(count: usize, precision: Precision, random: &mut Random) -> Vec<f64> {
    let number = |_| match random.below(5) {
        0 => HARD[random.below(HARD.len())],
        1 => random.below(4000) as f64 / 100.0 - 20.0,
        _ => f64::from_bits((random.below(1 << 32) as u64) << 32 | random.below(1 << 32) as u64),
    };
    let all: Vec<f64> = (0..count).map(number).collect();
    let narrow = |x: &f64| f64::from(f32::from_bits((x.to_bits() >> 32) as u32));
    if precision == Precision::F32 { all.iter().map(narrow).collect() } else { all }
}

/// f and its gradient over grids and a list whose lengths fit no vector, no block and no tile; some of the grids are
/// large enough that their results go past the caches, with rows in one piece or in two.
fn grids(text: &str, level: Level, precision: Precision) -> Result<(), Failed> {
    let expression = Expression::parse(text)?;
    let tape = tape_of(&expression.gradient()?);
    let n = expression.variables().len();
    let axis = |count| Points::linspace(-3.0, 3.0, count);
    let mut all = vec![Points::columns(starts::uniform_box(3, 40_001, &vec![(-3.0, 3.0); n]))];
    match n {
        1 => all.push(Points::Grid(vec![axis(100_003)])),
        2 => {
            all.extend(
                [(2305, 17), (257, 300), (37, 2001), (40_000, 1), (5000, 403), (3001, 701), (4096, 257)]
                    .map(|(x, y)| Points::Grid(vec![axis(x), axis(y)])),
            );
        }
        _ => {}
    }
    for points in all {
        compare_on(&tape, &points.rounded(precision), level, precision)?;
    }
    Ok(())
}

/// Evaluates a tape both ways: the bits must be the same.
fn compare_on(tape: &Tape, points: &Points, level: Level, precision: Precision) -> Result<(), Failed> {
    let native = Cpu::new(Some(2))?.at_most(level).always_native();
    let portable = Cpu::new(Some(1))?.at_most(level).without_native();
    require(native.is_native_on(tape, points, precision), || "no machine code for this tape".to_string())?;
    require(!portable.is_native_on(tape, points, precision), || "machine code though it is off".to_string())?;
    let mut got = vec![Values::zeros(precision, points.len()); tape.outputs.len()];
    let mut want = got.clone();
    native.prepare(tape, precision)?.evaluate(points, &[], &mut got)?;
    portable.prepare(tape, precision)?.evaluate(points, &[], &mut want)?;
    for (k, (got, want)) in got.iter().zip(&want).enumerate() {
        if !same(got, want) {
            let at = (0..got.len()).find(|i| !same_number(got.get(*i), want.get(*i))).unwrap_or(0);
            let (got, want, point) = (got.get(at), want.get(at), points.point(at));
            return Err(
                format!("output {k} at {point:?}, place {at} of {}: {got:e}, not {want:e}", points.len()).into()
            );
        }
    }
    Ok(())
}

//! The shaders: constants, every operation, every frame.

use super::{Check, digits, evaluate, formats, gpu, instruction, number, same, walk};
use gradfield::backend::gpu::{Frame, Mathematics::Own, shader_text};
use gradfield::op::{TABLE, ops};
use gradfield::points::Points;
use gradfield::real::Precision::{F32, F64};
use gradfield::tape::{Arg, Input, Instruction, Tape};

pub(super) fn constants_arrive_exactly() -> Check {
    let constants = [
        0.1,
        -0.3,
        1.0,
        123_456_789.0,
        16_777_217.0,
        1e-30,
        3.4028234663852886e38,
        1.1754943508222875e-38,
        1e300,
        -0.0,
        0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        1e-40,
        5e-324,
        std::f64::consts::PI,
        8.0e-3,
        1e22,
    ];
    let gpu = gpu()?;
    for precision in formats(&gpu) {
        let tape = Tape { inputs: vec![], code: vec![], outputs: constants.map(number).to_vec() };
        let found = evaluate(&gpu, &tape, precision, &Points::columns(vec![]))?;
        for (constant, found) in constants.iter().zip(found.concat()) {
            let wanted = precision.round(*constant);
            let flushed = wanted != 0.0 && wanted.abs() < precision.smallest_normal() && found == 0.0;
            let nan = wanted.is_nan() && found.is_nan();
            if !(flushed || nan || found.to_bits() == wanted.to_bits()) {
                return Err(format!("{constant} in {} is {found}", precision.name()).into());
            }
        }
    }
    Ok(())
}

/// Every operation of the table, on the variables x, y and z.
pub(super) fn everything() -> Tape {
    let args = [Arg::Input(0), Arg::Input(1), Arg::Input(2)];
    let code: Vec<Instruction> = TABLE.iter().map(|op| instruction(*op, &args)).collect();
    let outputs = (0..code.len() as u32).map(Arg::Value).collect();
    Tape { inputs: Input::varying(&["x", "y", "z"]), code, outputs }
}

pub(super) fn every_operation_compiles() -> Check {
    let gpu = gpu()?;
    let points = Points::columns(vec![vec![0.5; 3], vec![0.25; 3], vec![0.75; 3]]);
    for precision in formats(&gpu) {
        let found = evaluate(&gpu, &everything(), precision, &points)?;
        let add = TABLE.iter().position(|op| *op == ops::ADD).unwrap_or_default();
        same(&found[add..=add], &[vec![0.75; 3]], "0.5 + 0.25")?;
    }
    Ok(())
}

pub(super) fn every_frame_is_valid_wgsl() -> Check {
    let constant = Tape { inputs: vec![], code: vec![], outputs: vec![number(f64::NAN), number(-0.0)] };
    let wide: Vec<String> = (0..300).map(|k| format!("x{k}")).collect();
    let wide = Tape { inputs: Input::varying(&wide), code: vec![], outputs: (0..300).map(Arg::Input).collect() };
    let clocks = [None, Some(0), Some(1)].map(|clock| Frame::Iterate { clock });
    for precision in [F32, F64] {
        for (tape, name) in [(&digits(1), "one"), (&digits(3), "three"), (&constant, "none"), (&everything(), "all")] {
            for frame in [1, 2, 4].into_iter().flat_map(|each| [Frame::Grid { each }, Frame::Columns { each }]) {
                valid(&shader_text(tape, precision, frame, Own), name)?;
            }
        }
        for frame in clocks {
            valid(&shader_text(&walk(), precision, frame, Own), "walk")?;
            valid(&shader_text(&wide, precision, frame, Own), "wide")?;
        }
    }
    Ok(())
}

fn valid(text: &str, name: &str) -> Check {
    let module =
        naga::front::wgsl::parse_str(text).map_err(|error| format!("{name}: {}", error.emit_to_string(text)))?;
    let capabilities = naga::valid::Capabilities::FLOAT64 | naga::valid::Capabilities::SHADER_INT64;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities);
    validator.validate(&module).map_err(|error| format!("{name}: {}", error.emit_to_string(text)))?;
    Ok(())
}

pub(super) fn a_shader_holds_only_what_it_calls() -> Check {
    let text = shader_text(&digits(2), F32, Frame::Grid { each: 1 }, Own);
    if text.contains("fn m_") || !text.contains("fn op_add(a: R, b: R)") || text.contains("fn op_subtract") {
        return Err(text.into());
    }
    let tape = Tape {
        inputs: Input::varying(&["x"]),
        code: vec![instruction(ops::EXP, &[Arg::Input(0)])],
        outputs: vec![Arg::Value(0)],
    };
    let text = shader_text(&tape, F32, Frame::Grid { each: 1 }, Own);
    if text.contains("fn m_exp(") && !text.contains("fn m_gamma(") { Ok(()) } else { Err(text.into()) }
}

/// wgpu does not bound loops for us, so there may be one only: that of `iterate.wgsl`, which counts.
pub(super) fn no_shader_can_hang() -> Check {
    let loops = |text: &str| {
        let words = text.lines().filter_map(|line| line.split("//").next());
        let words = words.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        words.filter(|word| ["for", "while", "loop"].contains(word)).count()
    };
    for precision in [F32, F64] {
        let (grid, list) = (Frame::Grid { each: 4 }, Frame::Columns { each: 4 });
        for (frame, wanted) in [(grid, 0), (list, 0), (Frame::Iterate { clock: None }, 1)] {
            let tape = if wanted == 0 { everything() } else { walk() };
            let text = shader_text(&tape, precision, frame, Own);
            let counted = "for (var k = 0u; k < job.steps; k++) {";
            if loops(&text) != wanted || text.matches(counted).count() != wanted {
                return Err(format!("{frame:?} in {}: {} loops", precision.name(), loops(&text)).into());
            }
        }
    }
    Ok(())
}

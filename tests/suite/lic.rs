//! Line integral convolution: along straight lines what the kernel says, the same in bands and on every engine.

use crate::agree::require;
use crate::engines::{ENGINES, Engine};
use gradfield::Expression;
use gradfield::flow::View;
use gradfield::flow::lic::{Lic, Weave};
use libtest_mimic::{Failed, Trial};

const SIDE: usize = 256;
const WEAVE: Weave = Weave { length: 24.0, grain: 1.0, oriented: false };
const HIMMELBLAU: &str = "(x^2+y-11)^2+(x+y^2-7)^2";

type Test = fn(Engine) -> Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 7] = [
        ("along straight lines the kernel's correlation", kernel),
        ("every brightness has its share", shares),
        ("bands are the whole", bands),
        ("the scale of f does not matter", scale),
        ("what is undefined ends where it ends", undefined),
        ("drops run downhill", drops),
        ("a plain without a gradient keeps its noise", plain),
    ];
    let mut trials = Vec::new();
    for engine in ENGINES {
        for (name, test) in tests {
            let name = format!("{}::{}::lic::{name}", engine.name, engine.precision.name());
            trials.push(Trial::test(name, move || test(engine)).with_ignored_flag(!engine.runs()));
        }
        let name = format!("{}::{}::lic::the picture of the reference", engine.name, engine.precision.name());
        trials.push(Trial::test(name, move || same_picture(engine)).with_ignored_flag(!engine.runs()));
    }
    trials
}

fn view() -> View {
    View { x: (-5.0, 5.0), y: (-5.0, 5.0), width: SIDE as f64, height: SIDE as f64 }
}

fn woven(engine: Engine, text: &str, weave: Weave) -> Result<Vec<f32>, Failed> {
    let backend = engine.open()?;
    Ok(Lic::new(&Expression::parse(text)?, view(), weave, backend.as_ref(), engine.precision)?.rows(0..SIDE)?)
}

/// The correlation of pixels so far apart.
fn correlation(picture: &[f32], (across, up): (usize, usize)) -> f64 {
    let at = |x: usize, y: usize| f64::from(picture[y * SIDE + x]);
    let pairs: Vec<(f64, f64)> =
        (0..SIDE - up).flat_map(|y| (0..SIDE - across).map(move |x| (at(x, y), at(x + across, y + up)))).collect();
    let count = pairs.len() as f64;
    let (a, b) = (pairs.iter().map(|p| p.0).sum::<f64>() / count, pairs.iter().map(|p| p.1).sum::<f64>() / count);
    let sum = |product: fn(f64, f64) -> f64| pairs.iter().map(|p| product(p.0 - a, p.1 - b)).sum::<f64>();
    sum(|p, q| p * q) / (sum(|p, _| p * p) * sum(|_, q| q * q)).sqrt()
}

/// The correlation that the kernel gives to pixels so far apart along a straight line: steps of a pixel's length from
/// either, noise the same where they fall into the same cell. Along a diagonal a cell has one step or two.
fn expected((across, up): (usize, usize), apart: usize) -> f64 {
    let length = (across as f64).hypot(up as f64);
    let steps = WEAVE.length as i64;
    let samples = |from: usize| {
        (-steps..steps).map(move |k| {
            // Both ways begin at the pixel itself, which counts half for each.
            let (k, counts) = if k < 0 { (k + 1, k + 1 == 0) } else { (k, k == 0) };
            let weight = if counts { 0.5 } else { 1.0 - k.abs() as f64 / steps as f64 };
            let at = |side: usize| ((from * side) as f64 + 0.5 + side as f64 * k as f64 / length).floor() as i64;
            (at(across), at(up), weight)
        })
    };
    let overlap = |apart: usize| -> f64 {
        let pairs = samples(0).flat_map(|p| samples(apart).map(move |q| (p, q)));
        pairs.filter(|(p, q)| (p.0, p.1) == (q.0, q.1)).map(|(p, q)| p.2 * q.2).sum()
    };
    overlap(apart) / overlap(0)
}

fn kernel(engine: Engine) -> Result<(), Failed> {
    for (text, along, beside) in [("3x+0*y", (1, 0), (0, 1)), ("0*x-y/7", (0, 1), (1, 0)), ("x+y", (1, 1), (1, 0))] {
        let picture = woven(engine, text, WEAVE)?;
        for apart in [1, 4, 8, 16] {
            let found = correlation(&picture, (along.0 * apart, along.1 * apart));
            let expected = expected(along, apart);
            require((found - expected).abs() < 0.06, || format!("{text}, {apart}: {found}, not {expected}"))?;
        }
        // Cells beside each other know nothing of each other; diagonals cut the corners of some cells in common.
        let apart = if text == "x+y" { 3 } else { 1 };
        let found = correlation(&picture, (beside.0 * apart, beside.1 * apart));
        require(found.abs() < 0.1, || format!("{text}: {found} beside"))?;
    }
    Ok(())
}

fn shares(engine: Engine) -> Result<(), Failed> {
    for (text, grain) in [(HIMMELBLAU, 1.0), ("sin(x) cos(y)", 1.0), ("x*y", 2.5)] {
        let picture = woven(engine, text, Weave { grain, length: 24.0 * grain, ..WEAVE })?;
        let count = picture.len() as f64;
        let mean = picture.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        require((mean - 0.5).abs() < 0.03, || format!("{text}: mean {mean}"))?;
        for fifth in 0..5 {
            let share = picture.iter().filter(|v| (**v * 5.0) as usize == fifth).count() as f64 / count;
            require((0.1..0.3).contains(&share), || format!("{text}: {share} of the pixels in fifth {fifth}"))?;
        }
    }
    Ok(())
}

fn bands(engine: Engine) -> Result<(), Failed> {
    let backend = engine.open()?;
    let mut lic = Lic::new(&Expression::parse(HIMMELBLAU)?, view(), WEAVE, backend.as_ref(), engine.precision)?;
    let whole = lic.rows(0..SIDE)?;
    let mut joined = Vec::new();
    for (first, last) in [(0, 1), (1, 100), (100, 101), (101, SIDE)] {
        joined.extend(lic.rows(first..last)?);
    }
    require(whole == joined, || "bands differ from the whole".into())
}

fn scale(engine: Engine) -> Result<(), Failed> {
    let plain = woven(engine, HIMMELBLAU, WEAVE)?;
    for factor in ["2^-60", "2^50"] {
        let scaled = woven(engine, &format!("{factor}*({HIMMELBLAU})"), WEAVE)?;
        let same = plain.iter().zip(&scaled).filter(|(a, b)| (*a - *b).abs() < 0.05).count();
        // The usual length is rounded.
        require(same > SIDE * SIDE * 98 / 100, || format!("{factor}: {same} pixels are the same"))?;
    }
    Ok(())
}

fn undefined(engine: Engine) -> Result<(), Failed> {
    let picture = woven(engine, "ln(x)+y", WEAVE)?;
    for (place, value) in picture.iter().enumerate() {
        let defined = place % SIDE >= SIDE / 2;
        require(value.is_nan() != defined, || format!("pixel {place}: {value}"))?;
    }
    Ok(())
}

/// Darkness grows slowly towards the thick end and falls at once behind it.
fn drops(engine: Engine) -> Result<(), Failed> {
    for (text, sign) in [("0*y-x", 1.0), ("x+0*y", -1.0)] {
        let picture = woven(engine, text, Weave { oriented: true, ..WEAVE })?;
        let cubes = picture.chunks_exact(SIDE).flat_map(|row| row.windows(2));
        // Brightness, so the other way round than darkness.
        let skew: f64 = cubes.map(|pair| f64::from(pair[1] - pair[0]).powi(3)).sum();
        require(sign * skew > 1.0, || format!("{text}: {skew}"))?;
    }
    Ok(())
}

fn plain(engine: Engine) -> Result<(), Failed> {
    let picture = woven(engine, "0*x+0*y+3", WEAVE)?;
    let next = correlation(&picture, (1, 0));
    require(picture.iter().all(|v| v.is_finite()) && next.abs() < 0.05, || format!("{next}"))
}

/// Rounding leads a line to another cell now and then.
fn same_picture(engine: Engine) -> Result<(), Failed> {
    for text in [HIMMELBLAU, "sin(3x)*exp(-y^2/9)"] {
        let expected = woven(ENGINES[0], text, WEAVE)?;
        let found = woven(engine, text, WEAVE)?;
        let near = expected.iter().zip(&found).filter(|(a, b)| (*a - *b).abs() < 0.1).count();
        require(near > SIDE * SIDE * 97 / 100, || format!("{text}: {near} pixels of {} are near", SIDE * SIDE))?;
    }
    Ok(())
}

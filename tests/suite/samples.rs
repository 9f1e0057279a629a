//! Gradients of sampled fields: equal to NumPy's, SciPy's and scikit-image's within the rounding of the sums.
//!
//! `tests/cases/samples.json` is written by `tests/expected/samples.py`. The bound is that of a sum of products in any
//! order: the number of terms times half a unit in the last place of the sum of their sizes.

use crate::agree::require;
use gradfield::points::Values;
use gradfield::samples::{Canny, Gradient, Kernel, Method, Samples, Spacing, canny, gradient, smoothed};
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

const CASES: &str = include_str!("../cases/samples.json");

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        Trial::test("samples: gradients in f64 are those of NumPy, SciPy and scikit-image", || all(Precision::F64)),
        Trial::test("samples: gradients in f32 are those of NumPy, SciPy and scikit-image", || all(Precision::F32)),
        on_gpu(),
        Trial::test("samples: a wrong weight is seen", a_wrong_weight_is_seen),
        Trial::test("samples: edges are those of scikit-image", edges),
        Trial::test("samples: threads and sizes change no bit", threads),
        Trial::test("samples: a surface goes through its samples and its slopes are its own", surface),
        Trial::test("samples: a ramp of slope 1 has slope 1", ramps),
    ]
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn input(document: &Value, name: &str, precision: Precision) -> Result<Samples, Failed> {
    let input = &document["inputs"][name];
    let shape = numbers(&input["shape"]).into_iter().map(|n| n as usize).collect();
    Ok(Samples::new(shape, Values::from_f64(precision, &numbers(&input["values"])))?)
}

/// The largest distance from what is expected, as a share of the bound.
fn share(found: &Gradient, case: &Value, bound: f64) -> Result<f64, Failed> {
    let mut worst = 0.0f64;
    for (name, component) in Gradient::NAMES.iter().zip(&found.components) {
        let expected = numbers(&case["slopes"][*name]);
        require(expected.len() == component.len(), || format!("{name}: {} numbers", expected.len()))?;
        for (k, expected) in expected.iter().enumerate() {
            let off = (component.get(k) - expected).abs() / bound;
            worst = if off.is_nan() { f64::INFINITY } else { worst.max(off) };
        }
    }
    Ok(worst)
}

struct Case {
    samples: Samples,
    method: Method,
    bound: f64,
}

impl Case {
    fn of(document: &Value, case: &Value, precision: Precision) -> Result<Case, Failed> {
        let samples = input(document, case["input"].as_str().unwrap_or_default(), precision)?;
        let mut smallest = f64::INFINITY;
        let spacing = case["spacing"].as_array().cloned().unwrap_or_default();
        let samples = if spacing.is_empty() {
            smallest = 1.0;
            samples
        } else {
            let one = |v: &Value| v.as_f64().map_or_else(|| Spacing::At(numbers(v)), Spacing::Even);
            let spacing: Vec<Spacing> = spacing.iter().map(one).collect();
            for one in &spacing {
                let least = match one {
                    Spacing::Even(by) => *by,
                    Spacing::At(at) => at.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min),
                };
                smallest = smallest.min(least);
            }
            samples.with_spacing(spacing)?
        };
        let kernel: Kernel = case["kernel"].as_str().unwrap_or_default().parse()?;
        let boundary = case["boundary"].as_str().map(str::parse).transpose()?;
        let edge_order = case["edge_order"].as_u64().unwrap_or(1) as usize;
        let method = Method { kernel, boundary, edge_order, threads: 2 };
        // Smoothing weights add up to 1, derivative weights to at most 4 over the smallest spacing; as many terms as the
        // widest kernel has, and the rounding of the weights, of both programs.
        let largest = samples.values.to_f64().iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
        let terms = match kernel {
            Kernel::Gaussian(sigma) => 8.0 * sigma + 2.0,
            Kernel::Row(row) => row.derivative.len() as f64,
        };
        let unit = precision.ulp(1.0) / 2.0;
        let axes = samples.shape.len() as f64;
        Ok(Case { samples, method, bound: 2.0 * axes * (terms + 4.0) * unit * largest * 4.0 / smallest })
    }
}

fn all(precision: Precision) -> Result<(), Failed> {
    let document: Value = serde_json::from_str(CASES)?;
    let cases = document["cases"].as_array().ok_or("cases")?;
    require(cases.len() > 60, || format!("only {} cases", cases.len()))?;
    for case in cases {
        let Case { samples, method, bound } = Case::of(&document, case, precision)?;
        let share = share(&gradient(&samples, &method)?, case, bound)?;
        require(share <= 1.0, || {
            let [source, input, boundary] = ["source", "input", "boundary"].map(|key| case[key].to_string());
            format!("{source} of {input}, {boundary}: {share} times the bound")
        })?;
    }
    Ok(())
}

/// Within the same bound on the other engine, which sums in another order.
#[cfg(feature = "gpu")]
fn on_gpu() -> Trial {
    let runs = crate::engines::ENGINES.iter().any(|engine| engine.name == "gpu" && engine.runs());
    let test = || -> Result<(), Failed> {
        let (gpu, _) = gradfield::backend::gpu::Gpu::open("gpu")?;
        let document: Value = serde_json::from_str(CASES)?;
        let mut seen = 0;
        for case in document["cases"].as_array().ok_or("cases")? {
            let Case { samples, method, bound } = Case::of(&document, case, Precision::F32)?;
            if samples.shape.len() != 2 || method.kernel.is_central() {
                continue;
            }
            seen += 1;
            // A driver may round a product and a sum either way: twice the unit.
            let share = share(&gradfield::samples::gradient_on(&samples, &method, &gpu)?, case, 2.0 * bound)?;
            require(share <= 1.0, || format!("{} on a GPU: {share} times the bound", case["source"]))?;
        }
        require(seen > 20, || format!("only {seen} cases"))?;
        // In bands: more pixels than a dispatch has.
        let values: Vec<f64> = (0..3000 * 700).map(|k| f64::from(k % 251)).collect();
        let samples = Samples::new(vec![3000, 700], Values::from_f64(Precision::F32, &values))?;
        let method = Method { kernel: "gaussian:1.5".parse()?, boundary: None, edge_order: 1, threads: 2 };
        let (one, other) = (gradient(&samples, &method)?, gradfield::samples::gradient_on(&samples, &method, &gpu)?);
        for (a, b) in one.components.iter().zip(&other.components) {
            require((0..a.len()).all(|k| (a.get(k) - b.get(k)).abs() < 1e-3), || "bands differ".to_owned())?;
        }
        Ok(())
    };
    Trial::test("samples: gradients on a GPU are those of NumPy, SciPy and scikit-image", test).with_ignored_flag(!runs)
}

#[cfg(not(feature = "gpu"))]
fn on_gpu() -> Trial {
    Trial::test("samples: gradients on a GPU", || Ok(())).with_ignored_flag(true)
}

fn a_wrong_weight_is_seen() -> Result<(), Failed> {
    let document: Value = serde_json::from_str(CASES)?;
    let case = document["cases"].as_array().and_then(|all| all.iter().find(|case| case["kernel"] == "sobel"));
    let case = case.ok_or("a case of sobel")?;
    let Case { samples, method, bound } = Case::of(&document, case, Precision::F64)?;
    let wrong = Method { kernel: "scharr".parse()?, ..method };
    let samples_2d = input(&document, "image", Precision::F64)?;
    let other = document["cases"]
        .as_array()
        .and_then(|all| all.iter().find(|case| case["kernel"] == "sobel" && case["input"] == "image"));
    let share = share(&gradient(&samples_2d, &wrong)?, other.ok_or("an image")?, bound)?;
    require(share > 1e6, || format!("scharr passes for sobel: {share}"))?;
    drop(samples);
    Ok(())
}

fn edges() -> Result<(), Failed> {
    let document: Value = serde_json::from_str(CASES)?;
    let scene = input(&document, "scene", Precision::F64)?;
    let shape = (scene.shape[0], scene.shape[1]);
    for case in document["edges"].as_array().ok_or("edges")? {
        let number = |name: &str| case[name].as_f64().unwrap_or(f64::NAN);
        let smooth = number("smooth");
        let scene = if smooth > 0.0 { smoothed(&scene, smooth, Default::default(), 2)? } else { scene.clone() };
        let method = Method { kernel: "sobel".parse()?, boundary: None, edge_order: 1, threads: 2 };
        let settings = Canny { low: Some(number("low")), high: Some(number("high")), threads: 2 };
        let (found, _) = canny(&gradient(&scene, &method)?, shape, &settings)?;
        let expected: Vec<u8> = case["edges"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|row| row.as_str().unwrap_or_default().bytes().map(|digit| digit - b'0'))
            .collect();
        let count = expected.iter().filter(|v| **v == 1).count();
        require(count > 20, || format!("only {count} edges"))?;
        let differ = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        require(found.len() == expected.len() && differ == 0, || format!("smooth {smooth}: {differ} pixels differ"))?;
    }
    Ok(())
}

/// Widths around the blocks that are worked on at a time.
fn threads() -> Result<(), Failed> {
    for (rows, columns) in [(1, 1), (1, 5), (2, 1023), (3, 1024), (5, 1025), (7, 2049), (40, 3)] {
        let value = |k: usize| ((k as f64 * 0.7).sin() * 100.0).round() / 8.0;
        let values: Vec<f64> = (0..rows * columns).map(value).collect();
        for kernel in ["sobel", "scharr", "farid", "gaussian:2"] {
            let samples = Samples::new(vec![rows, columns], Values::from_f64(Precision::F32, &values))?;
            let of = |threads: usize| -> Result<Gradient, Failed> {
                Ok(gradient(&samples, &Method { kernel: kernel.parse()?, boundary: None, edge_order: 1, threads })?)
            };
            let one = of(1)?;
            require(of(3)? == one && of(64)? == one, || format!("{kernel} {rows} x {columns}"))?;
            // The same as a volume of one image, which goes axis by axis.
            let volume = Samples::new(vec![1, rows, columns], samples.values.clone())?;
            let method = Method { kernel: kernel.parse()?, boundary: None, edge_order: 1, threads: 2 };
            let other = gradient(&volume, &method)?;
            for (a, b) in one.components.iter().zip(&other.components) {
                let near = (0..a.len()).all(|k| (a.get(k) - b.get(k)).abs() < 1e-4);
                require(near, || format!("{kernel} {rows} x {columns}: a volume differs"))?;
            }
        }
    }
    Ok(())
}

fn ramps() -> Result<(), Failed> {
    let values: Vec<f64> = (0..200).map(|k| f64::from(k % 20) - 2.0 * f64::from(k / 20)).collect();
    let samples = Samples::new(vec![10, 20], Values::F64(values))?;
    for kernel in ["central", "sobel", "scharr", "prewitt", "farid"] {
        let method = Method { kernel: kernel.parse()?, boundary: None, edge_order: 2, threads: 1 };
        let found = gradient(&samples, &method)?;
        let middle = 5 * 20 + 10;
        let (x, y) = (found.components[0].get(middle), found.components[1].get(middle));
        require((x - 1.0).abs() < 1e-14 && (y + 2.0).abs() < 1e-14, || format!("{kernel}: {x} {y}"))?;
    }
    Ok(())
}

/// A cubic has itself as its spline but for the ends; derivatives are those of the surface by difference quotients.
fn surface() -> Result<(), Failed> {
    use gradfield::expr::Context;
    use gradfield::samples::{Surface, definition, surface};
    let (rows, columns) = (30, 40);
    let value = |row: usize, column: usize| (0.3 * row as f64).sin() * (0.2 * column as f64).cos() * 5.0;
    let values: Vec<f64> = (0..rows * columns).map(|k| value(k / columns, k % columns)).collect();
    let samples = Samples::new(vec![rows, columns], Values::F64(values))?;
    let place = Surface::new(&samples, None, (0.5, 2.0))?.keep()?;
    let context =
        Context { operations: gradfield::op::Operations::default().with(&surface::ROW), ..Context::default() };
    let f = Expression::parse_with(&(definition("h", place, ["x", "y"]) + "h"), &context)?;
    require(f.variables() == ["x", "y"], || format!("{:?}", f.variables()))?;
    let tape = gradfield::field::tape_of(&f.hessian()?);
    let at = |x: f64, y: f64| gradfield::backend::reference::at(&tape, &[x, y]);
    for (row, column) in [(0, 0), (3, 7), (29, 39), (29, 0), (12, 20)] {
        let found = at(0.5 * column as f64, 2.0 * (rows - 1 - row) as f64)[0];
        require((found - value(row, column)).abs() < 1e-12, || format!("{row} {column}: {found}"))?;
    }
    let step = 1e-4;
    for (x, y) in [(3.3, 20.1), (10.0, 31.7), (7.77, 5.0), (0.1, 57.9)] {
        let here = at(x, y);
        let (right, left, up, down) = (at(x + step, y), at(x - step, y), at(x, y + step), at(x, y - step));
        for (output, slopes) in [(0, [1, 2]), (1, [3, 4]), (2, [5, 6])] {
            let dx = (right[output] - left[output]) / (2.0 * step);
            let dy = (up[output] - down[output]) / (2.0 * step);
            let near = (dx - here[slopes[0]]).abs() < 1e-3 && (dy - here[slopes[1]]).abs() < 1e-3;
            require(near, || format!("output {output} at {x}, {y}: {dx} {dy} beside {here:?}"))?;
        }
    }
    require(at(-1.0, 0.0)[0].is_nan(), || "outside it is a number".to_owned())
}

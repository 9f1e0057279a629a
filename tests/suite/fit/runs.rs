//! What a fit must keep whatever the machine: its bits for any number of threads and neighbours, its digits over many rows,
//! and its honesty about data that determine nothing.

use super::{Check, digits};
use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use gradfield::fit::{Fitted, Model, Options, Problem, Status, fit};
use gradfield::random::uniform;
use gradfield::{Precision, table::Groups};
use libtest_mimic::{Failed, Trial};

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = vec![
        Trial::test("fit::threads_change_no_bit_of_groups", || same_bits(&decays(300, 40))),
        Trial::test("fit::threads_change_no_bit_of_many_rows", || same_bits(&decays(1, 300_000))),
        Trial::test("fit::neighbours_change_no_bit", neighbours),
        Trial::test("fit::side_by_side_is_one_by_one", one_by_one),
        Trial::test("fit::ten_million_rows_keep_their_digits", many_rows),
        Trial::test("fit::what_is_not_determined_is_said", undetermined),
        Trial::test("fit::a_line_is_known_as_regression_says", band),
    ];
    tests.extend(on_each("fit::groups_on_each_engine", on_engine));
    tests
}

/// Groups of so many rows of a decay with noise, of uneven length where there are several.
fn decays(groups: usize, rows: usize) -> Result<Problem, Failed> {
    let (mut x, mut y, mut starts) = (Vec::new(), Vec::new(), vec![0]);
    for group in 0..groups as u64 {
        let [a, b, c] = [0, 1, 2].map(|part| 0.5 + uniform(1, group, part));
        let count = rows + if groups > 1 { group as usize % 7 } else { 0 };
        for row in 0..count as u64 {
            let t = 6.0 * uniform(2, group, row);
            x.push(t);
            y.push(a * (-b * t).exp() + c + 0.1 * (uniform(3, group, row) - 0.5));
        }
        starts.push(x.len());
    }
    let model = Model::parse("a*exp(-b*x) + c", &["x".into(), "y".into()], &[], &[])?;
    let labels = (0..groups).map(|group| group.to_string()).collect();
    Ok(Problem::of(model, vec![x], y).grouped(&Groups { labels, starts, order: None }))
}

fn run(problem: &Problem, backend: &dyn Backend, precision: Precision) -> Result<Vec<Fitted>, Failed> {
    let starts = vec![vec![1.0, 1.0, 0.5], vec![0.7, 2.0, 1.0]];
    Ok(fit(problem, &Options::from(starts, precision), backend, precision)?)
}

/// The standard error of a straight line at x is s sqrt(1/n + (x - mean)^2 / Sxx).
fn band() -> Check {
    let model = Model::parse("a + b x", &["x".into(), "y".into()], &[], &[])?;
    let x: Vec<f64> = (0..30).map(|k| 4.0 * uniform(5, k, 0) - 1.0).collect();
    let y: Vec<f64> = x.iter().zip(0..).map(|(x, k)| 2.0 - 0.5 * x + uniform(6, k, 0)).collect();
    let (n, mean) = (x.len() as f64, x.iter().sum::<f64>() / x.len() as f64);
    let spread: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    let problem = Problem::of(model, vec![x], y);
    let cpu = Cpu::new(Some(2))?;
    let options = Options::from(vec![vec![1.0, 1.0]], Precision::F64);
    let found = fit(&problem, &options, &cpu, Precision::F64)?.remove(0);
    let at = vec![-3.0, 0.0, mean, 2.5, 10.0];
    let known = problem.model.curve(&found.estimates, &found.covariance, std::slice::from_ref(&at), &cpu)?;
    for (k, x) in at.iter().enumerate() {
        let value = found.estimates[0] + found.estimates[1] * x;
        let error = (found.variance * (1.0 / n + (x - mean).powi(2) / spread)).sqrt();
        let near = (known.values[k] - value).abs() < 1e-14 * (1.0 + value.abs());
        require(near && (known.errors[k] - error).abs() < 1e-12 * error, || {
            format!("at {x}: {} ± {} instead of {value} ± {error}", known.values[k], known.errors[k])
        })?;
    }
    Ok(())
}

/// All numbers of fits, bit by bit.
fn bits(fits: &[Fitted]) -> Vec<u64> {
    let numbers = |fit: &Fitted| {
        let all = fit.estimates.iter().chain(&fit.errors).chain(&fit.covariance).chain([&fit.objective, &fit.r2]);
        all.map(|number| number.to_bits()).chain([u64::from(fit.steps), fit.agree as u64]).collect::<Vec<u64>>()
    };
    fits.iter().flat_map(numbers).collect()
}

fn same_bits(problem: &Result<Problem, Failed>) -> Check {
    let problem = problem.as_ref().map_err(Clone::clone)?;
    for precision in [Precision::F32, Precision::F64] {
        let one = bits(&run(problem, &Cpu::new(Some(1))?, precision)?);
        for threads in [2, 3] {
            let more = bits(&run(problem, &Cpu::new(Some(threads))?, precision)?);
            require(one == more, || format!("{threads} threads, {}", precision.name()))?;
        }
    }
    Ok(())
}

/// The first groups alone are fitted as they are among others, to the bit. (More than a thousand, of which none is
/// finished by itself.)
fn neighbours() -> Check {
    let (all, mut some) = (decays(1500, 12)?, decays(1100, 12)?);
    let cpu = Cpu::new(Some(2))?;
    some.starts.truncate(1051);
    let (all, some) = (run(&all, &cpu, Precision::F64)?, run(&some, &cpu, Precision::F64)?);
    require(bits(&all[..1050]) == bits(&some), || "a fit saw its neighbours".to_string())
}

/// Groups side by side give what each gives alone.
fn one_by_one() -> Check {
    let (all, cpu) = (decays(1200, 30)?, Cpu::new(Some(2))?);
    let fits = run(&all, &cpu, Precision::F64)?;
    for group in (0..1200).step_by(97) {
        let mut alone = all.clone();
        let rows = all.starts[group]..all.starts[group + 1];
        alone.columns = vec![all.columns[0][rows.clone()].to_vec()];
        alone.response = all.response[rows].to_vec();
        alone.starts = vec![0, alone.response.len()];
        let (one, many) = (&run(&alone, &cpu, Precision::F64)?[0], &fits[group]);
        let pairs = one.estimates.iter().zip(&many.estimates).chain(one.errors.iter().zip(&many.errors));
        let near = pairs.chain([(&one.objective, &many.objective)]).all(|(a, b)| digits(*a, *b) > 8.5);
        require(near && one.status == Status::Converged, || format!("{one:?}\n{many:?}"))?;
    }
    Ok(())
}

/// A mean and a slope of 10^7 rows whose answers are known without rounding.
fn many_rows() -> Check {
    const ROWS: usize = 2048 * 4883;
    // Every x comes with both signs of what is added, so the line is exact, and the sum of squares is ROWS / 16.
    let x: Vec<f64> = (0..ROWS).map(|k| (k / 2 % 1024) as f64 / 1024.0 - 511.5 / 1024.0).collect();
    let y: Vec<f64> =
        x.iter().enumerate().map(|(k, x)| 1000.0 + 8.0 * x + if k % 2 == 0 { 0.25 } else { -0.25 }).collect();
    let model = Model::parse("a + b*x", &["x".into(), "y".into()], &[], &[])?;
    let problem = Problem::of(model, vec![x], y);
    let cpu = Cpu::new(None)?;
    for (precision, wanted) in [(Precision::F64, 11.0), (Precision::F32, 5.0)] {
        let options = Options::from(vec![vec![1.0, 1.0]], precision);
        let fits = fit(&problem, &options, &cpu, precision)?;
        let [a, b] = [fits[0].estimates[0], fits[0].estimates[1]];
        let rss = ROWS as f64 / 16.0;
        let error = (rss / (ROWS as f64 - 2.0) / ROWS as f64).sqrt();
        let near =
            digits(a, 1000.0).min(digits(fits[0].objective, rss)).min(digits(fits[0].errors[0], error)) >= wanted;
        // The f32 model rounds each value by up to 3e-5.
        let slope = if precision == Precision::F64 { 10.0 } else { 4.0 };
        require(near && digits(b, 8.0) >= slope, || format!("{}: {:?}", precision.name(), fits[0]))?;
    }
    Ok(())
}

/// Too few rows, a product of which only one factor is known, a model that is not finite, a group of one row.
fn undetermined() -> Check {
    let columns = ["x".to_string(), "y".to_string()];
    let of = |text: &str, x: Vec<f64>, y: Vec<f64>, starts: Vec<usize>| -> Result<Vec<Fitted>, Failed> {
        let model = Model::parse(text, &columns, &[], &[])?;
        let parameters = model.parameters.len();
        let mut problem = Problem::of(model, vec![x], y);
        problem.starts = starts;
        let options = Options::from(vec![vec![1.0; parameters]], Precision::F64);
        Ok(fit(&problem, &options, &Cpu::new(Some(1))?, Precision::F64)?)
    };
    let line = vec![1.0, 2.0, 3.0, 4.0];
    let few = &of("a + b*x", vec![1.0], vec![2.0], vec![0, 1])?[0];
    require(few.status == Status::Rows && few.estimates.iter().all(|x| x.is_nan()), || format!("{few:?}"))?;
    let product = &of("a*b*x", line.clone(), vec![2.0, 4.1, 5.9, 8.0], vec![0, 4])?[0];
    require(product.singular && product.errors.iter().all(|x| x.is_nan()), || format!("{product:?}"))?;
    require(digits(product.estimates[0] * product.estimates[1], 2.0) > 2.0, || format!("{product:?}"))?;
    let odd = &of("a + ln(b - 10 - x)", line.clone(), line.clone(), vec![0, 4])?[0];
    require(odd.status == Status::Value && odd.estimates[0].is_nan(), || format!("{odd:?}"))?;
    let exact = &of("a + b*x", vec![1.0, 2.0], vec![3.0, 5.0], vec![0, 2])?[0];
    require(digits(exact.estimates[0], 1.0) > 10.0 && exact.errors[0].is_nan(), || format!("{exact:?}"))?;
    // Thirty groups, of which every third has one row and every third one the same x throughout.
    let (mut x, mut y, mut starts) = (Vec::new(), Vec::new(), vec![0]);
    for group in 0..30 {
        for row in 0..if group % 3 == 0 { 1 } else { 5 } {
            x.push(if group % 3 == 1 { 2.0 } else { f64::from(row) });
            y.push(f64::from(row) * 2.0 + 1.0);
        }
        starts.push(x.len());
    }
    for (group, fit) in of("a + b*x", x, y, starts)?.iter().enumerate() {
        let right = match group % 3 {
            0 => fit.status == Status::Rows && fit.rows == 1,
            1 => fit.singular && fit.errors.iter().all(|error| error.is_nan()),
            _ => fit.status == Status::Converged && digits(fit.estimates[1], 2.0) > 10.0,
        };
        require(right, || format!("group {group}: {fit:?}"))?;
    }
    Ok(())
}

/// Every engine finds what the CPU finds in f64.
fn on_engine(engine: Engine, backend: &dyn Backend) -> Check {
    if engine.name == "reference" {
        return Ok(());
    }
    let problem = decays(64, 25)?;
    let right = run(&problem, &Cpu::new(Some(2))?, Precision::F64)?;
    let got = run(&problem, backend, engine.precision)?;
    let wanted = if engine.precision == Precision::F64 { 8.0 } else { 3.0 };
    for (one, other) in got.iter().zip(&right) {
        let near = one.estimates.iter().zip(&other.estimates).all(|(a, b)| digits(*a, *b) >= wanted);
        require(near && one.status == Status::Converged, || format!("{one:?}\n{other:?}"))?;
    }
    Ok(())
}

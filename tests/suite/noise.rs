//! The noise of rules: normal, independent, and the same whatever runs it and however it is cut.

use crate::agree::require;
use crate::engines::{Engine, on_each};
use crate::optimisers::deviate;
use gradfield::backend::{Backend, Steps};
use gradfield::descent::{CLOCK, Fused, Rule};
use gradfield::op::ops;
use gradfield::points::Values;
use gradfield::probe::alone;
use gradfield::{Expression, Points, Precision};
use libtest_mimic::{Failed, Trial};

/// Particles, steps and coordinates of the sample.
const PARTICLES: usize = 20_000;
const STEPS: usize = 4;
const COORDINATES: usize = 2;
/// So many standard deviations are not by chance: once in 5 * 10^8.
const SIGMAS: f64 = 6.0;

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = on_each("noise::is_normal", normal);
    tests.extend(on_each("noise::is_the_same_however_it_is_cut", cut));
    tests.push(Trial::test("noise::another_seed_is_other_noise", seeds));
    tests.push(Trial::test("noise::the_temperature_is_the_variance", temperature));
    tests
}

fn walk() -> Result<(Rule, Fused), Failed> {
    let rule = Rule::parse("walk", "x = x + noise + 0 g", Vec::new())?;
    let fused = rule.fuse(&Expression::parse("x + y")?.gradient()?, false);
    Ok((rule, fused))
}

fn still(fused: &Fused, precision: Precision, particles: usize, seed: u64) -> Vec<Values> {
    fused.state(vec![Values::zeros(precision, particles); COORDINATES], seed)
}

/// `sample[step][coordinate][particle]`, by the operation alone.
fn sample(engine: Engine, backend: &dyn Backend, seed: u64) -> Result<Vec<Vec<Vec<f64>>>, Failed> {
    let state = still(&walk()?.1, engine.precision, PARTICLES, seed);
    let mut program = backend.prepare(&alone(ops::NOISE), engine.precision)?;
    let mut draw = |step: usize, coordinate: usize| {
        let keys = [0, 1].map(|part| state[COORDINATES + 2 * coordinate + part].clone());
        let [a, b] = keys;
        let steps = Values::from_f64(engine.precision, &vec![step as f64; PARTICLES]);
        let mut out = [Values::zeros(engine.precision, PARTICLES)];
        program.evaluate(&Points::list(vec![a, b, steps]), &[], &mut out)?;
        Ok(out[0].to_f64())
    };
    (1..=STEPS).map(|step| (0..COORDINATES).map(|coordinate| draw(step, coordinate)).collect()).collect()
}

/// The first four moments, the distance from the normal distribution function, and no trace of a neighbour.
fn normal(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let sample = sample(engine, backend, 5)?;
    let mut all: Vec<f64> = sample.iter().flatten().flatten().copied().collect();
    let n = all.len() as f64;
    let mean = |of: &dyn Fn(f64) -> f64| all.iter().map(|z| of(*z)).sum::<f64>() / n;
    // The powers of a normal deviate have the means 0, 1, 0, 3 and the variances 1, 2, 15, 96.
    for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0f64)] {
        let found = mean(&|z| z.powi(power));
        require((found - expected).abs() < SIGMAS * (variance / n).sqrt(), || format!("moment {power}: {found}"))?;
    }
    all.sort_by(f64::total_cmp);
    let below = |z: f64| 0.5 * pxfm::f_erfc(-z / std::f64::consts::SQRT_2);
    let distance = (0..all.len()).map(|k| {
        let expected = below(all[k]);
        (expected - k as f64 / n).abs().max((expected - (k + 1) as f64 / n).abs())
    });
    // Kolmogorov and Smirnov's statistic exceeds d with a probability of less than 2 exp(-2 n d^2).
    let (distance, limit) = (distance.fold(0.0, f64::max), ((2.0 / 2e-9f64).ln() / (2.0 * n)).sqrt());
    require(distance < limit, || format!("distance {distance}, not below {limit}"))?;
    // Products of independent deviates have the mean 0 and the variance 1; so have those of their squares less 1, /2.
    let pairs: [(&str, Vec<(f64, f64)>); 3] = [
        ("particle", sample.iter().flatten().flat_map(|c| c.windows(2).map(|w| (w[0], w[1]))).collect()),
        ("coordinate", sample.iter().flat_map(|s| s[0].iter().copied().zip(s[1].iter().copied())).collect()),
        (
            "step",
            sample.windows(2).flat_map(|w| w[0][0].iter().copied().zip(w[1][0].iter().copied())).collect::<Vec<_>>(),
        ),
    ];
    for (which, pairs) in pairs {
        let n = pairs.len() as f64;
        let product = pairs.iter().map(|(a, b)| a * b).sum::<f64>() / n;
        let squares = pairs.iter().map(|(a, b)| (a * a - 1.0) * (b * b - 1.0) / 2.0).sum::<f64>() / n;
        let fine = product.abs().max(squares.abs()) < SIGMAS / n.sqrt();
        require(fine, || format!("neighbours by {which}: {product}, {squares}"))?;
    }
    Ok(())
}

/// A walk of noise alone: its numbers are those of the description, for any number of particles and any cut of the steps.
fn cut(engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (rule, fused) = walk()?;
    let mut program = backend.prepare(&fused.tape, engine.precision)?;
    let mut go = |particles: usize, cuts: &[(u64, u64)]| {
        let mut state = still(&fused, engine.precision, particles, 77);
        for (first, count) in cuts {
            let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: *first, count: *count };
            program.iterate(&mut state, &steps)?;
        }
        Ok::<Vec<Values>, Failed>(state)
    };
    let whole = go(1033, &[(1, 300)])?;
    let pieces = go(1033, &[(1, 7), (8, 256), (264, 37)])?;
    let few = go(5, &[(1, 300)])?;
    require(whole == pieces, || "the cut of the steps matters".to_string())?;
    let same = |k: usize| (0..5).all(|particle| few[k].get(particle) == whole[k].get(particle));
    require((0..few.len()).all(same), || "the number of particles matters".to_string())?;
    // Three hundred sums, each rounded by half a unit of at most 2^6, of deviates that are off by 20 units of 2^3.
    let tolerance = 300.0 * (0.5 * engine.precision.ulp(64.0) + 20.0 * engine.precision.ulp(4.0));
    for (particle, coordinate) in [(0, 0), (0, 1), (1, 0), (1032, 1)] {
        let keys = [0, 1].map(|part| whole[COORDINATES + 2 * coordinate + part].get(particle));
        let expected: f64 = (1..=300).map(|t| deviate(keys, t)).sum();
        let found = whole[coordinate].get(particle);
        require((found - expected).abs() < tolerance, || format!("{found}, not {expected}"))?;
    }
    Ok(())
}

fn seeds() -> Result<(), Failed> {
    let fused = walk()?.1;
    let keys = |seed| still(&fused, Precision::F32, 1000, seed)[COORDINATES..].to_vec();
    let (one, other) = (keys(1), keys(2));
    let same = (0..1000).filter(|k| one[0].get(*k) == other[0].get(*k) && one[1].get(*k) == other[1].get(*k)).count();
    require(same == 0 && one == keys(1), || format!("{same} particles share their noise"))
}

/// In a parabola a^2/2 the samples of Langevin's rule are normal; with steps of lr their variance is
/// temperature / (1 - lr/2).
fn temperature() -> Result<(), Failed> {
    let mut rule = Rule::of(gradfield::descent::rules::by_name("langevin").ok_or("no langevin")?)?;
    rule.set("lr", 0.1)?;
    rule.set("temperature", 0.3)?;
    let expression = Expression::parse("x^2/2")?;
    let plan = gradfield::descent::Plan { rule, steps: 200, every: 0, maximize: false, seed: 3 };
    let engine = gradfield::backend::cpu::Cpu::new(Some(2))?;
    let trail = gradfield::descent::run(&expression, &plan, &[vec![0.0; 40_000]], &engine, Precision::F32, |_| ())?;
    let ends = trail.positions[1][0].to_f64();
    let (n, expected) = (ends.len() as f64, 0.3 / 0.95);
    let variance = ends.iter().map(|x| x * x).sum::<f64>() / n;
    require((variance - expected).abs() < SIGMAS * expected * (2.0 / n).sqrt(), || {
        format!("{variance}, not {expected}")
    })
}

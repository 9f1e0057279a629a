//! Where particles start: the same in any parts, in the box, and as evenly spread as each sampling promises.

use crate::agree::require;
use gradfield::Points;
use gradfield::descent::sobol::{DIMENSIONS, Scramble, Sobol};
use gradfield::descent::starts::{Sampling, Starts, StartsError, uniform_box};
use gradfield::random::{Permutation, bits, uniform};
use libtest_mimic::{Failed, Trial};

const ALL: [Sampling; 4] = [Sampling::Uniform, Sampling::Sobol, Sampling::LatinHypercube, Sampling::Grid];
/// So many standard deviations are not by chance: once in 5 * 10^8.
const SIGMAS: f64 = 6.0;

type Test = fn() -> Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 14] = [
        ("parts_are_rows_of_the_whole", parts),
        ("are_inside_their_ranges", inside),
        ("uniform_is_one_number_a_key", uniform_numbers),
        ("are_even_to_the_eye_of_every_coordinate", means),
        ("seeds_are_independent", seeds),
        ("a_latin_hypercube_hits_each_stratum_once", strata),
        ("strata_come_in_every_order", orders),
        ("sobol_is_joe_and_kuos", joe_kuo),
        ("scrambled_sobol_is_a_net", nets),
        ("scrambling_flips_every_way", scrambling),
        ("sobol_is_evener_than_random", discrepancy),
        ("integrals_are_better", integrals),
        ("a_grid_is_numpys_meshgrid_of_centres", grid),
        ("what_there_is_not_is_refused", errors),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("starts::{name}"), test)).collect()
}

/// Starts in the unit box.
fn unit(sampling: Sampling, seed: u64, count: u64, dimension: usize) -> Result<Vec<Vec<f64>>, Failed> {
    Ok(Starts::new(sampling, seed, count, vec![(0.0, 1.0); dimension])?.part(0..count))
}

fn parts() -> Result<(), Failed> {
    let ranges = vec![(-3.0, 3.0), (0.0, 1e6), (7.0, 7.0), (-1e-3, 1e300)];
    for sampling in ALL {
        let starts = Starts::new(sampling, 5, 1000, ranges.clone())?;
        require(sampling == Sampling::Grid || starts.len() == 1000, || format!("{} starts", starts.len()))?;
        let whole = starts.part(0..starts.len());
        for cuts in [vec![0, 1, 2, 3, 5, 8, 13], vec![333, 334, 701], vec![512, 513], vec![]] {
            let mut edges = vec![0];
            edges.extend(cuts);
            edges.push(starts.len());
            let mut joined = vec![Vec::new(); ranges.len()];
            for edge in edges.windows(2) {
                let part = starts.part(edge[0]..edge[1]);
                joined.iter_mut().zip(part).for_each(|(all, column)| all.extend(column));
            }
            require(joined == whole, || format!("{sampling:?} cut at {edges:?}"))?;
        }
        require(starts.part(9..9).iter().all(Vec::is_empty), || format!("{sampling:?}: an empty part"))?;
    }
    // The far end of the longest runs takes no longer.
    for (sampling, most) in
        [(Sampling::Sobol, 1 << 32), (Sampling::LatinHypercube, 1 << 48), (Sampling::Uniform, u64::MAX)]
    {
        let starts = Starts::new(sampling, 1, most, ranges.clone())?;
        let (two, last) = (starts.part(most - 2..most), starts.part(most - 1..most));
        require((0..4).all(|v| two[v][1] == last[v][0]), || format!("{sampling:?}: the last two"))?;
    }
    Ok(())
}

fn inside() -> Result<(), Failed> {
    // The smallest range, in which rounding goes up half of the time; one of 0 width; a wide one.
    let ranges = vec![(1.0, 1.0 + f64::EPSILON), (-2.5, -2.5), (-8e307, 8e307), (0.0, f64::MIN_POSITIVE)];
    for sampling in ALL {
        let starts = Starts::new(sampling, 11, 3000, ranges.clone())?;
        for (column, (lo, hi)) in starts.part(0..starts.len()).iter().zip(&ranges) {
            let wrong = column.iter().find(|v| !(*lo <= **v && (**v < *hi || lo == hi && *v == lo)));
            require(wrong.is_none(), || format!("{sampling:?}: {wrong:?} is not in {lo:?}:{hi:?}"))?;
        }
    }
    Ok(())
}

fn uniform_numbers() -> Result<(), Failed> {
    let ranges = [(-1.0, 1.0), (0.0, 2.0)];
    let starts = Starts::new(Sampling::Uniform, 7, 100, ranges.to_vec())?.part(0..100);
    require(starts == uniform_box(7, 100, &ranges), || "uniform_box has others".to_string())?;
    let expected = |v: usize, k: usize| ranges[v].0 + 2.0 * uniform(7, k as u64, v as u64);
    require((0..2).all(|v| (0..100).all(|k| starts[v][k] == expected(v, k))), || format!("{starts:?}"))
}

/// The means of every coordinate and of products of two: those of a uniform distribution, without correlation.
fn means() -> Result<(), Failed> {
    for sampling in [Sampling::Uniform, Sampling::Sobol, Sampling::LatinHypercube] {
        let (n, d) = (4096, 100);
        let columns = unit(sampling, 3, n, d)?;
        for v in 0..d {
            let mean = |of: &dyn Fn(usize) -> f64| (0..n as usize).map(of).sum::<f64>() / n as f64;
            let first = mean(&|k| columns[v][k] - 0.5) * 12f64.sqrt();
            let square = mean(&|k| (columns[v][k] - 0.5).powi(2) - 1.0 / 12.0) * 180f64.sqrt();
            let next = mean(&|k| (columns[v][k] - 0.5) * (columns[(v + 1) % d][k] - 0.5)) * 12.0;
            let lag = mean(&|k| (columns[v][k] - 0.5) * (columns[(v + 7) % d][k] - 0.5)) * 12.0;
            for found in [first, square, next, lag] {
                require(found.abs() < SIGMAS / (n as f64).sqrt(), || format!("{sampling:?}, {v}: {found}"))?;
            }
        }
    }
    Ok(())
}

fn seeds() -> Result<(), Failed> {
    for sampling in [Sampling::Uniform, Sampling::Sobol, Sampling::LatinHypercube] {
        let (one, other) = (unit(sampling, 1, 2000, 3)?, unit(sampling, 2, 2000, 3)?);
        require(one == unit(sampling, 1, 2000, 3)?, || format!("{sampling:?} changes"))?;
        for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
            let same = a.iter().zip(b).filter(|(a, b)| a == b).count();
            require(same == 0, || format!("{sampling:?}: {same} numbers are of both seeds"))?;
            // Of orders: a Sobol sequence keeps some whatever the seed, so that only its shift is looked at.
            let correlation = a.iter().zip(b).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum::<f64>() * 12.0 / 2000.0;
            let free = sampling != Sampling::Sobol;
            require(!free || correlation.abs() < SIGMAS / 2000f64.sqrt(), || format!("{sampling:?}: {correlation}"))?;
        }
    }
    // Over many seeds, the first point of a scrambled sequence is anywhere.
    let firsts: Vec<f64> =
        (0..4000).map(|seed| unit(Sampling::Sobol, seed, 1, 2).map(|c| c[1][0])).collect::<Result<_, _>>()?;
    let bins: Vec<usize> = (0..20).map(|bin| firsts.iter().filter(|v| (**v * 20.0) as usize == bin).count()).collect();
    chi_squared("first points", &bins)
}

/// Counts of outcomes that should be equally likely.
fn chi_squared(what: &str, counts: &[usize]) -> Result<(), Failed> {
    let freedom = counts.len() as f64 - 1.0;
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let sum: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    // Wilson and Hilferty: its cube root is nearly normal.
    let z = ((sum / freedom).cbrt() - (1.0 - 2.0 / (9.0 * freedom))) / (2.0 / (9.0 * freedom)).sqrt();
    require(z < SIGMAS, || format!("{what}: {sum} for {freedom} degrees of freedom, {z} deviations"))
}

fn strata() -> Result<(), Failed> {
    for count in [1u64, 2, 3, 7, 64, 1000, 4096, 100_003] {
        for column in unit(Sampling::LatinHypercube, 9, count, 5)? {
            let mut hits = vec![0; count as usize];
            column.iter().for_each(|v| hits[(v * count as f64) as usize] += 1);
            require(hits.iter().all(|hit| *hit == 1), || format!("{count} strata"))?;
        }
    }
    // Within their strata, points are anywhere.
    let mut bins = [0; 20];
    for v in unit(Sampling::LatinHypercube, 4, 10_000, 2)?.iter().flatten() {
        bins[((v * 10_000.0).fract() * 20.0) as usize] += 1;
    }
    chi_squared("places in strata", &bins)
}

/// Every order of 3 and of 4 strata is equally likely.
fn orders() -> Result<(), Failed> {
    for (count, orders) in [(2u64, 2), (3, 6), (4, 24)] {
        let mut found = std::collections::BTreeMap::<Vec<u64>, usize>::new();
        for seed in 0..12_000 {
            let order = Permutation::new(seed, 1, count);
            *found.entry((0..count).map(|k| order.of(k)).collect()).or_default() += 1;
        }
        require(found.len() == orders, || format!("{} orders of {count}", found.len()))?;
        chi_squared(&format!("orders of {count}"), &found.into_values().collect::<Vec<usize>>())?;
    }
    Ok(())
}

/// Without scrambling, point by point, against scipy's generator (its source is in `cases/README.md`).
fn joe_kuo() -> Result<(), Failed> {
    let mut lines = include_str!("../cases/sobol.csv").lines();
    let dimensions = lines.next().ok_or("no header")?.split(',').skip(1);
    let dimensions: Vec<usize> = dimensions.map(|name| name[1..].parse()).collect::<Result<_, _>>()?;
    require(dimensions.last() == Some(&DIMENSIONS), || "the last dimension is not among the cases".to_string())?;
    let mut cases = 0;
    for line in lines {
        let (index, numbers) = line.split_once(',').ok_or("no index")?;
        let index: u32 = index.parse()?;
        for (number, dimension) in numbers.split(',').zip(&dimensions) {
            let sobol = Sobol::new(dimension - 1);
            let (number, found) = (number.parse::<f64>()?, sobol.digits(index));
            require(f64::from(found) == number * 4294967296.0, || format!("{index}, d{dimension}: {found} / 2^32"))?;
            let stepped = sobol.step(index, found);
            require(stepped == sobol.digits(index.wrapping_add(1)), || {
                format!("the point after {index}, d{dimension}")
            })?;
            cases += 1;
        }
    }
    require(cases == 250, || format!("{cases} cases"))
}

/// Any 2^k points from a multiple of 2^k on: one in each elementary interval of the first two coordinates, whatever the
/// shape of the interval; and one in each stratum of every other coordinate.
fn nets() -> Result<(), Failed> {
    for (k, block, seed) in [(4, 0, 0u64), (8, 3, 1), (12, 0, 2), (12, 9, 3)] {
        let n = 1u64 << k;
        let starts = Starts::new(Sampling::Sobol, seed, (block + 1) * n, vec![(0.0, 1.0); 100])?;
        let columns = starts.part(block * n..(block + 1) * n);
        for j in 0..=k {
            let mut hits = vec![0; n as usize];
            for (x, y) in columns[0].iter().zip(&columns[1]) {
                let (a, b) = ((x * (1u64 << j) as f64) as usize, (y * (1u64 << (k - j)) as f64) as usize);
                hits[(a << (k - j)) + b] += 1;
            }
            require(hits.iter().all(|hit| *hit == 1), || format!("seed {seed}, intervals 2^-{j} x 2^-{}", k - j))?;
        }
        for (v, column) in columns.iter().enumerate() {
            let mut hits = vec![0; n as usize];
            column.iter().for_each(|x| hits[(x * n as f64) as usize] += 1);
            require(hits.iter().all(|hit| *hit == 1), || format!("seed {seed}, coordinate {v}"))?;
        }
    }
    Ok(())
}

/// Each of the 2^7 ways to flip the first three digits, each of the 2^8 to flip the fourth; and further on, two points
/// that differ in one digit have each later digit flipped independently.
fn scrambling() -> Result<(), Failed> {
    let (mut three, mut fourth) = (vec![0; 128], vec![0; 256]);
    let mut differ = vec![[0usize; 32]; 32];
    let seeds = 8000u64;
    for seed in 0..4 * seeds {
        let scramble = Scramble::new(seed, 17);
        let flip = |level: usize, prefix: u32| {
            let digits = if level == 0 { 0 } else { prefix << (32 - level) };
            ((scramble.digits(digits) ^ digits) >> (31 - level) & 1) as usize
        };
        let tree = |levels: std::ops::Range<usize>| {
            let nodes = levels.flat_map(|level| (0..1u32 << level).map(move |prefix| (level, prefix)));
            nodes.fold(0, |sum, (level, prefix)| sum << 1 | flip(level, prefix))
        };
        three[tree(0..3)] += 1;
        fourth[tree(3..4)] += 1;
        if seed < seeds {
            let digits = bits(seed, 0, 99) as u32;
            for (k, row) in differ.iter_mut().enumerate() {
                let other = digits ^ (1 << (31 - k));
                let flips = scramble.digits(digits) ^ scramble.digits(other) ^ digits ^ other;
                require(flips.leading_zeros() as usize > k, || format!("digit {k} changes one before it"))?;
                (0..32).for_each(|level| row[level] += (flips >> (31 - level) & 1) as usize);
            }
        }
    }
    chi_squared("three digits", &three)?;
    chi_squared("the fourth digit", &fourth)?;
    let limit = SIGMAS * (seeds as f64).sqrt() / 2.0;
    for (k, level) in (0..32).flat_map(|k| (k + 1..32).map(move |level| (k, level))) {
        let off = differ[k][level] as f64 - seeds as f64 / 2.0;
        require(off.abs() < limit, || format!("digit {k} on digit {level}: {off} off, limit {limit}"))?;
    }
    Ok(())
}

/// The squared L2 star discrepancy, by Warnock's formula; of n random points it is (2^-d - 3^-d) / n on average.
fn discrepancy() -> Result<(), Failed> {
    let (n, d) = (1024, 3);
    let random = (0.5f64.powi(d) - 3f64.powi(-d)) / n as f64;
    let squared = |sampling, seed| {
        let columns = unit(sampling, seed, n, d as usize)?;
        let product = |of: &dyn Fn(&[f64]) -> f64| columns.iter().map(|column| of(column)).product::<f64>();
        let n = n as usize;
        let single: f64 = (0..n).map(|i| product(&|x| (1.0 - x[i] * x[i]) / 2.0)).sum();
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        let double: f64 = pairs.map(|(i, j)| product(&|x| 1.0 - x[i].max(x[j]))).sum();
        let n = n as f64;
        Ok::<f64, Failed>(3f64.powi(-d) - 2.0 / n * single + double / (n * n))
    };
    let mean = |sampling| {
        let all: Vec<f64> = (0..4).map(|seed| squared(sampling, seed)).collect::<Result<_, Failed>>()?;
        Ok::<f64, Failed>(all.iter().sum::<f64>() / all.len() as f64)
    };
    let (uniform, sobol) = (mean(Sampling::Uniform)?, mean(Sampling::Sobol)?);
    require((0.3..3.0).contains(&(uniform / random)), || format!("uniform: {uniform}, of random points {random}"))?;
    require(sobol < random / 10.0, || format!("sobol: {sobol}, of random points {random}"))
}

/// Errors of means of functions whose integral over the unit box is 1.
fn integrals() -> Result<(), Failed> {
    let (n, d) = (4096usize, 5);
    // exp(x) / (e - 1), a product; and a sum of squares, which strata of each variable alone suffice for.
    let smooth = |x: &[f64]| x.iter().map(|x| x.exp() / (std::f64::consts::E - 1.0)).product::<f64>();
    let additive = |x: &[f64]| x.iter().map(|x| 3.0 * x * x).sum::<f64>() / d as f64;
    let error = |sampling, f: &dyn Fn(&[f64]) -> f64| {
        let mut sum = 0.0;
        for seed in 0..16 {
            let columns = unit(sampling, seed, n as u64, d)?;
            let point = |k: usize| columns.iter().map(|column| column[k]).collect::<Vec<f64>>();
            sum += ((0..n).map(|k| f(&point(k))).sum::<f64>() / n as f64 - 1.0).powi(2);
        }
        Ok::<f64, Failed>((sum / 16.0).sqrt())
    };
    // One variable: the variance of exp(x) / (e - 1) is (e + 1) / (2 (e - 1)) - 1; of a product it is p^d - 1.
    let e = std::f64::consts::E;
    let random = ((((e + 1.0) / (2.0 * (e - 1.0))).powi(d as i32) - 1.0) / n as f64).sqrt();
    let (uniform, sobol) = (error(Sampling::Uniform, &smooth)?, error(Sampling::Sobol, &smooth)?);
    require((0.4..2.0).contains(&(uniform / random)), || format!("uniform: {uniform}, by its variance {random}"))?;
    require(sobol < random / 50.0, || format!("sobol: {sobol}, random: {random}"))?;
    let random = (0.8 / (d * n) as f64).sqrt();
    let strata = error(Sampling::LatinHypercube, &additive)?;
    require(strata < random / 500.0, || format!("lhs: {strata}, random: {random}"))
}

fn grid() -> Result<(), Failed> {
    let starts = Starts::new(Sampling::Grid, 0, 10, vec![(0.0, 3.0), (-30.0, 60.0)])?;
    require(starts.len() == 9 && starts.cells() == Some(vec![3, 3]), || format!("{starts:?}"))?;
    let (x, y) = ([0.5, 1.5, 2.5], [-15.0, 15.0, 45.0]);
    // numpy.meshgrid(x, y): the array's axes are y, x.
    let expected: Vec<Vec<f64>> = vec![x.repeat(3), y.iter().flat_map(|y| [*y; 3]).collect()];
    require(starts.part(0..9) == expected, || format!("{:?}", starts.part(0..9)))?;
    // Three variables and one that is a number, in the order of a field's points.
    let starts = Starts::new(Sampling::Grid, 0, 64, vec![(0.0, 4.0), (5.0, 5.0), (0.0, 40.0), (0.0, 400.0)])?;
    let axis = |width: f64| (0..4).map(|k| (f64::from(k) + 0.5) * width).collect::<Vec<f64>>();
    let points = Points::Grid(vec![axis(1.0), vec![5.0], axis(10.0), axis(100.0)]);
    let columns = starts.part(0..64);
    let right = |k: usize| (0..4).all(|v| columns[v][k] == points.point(k)[v]);
    require(starts.len() == 64 && (0..64).all(right), || format!("{columns:?}"))?;
    // Exact powers, and one less.
    for (side, power) in [(10u64, 18), (3, 40), (2, 63), (u64::from(u32::MAX), 2), (2_642_245, 3), (7, 5), (1000, 1)] {
        let len = |count| Starts::new(Sampling::Grid, 0, count, vec![(0.0, 1.0); power]).map(|starts| starts.len());
        let all = side.pow(power as u32);
        require(len(all)? == all, || format!("{side}^{power}"))?;
        let fewer = if side == 2 { Ok(1) } else { len(all - 1) };
        require(fewer == Ok((side - 1).pow(power as u32)), || format!("{side}^{power} - 1: {fewer:?}"))?;
    }
    Ok(())
}

fn errors() -> Result<(), Failed> {
    let error = |sampling, count, ranges| match Starts::new(sampling, 0, count, ranges) {
        Err(error) => error.to_string(),
        Ok(starts) => format!("{} starts", starts.len()),
    };
    let two = || vec![(0.0, 1.0); 2];
    let mut cases: Vec<(String, &str)> = Vec::new();
    for sampling in ALL {
        cases.push((error(sampling, 5, vec![]), "at least 1 variable, and there are 0"));
        cases.push((error(sampling, 0, two()), "0 starts are none; take at least 1"));
        cases.push((error(sampling, 9, vec![(0.0, 1.0), (2.0, 1.0)]), "variable 2 cannot start in 2.0:1.0; give"));
        cases.push((error(sampling, 9, vec![(f64::NAN, 1.0)]), "variable 1 cannot start in NaN:1.0"));
        cases.push((error(sampling, 9, vec![(0.0, f64::INFINITY)]), "a finite width"));
        cases.push((error(sampling, 9, vec![(-1e308, 1e308)]), "a finite width"));
    }
    let many = 1_000_000_000_000;
    cases.extend([
        (error(Sampling::Sobol, many, two()), "1000000000000 starts are more than the 4294967296 that `sobol` has"),
        (error(Sampling::LatinHypercube, 1 << 60, two()), "more than the 281474976710656 that `lhs` has; take fewer"),
        (error(Sampling::LatinHypercube, many, two()), "1000000000000 starts"),
        (error(Sampling::Uniform, many, two()), "1000000000000 starts"),
        (error(Sampling::Grid, many, two()), "1000000000000 starts"),
        (error(Sampling::Sobol, 9, vec![(0.0, 1.0); 1112]), "1112 variables are more than the 1111 that `sobol` has"),
        (error(Sampling::Sobol, 9, vec![(0.0, 1.0); 1111]), "9 starts"),
        (error(Sampling::Grid, 1000, vec![(0.0, 1.0); 20]), "takes 2^20 starts, more than 1000; take more, or `sobol`"),
        (error(Sampling::Grid, 1, two()), "1 starts"),
    ]);
    for (found, expected) in cases {
        require(found.contains(expected), || format!("{found:?}, not {expected:?}"))?;
    }
    require(ALL.map(|s| Sampling::by_name(s.name())) == ALL.map(Ok), || "names".to_string())?;
    require(Sampling::by_name("SOBOL") == Ok(Sampling::Sobol), || "case".to_string())?;
    let unknown = Sampling::by_name("halton");
    require(matches!(unknown, Err(StartsError::Unknown { .. })), || format!("{unknown:?}"))
}

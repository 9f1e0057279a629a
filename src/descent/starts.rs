//! Where particles start: random numbers keyed by (seed, particle, coordinate), so the same seed gives the same
//! starts for any number of particles, threads, chunks or shards.

pub use crate::random::uniform;
use std::ops::Range;

/// `count` points in the box `ranges` (one (lo, hi) per variable): one column per variable.
pub fn uniform_box(seed: u64, count: usize, ranges: &[(f64, f64)]) -> Vec<Vec<f64>> {
    uniform_part(seed, 0..count as u64, ranges)
}

/// Those of some particles alone.
pub fn uniform_part(seed: u64, particles: Range<u64>, ranges: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let column = |(coordinate, (lo, hi)): (usize, &(f64, f64))| {
        particles.clone().map(|particle| lo + (hi - lo) * uniform(seed, particle, coordinate as u64)).collect()
    };
    ranges.iter().enumerate().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_spread_evenly_and_independent_of_the_count() {
        let few = uniform_box(7, 10, &[(-1.0, 1.0), (0.0, 2.0)]);
        let many = uniform_box(7, 100_000, &[(-1.0, 1.0), (0.0, 2.0)]);
        assert_eq!(few[1][..10], many[1][..10]);
        assert_eq!(uniform_part(7, 5..10, &[(-1.0, 1.0), (0.0, 2.0)])[1], few[1][5..]);
        for column in &many {
            let mut bins = [0u32; 20];
            let lo = column.iter().copied().fold(f64::INFINITY, f64::min).floor();
            column.iter().for_each(|v| bins[((v - lo) * 10.0) as usize] += 1);
            // 5000 expected, standard deviation 69: 6 of them.
            assert!(bins.iter().all(|bin| bin.abs_diff(5000) < 414), "{bins:?}");
        }
        let product: f64 = many[0].iter().zip(&many[1]).map(|(x, y)| x * (y - 1.0)).sum();
        assert!((product / 1e5).abs() < 6.0 / 3.0 / 1e5f64.sqrt(), "coordinates are uncorrelated: {product}");
        assert_ne!(uniform_box(8, 3, &[(0.0, 1.0)]), uniform_box(7, 3, &[(0.0, 1.0)]));
    }
}

//! Counter-based random numbers: a number depends on its key and on nothing that was drawn before, so results do not
//! depend on the order, the threads, the chunks or the shards in which they are drawn.
//!
//! Who should not use it: who needs secrets; this scatters starts and samples.

/// 64 random bits for this key.
///
/// Rounds of the finaliser of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators,
/// 2014) over a counter.
pub fn bits(seed: u64, item: u64, part: u64) -> u64 {
    let key = mix(seed ^ 0x6a09_e667_f3bc_c909);
    mix(mix(key.wrapping_add(item.wrapping_mul(0x9e37_79b9_7f4a_7c15))) ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03))
}

/// A number in [0, 1) with 53 random bits, for this key.
pub fn uniform(seed: u64, item: u64, part: u64) -> f64 {
    (bits(seed, item, part) >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Two whole numbers below 2^23 for an item below 2^46, exact in every format: as keys, no two items of a seed have the
/// same two, and those of another seed are others.
///
/// Four rounds of steps that can be undone (a difference of bits, a product by an odd number, a shift added), so that
/// items stay apart.
pub fn keys(seed: u64, item: u64) -> [f64; 2] {
    const MASK: u64 = (1 << 46) - 1;
    let mut z = item & MASK;
    for round in 0..4 {
        z = (z ^ bits(seed, round, 0x6e6f_6973_6521)) & MASK;
        z = z.wrapping_mul(0xbf58_476d_1ce4_e5b9) & MASK;
        z ^= z >> 23;
    }
    [(z >> 23) as f64, (z & ((1 << 23) - 1)) as f64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_seed_are_all_different() {
        let mut all: Vec<[u64; 2]> = (0..200_000).map(|item| keys(7, item).map(|key| key as u64)).collect();
        assert!(all.iter().flatten().all(|key| *key < 1 << 23));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200_000);
        assert!((0..1000).all(|item| keys(7, item) != keys(8, item)));
    }
}

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

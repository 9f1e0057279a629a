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

/// A random order of 0..count: a bijection of these numbers for each (seed, part), computed number by number.
///
/// A Feistel network over as many bits as the numbers have; what falls outside is sent through it again until it falls
/// inside, which is at most twice on average.
#[derive(Debug, Clone)]
pub struct Permutation {
    count: u64,
    /// Bits of the lower half; bits of the upper.
    widths: [u32; 2],
    keys: [u64; 8],
}

impl Permutation {
    /// The order for this key.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn new(seed: u64, part: u64, count: u64) -> Permutation {
        assert!(count > 0, "an order of no numbers");
        let width = 64 - (count - 1).leading_zeros();
        let keys = std::array::from_fn(|round| bits(seed ^ 0x4c61_7469_6e20_6875, part, round as u64));
        Permutation { count, widths: [width.div_ceil(2), width / 2], keys }
    }

    /// Where the number `item` goes.
    pub fn of(&self, item: u64) -> u64 {
        let mut at = item;
        loop {
            at = self.network(at);
            if at < self.count {
                return at;
            }
        }
    }

    /// Where the numbers from `first` on go. Some go through the network side by side: alone, each would wait for its own
    /// products.
    pub(crate) fn part(&self, first: u64, into: &mut [u64]) {
        const SIDE: usize = 8;
        for (k, some) in into.chunks_mut(SIDE).enumerate() {
            let mut at: [u64; SIDE] = std::array::from_fn(|i| first + (k * SIDE + i) as u64);
            let [low, high] = self.widths;
            let mask = |width: u32| (1u64 << width) - 1;
            let (mut a, mut b) = (at.map(|item| item & mask(low)), at.map(|item| item >> low));
            for keys in self.keys.chunks_exact(2) {
                (0..SIDE).for_each(|i| a[i] ^= mix(b[i] ^ keys[0]) & mask(low));
                (0..SIDE).for_each(|i| b[i] ^= mix(a[i] ^ keys[1]) & mask(high));
            }
            (0..SIDE).for_each(|i| at[i] = b[i] << low | a[i]);
            let inside = |at: u64| if at < self.count { at } else { self.of(at) };
            some.iter_mut().zip(at).for_each(|(to, at)| *to = inside(at));
        }
    }

    fn network(&self, item: u64) -> u64 {
        let [low, high] = self.widths;
        let mask = |width: u32| (1u64 << width) - 1;
        let (mut a, mut b) = (item & mask(low), item >> low);
        for keys in self.keys.chunks_exact(2) {
            a ^= mix(b ^ keys[0]) & mask(low);
            b ^= mix(a ^ keys[1]) & mask(high);
        }
        b << low | a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_part_by_part() {
        for count in [1, 2, 7, 100, 1000] {
            let order = Permutation::new(3, 4, count);
            let (first, mut part) = (count / 3, vec![0; (count - count / 3) as usize]);
            order.part(first, &mut part);
            let one: Vec<u64> = (first..count).map(|item| order.of(item)).collect();
            assert_eq!(part, one);
            let mut all: Vec<u64> = (0..first).map(|item| order.of(item)).chain(part).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..count));
        }
    }

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

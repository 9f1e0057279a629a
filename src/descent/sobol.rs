//! Sobol sequences, plain and scrambled after Owen.
//!
//! Flows in: the number of a point, a coordinate, a seed. Flows out: 32 bits, the first digits of a number in [0, 1).
//! The points are in the order of Gray codes, in which two neighbours differ by one direction number; so they are the
//! points of Joe and Kuo's program, one by one.
//!
//! Who should not use it: who has no need of the digits takes `starts.rs`, which puts them into a box.

use crate::random::bits;
use std::sync::LazyLock;

/// Polynomials and direction numbers of Joe and Kuo; source and licence are in the file.
static TABLE: &str = include_str!("../../data/joe-kuo.txt");

static ROWS: LazyLock<Vec<Vec<u32>>> = LazyLock::new(|| {
    let numbers = |line: &str| line.split(' ').map_while(|word| word.parse().ok()).collect();
    TABLE.lines().filter(|line| !line.starts_with('#')).map(numbers).collect()
});

/// Coordinates that a point can have: so many have Joe and Kuo's property A.
pub const DIMENSIONS: usize = 1111;
/// Points of a sequence: so many have digits of their own.
pub const POINTS: u64 = 1 << 32;

/// Rounds of the scrambling. Each halves what the flips of the third digit have to do with one another; the test of all
/// ways to flip the first digits sees it after four, and not after six.
const ROUNDS: u64 = 8;
/// Keeps the keys of the scrambling apart from other uses of the seed.
const SCRAMBLE: u64 = 0x536f_626f_6c20_4f77;

/// A coordinate of a Sobol sequence.
#[derive(Debug, Clone)]
pub struct Sobol {
    /// What bit k of a Gray code adds.
    directions: [u32; 32],
}

impl Sobol {
    /// The coordinate of this number, from 0.
    ///
    /// # Panics
    /// If it is not below [`DIMENSIONS`].
    pub fn new(coordinate: usize) -> Sobol {
        let mut directions = std::array::from_fn(|k| 1 << (31 - k));
        // The first coordinate reflects the number's bits and is no row of the table.
        if coordinate > 0 {
            let row = &ROWS[coordinate - 1];
            let (degree, inner) = (row[1] as usize, row[2]);
            for k in 0..32 {
                directions[k] = match row[3..].get(k) {
                    Some(m) => m << (31 - k),
                    None => next(&directions[k - degree..k], inner),
                };
            }
        }
        Sobol { directions }
    }

    /// The digits of point `index`, the first one highest.
    pub fn digits(&self, index: u32) -> u32 {
        let gray = index ^ (index >> 1);
        (0..32).filter(|k| gray >> k & 1 == 1).fold(0, |sum, k| sum ^ self.directions[k])
    }

    /// The digits of the point after `index`, from those of point `index`; after the last comes the first.
    pub fn step(&self, index: u32, digits: u32) -> u32 {
        match index.trailing_ones() {
            32 => 0,
            k => digits ^ self.directions[k as usize],
        }
    }
}

/// The direction number after these, as many as the polynomial's degree; `inner` are its inner coefficients.
fn next(last: &[u32], inner: u32) -> u32 {
    let degree = last.len();
    let terms = (1..degree).filter(|k| inner >> (degree - 1 - k) & 1 == 1);
    terms.fold(last[0] ^ (last[0] >> degree), |sum, k| sum ^ last[degree - k])
}

/// Owen's nested uniform scrambling of one coordinate: whether a digit is flipped is random and depends on the digits
/// before it, so that every elementary interval keeps its number of points.
///
/// By a hash in the digits' reversed order whose steps carry upwards only (Laine and Karras, Stratified sampling for
/// stochastic transparency, 2011; Burley, Practical hash-based Owen scrambling, 2020), here with factors from the key.
#[derive(Debug, Clone)]
pub struct Scramble {
    /// Of each round: a summand, an odd factor, an even one.
    rounds: [[u32; 3]; ROUNDS as usize],
}

impl Scramble {
    /// The scrambling of this coordinate under this seed.
    pub fn new(seed: u64, coordinate: usize) -> Scramble {
        let key = |round, part| bits(seed ^ SCRAMBLE, coordinate as u64, 3 * round + part) as u32;
        let round = |round: usize| {
            let round = round as u64;
            // All bits but the lowest are free: one more held would tie the flips of the third digit to the second's.
            [key(round, 0), key(round, 1) | 1, key(round, 2) & !1]
        };
        Scramble { rounds: std::array::from_fn(round) }
    }

    /// The digits, scrambled.
    pub fn digits(&self, digits: u32) -> u32 {
        let round = |x: u32, [add, odd, even]: &[u32; 3]| {
            let x = x.wrapping_add(*add).wrapping_mul(*odd);
            x ^ x.wrapping_mul(*even)
        };
        self.rounds.iter().fold(digits.reverse_bits(), round).reverse_bits()
    }
}

//! Deflate for pixels that are mostly those of the row above: a map of a smooth function in the colours of a palette.
//!
//! Flows in: rows of pixels. Flows out: one deflate block of the rows, each less the row above, that ends on a byte, and
//! the checksum of what it holds. Zeros, nearly all there is, are counted sixteen at a time and never written down; the
//! rest costs some nanoseconds a byte. Any other pixels are taken too, and are as large as their bytes' entropy: below a row
//! of noise, sixteen bytes of which none is zero are taken together.

use super::deflate::{FILTER_SUB, FILTER_UP, Piece, Rows};
use std::collections::BinaryHeap;

/// Kinds of tokens: a byte for itself, then a run of the byte before it, 3 to 258 long.
const TOKENS: usize = 512;
const RUN: usize = 256;
const SHORTEST: usize = 3;
const LONGEST: usize = 258;

/// Symbols of the format: bytes, the end of a block, lengths of runs.
const SYMBOLS: usize = 286;
const END: usize = 256;
/// Lengths from 3 on, by symbol from 257 on: the first, and how many bits say which (RFC 1951, 3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
/// The order in which a block tells the lengths of the codes of code lengths.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// What is kept from one piece to the next.
pub(super) struct Runs {
    tokens: Vec<u16>,
    counts: [u32; TOKENS],
    /// Zeros that are not tokens yet, and bytes before them.
    zeros: usize,
    done: usize,
    /// Most bytes of the last row were tokens of their own.
    noisy: bool,
    /// For the checksum: the sum of all bytes, and of each times the number of bytes from it on.
    sums: (u64, u64),
    length: usize,
}

impl Runs {
    pub(super) fn new() -> Runs {
        Runs { tokens: Vec::new(), counts: [0; TOKENS], zeros: 0, done: 0, noisy: false, sums: (0, 0), length: 0 }
    }

    /// The rows as a piece.
    pub(super) fn piece(&mut self, rows: Rows, pixels: &[u8]) -> Piece {
        let Rows { row, pixel } = rows;
        self.tokens.clear();
        (self.counts, self.zeros, self.done, self.sums) = ([0; TOKENS], 0, 0, (0, 0));
        self.noisy = false;
        self.length = pixels.len() / row * (row + 1);
        let mut above: Option<&[u8]> = None;
        for current in pixels.chunks_exact(row) {
            match above {
                None => {
                    self.byte(FILTER_SUB);
                    current[..pixel].iter().for_each(|byte| self.byte(*byte));
                    self.differences(&current[..row - pixel], &current[pixel..]);
                }
                Some(above) => {
                    self.byte(FILTER_UP);
                    self.differences(above, current);
                }
            }
            above = Some(current);
        }
        self.flush();
        let length = self.length as u64;
        let (low, high) = ((1 + self.sums.0) % 65521, (length + self.sums.1) % 65521);
        Piece { bytes: self.block(), checksum: (high << 16 | low) as u32, length: self.length }
    }

    /// Takes each byte of `current` less that of `before`.
    fn differences(&mut self, before: &[u8], current: &[u8]) {
        let words = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().unwrap_or([0; 16]));
        let (a, b) = (before.chunks_exact(16), current.chunks_exact(16));
        let rest = (a.remainder(), b.remainder());
        let tokens = self.tokens.len();
        for (before, current) in a.zip(b) {
            let mut other = words(before) ^ words(current);
            if self.noisy && !has_zero(other) {
                self.sixteen(before, current);
                continue;
            }
            let mut first = 0;
            while other != 0 {
                let place = other.trailing_zeros() as usize / 8;
                self.zeros += place - first;
                self.other(current[place].wrapping_sub(before[place]));
                first = place + 1;
                other &= u128::MAX.checked_shl(8 * first as u32).unwrap_or(0);
            }
            self.zeros += 16 - first;
        }
        rest.0.iter().zip(rest.1).for_each(|(before, current)| self.byte(current.wrapping_sub(*before)));
        self.noisy = 2 * (self.tokens.len() - tokens) > current.len();
    }

    fn byte(&mut self, byte: u8) {
        if byte == 0 { self.zeros += 1 } else { self.other(byte) }
    }

    /// Takes a byte that is not zero.
    fn other(&mut self, byte: u8) {
        self.flush();
        self.sums.0 += u64::from(byte);
        self.sums.1 += u64::from(byte) * (self.length - self.done) as u64;
        self.done += 1;
        self.token(usize::from(byte));
    }

    /// Takes sixteen bytes of which none is zero.
    #[inline(never)]
    fn sixteen(&mut self, before: &[u8], current: &[u8]) {
        self.flush();
        let mut bytes = [0; 16];
        for (byte, (before, current)) in bytes.iter_mut().zip(before.iter().zip(current)) {
            *byte = current.wrapping_sub(*before);
        }
        let (mut sum, mut late) = (0, 0);
        for (k, byte) in (0..).zip(bytes) {
            sum += u32::from(byte);
            late += k * u32::from(byte);
        }
        self.sums.0 += u64::from(sum);
        self.sums.1 += u64::from(sum) * (self.length - self.done) as u64 - u64::from(late);
        self.done += bytes.len();
        self.tokens.extend(bytes.map(u16::from));
        bytes.iter().for_each(|byte| self.counts[usize::from(*byte)] += 1);
    }

    /// Zeros as tokens: one for itself, then runs.
    fn flush(&mut self) {
        self.done += self.zeros;
        let mut rest = std::mem::take(&mut self.zeros);
        if rest > SHORTEST {
            self.token(0);
            rest -= 1;
            while rest >= SHORTEST {
                let run = rest.min(LONGEST);
                self.token(RUN + run - SHORTEST);
                rest -= run;
            }
        }
        (0..rest).for_each(|_| self.token(0));
    }

    fn token(&mut self, token: usize) {
        self.tokens.push(token as u16);
        self.counts[token] += 1;
    }

    /// The tokens as a block under codes of its own, then an empty one that ends on a byte.
    fn block(&self) -> Vec<u8> {
        let mut symbols = [0; SYMBOLS];
        symbols[END] = 1;
        for (token, count) in self.counts.iter().enumerate() {
            symbols[symbol(token).0] += count;
        }
        let lengths = code_lengths(&symbols, 15);
        let codes = codes(&lengths);
        let mut bits = Bits { bytes: Vec::with_capacity(self.tokens.len() + 512), word: 0, count: 0 };
        head(&mut bits, &lengths);
        let words = std::array::from_fn(|token| {
            let (symbol, more, extra) = symbol(token);
            let (code, length) = (codes[symbol], u32::from(lengths[symbol]));
            // The one distance there is, 1, takes a bit of zero.
            (code | more << length, length + extra + u32::from(token >= RUN))
        });
        bits.push_tokens(&self.tokens, &words);
        bits.push(codes[END], u32::from(lengths[END]));
        bits.finish()
    }
}

/// Whether one of the bytes is zero.
fn has_zero(bytes: u128) -> bool {
    const ONES: u128 = u128::MAX / 255;
    bytes.wrapping_sub(ONES) & !bytes & (ONES << 7) != 0
}

/// The symbol of a token, and the bits that say more: which, and how many.
fn symbol(token: usize) -> (usize, u32, u32) {
    if token < RUN {
        return (token, 0, 0);
    }
    let length = (token - RUN + SHORTEST) as u16;
    let place = LENGTHS.iter().rposition(|(first, _)| *first <= length).unwrap_or(0);
    let (first, extra) = LENGTHS[place];
    (END + 1 + place, u32::from(length - first), u32::from(extra))
}

/// The start of a block: its codes' lengths, under a code of their own.
fn head(bits: &mut Bits, lengths: &[u8]) {
    // All symbols, then one distance, whose code has one bit.
    let all: Vec<u8> = lengths.iter().copied().chain([1]).collect();
    // A length, or 18 for many zeros and how many.
    let mut told: Vec<(usize, u32)> = Vec::new();
    let mut rest = all.as_slice();
    while let Some(&length) = rest.first() {
        let zeros = rest.iter().take(138).take_while(|length| **length == 0).count();
        let (one, used) = if zeros >= 11 { ((18, zeros as u32 - 11), zeros) } else { ((usize::from(length), 0), 1) };
        told.push(one);
        rest = &rest[used..];
    }
    let mut counts = [0; 19];
    told.iter().for_each(|(symbol, _)| counts[*symbol] += 1);
    let lengths = code_lengths(&counts, 7);
    let codes = codes(&lengths);
    // Not the last block, with codes of its own; all symbols, one distance, all code lengths.
    bits.push(0b100, 3);
    bits.push((SYMBOLS - 257) as u32, 5);
    bits.push(0, 5);
    bits.push(19 - 4, 4);
    ORDER.iter().for_each(|symbol| bits.push(u32::from(lengths[*symbol]), 3));
    for (symbol, more) in told {
        bits.push(codes[symbol], u32::from(lengths[symbol]));
        if symbol == 18 {
            bits.push(more, 7);
        }
    }
}

/// Lengths of Huffman codes, `most` bits or fewer, 0 for what does not occur. At least two symbols have one, as decoders
/// want.
fn code_lengths(counts: &[u32], most: u8) -> Vec<u8> {
    let mut counts = counts.to_vec();
    for symbol in [0, 1] {
        if counts.iter().filter(|count| **count > 0).count() < 2 {
            counts[symbol] = counts[symbol].max(1);
        }
    }
    loop {
        let lengths = huffman(&counts);
        if lengths.iter().all(|length| *length <= most) {
            return lengths;
        }
        // Rarer symbols come closer to the others.
        counts.iter_mut().filter(|count| **count > 0).for_each(|count| *count = *count / 2 + 1);
    }
}

/// Huffman's algorithm: the two rarest become one, until one is left.
fn huffman(counts: &[u32]) -> Vec<u8> {
    let mut parents = vec![usize::MAX; counts.len()];
    let used = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let mut rarest: BinaryHeap<_> = used.map(|(k, count)| std::cmp::Reverse((u64::from(*count), k))).collect();
    while let (Some(first), Some(second)) = (rarest.pop(), rarest.pop()) {
        let (std::cmp::Reverse((a, one)), std::cmp::Reverse((b, other))) = (first, second);
        let both = parents.len();
        parents.push(usize::MAX);
        (parents[one], parents[other]) = (both, both);
        if !rarest.is_empty() {
            rarest.push(std::cmp::Reverse((a + b, both)));
        }
    }
    let depth =
        |k: usize| std::iter::successors(Some(k), |k| Some(parents[*k]).filter(|up| *up != usize::MAX)).count() - 1;
    (0..counts.len()).map(|k| depth(k) as u8).collect()
}

/// The codes of these lengths, first bit lowest (RFC 1951, 3.2.2).
fn codes(lengths: &[u8]) -> Vec<u32> {
    let mut next = 0_u32;
    let mut codes = vec![0; lengths.len()];
    for length in 1..=15_u8 {
        next <<= 1;
        for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, own)| **own == length) {
            *code = next.reverse_bits() >> (32 - u32::from(length));
            next += 1;
        }
    }
    codes
}

/// Bits to bytes, the lowest first.
struct Bits {
    bytes: Vec<u8>,
    word: u64,
    count: u32,
}

impl Bits {
    /// The lowest `count` bits of `bits`, 32 at most; the others are zero.
    fn push(&mut self, bits: u32, count: u32) {
        self.word |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.bytes.extend_from_slice(&(self.word as u32).to_le_bytes());
            self.word >>= 32;
            self.count -= 32;
        }
    }

    /// The bits of each token, and how many: 21 at most. Two tokens at a time are written without a question whether
    /// there is a byte.
    fn push_tokens(&mut self, tokens: &[u16], words: &[(u32, u32); TOKENS]) {
        const MOST: usize = 21;
        let mut here = self.bytes.len();
        self.bytes.resize(here + tokens.len() * MOST / 8 + 16, 0);
        let mut store = |word: &mut u64, count: &mut u32| {
            self.bytes[here..here + 8].copy_from_slice(&word.to_le_bytes());
            here += (*count / 8) as usize;
            *word >>= *count / 8 * 8;
            *count %= 8;
        };
        let (mut word, mut count) = (self.word, self.count);
        store(&mut word, &mut count);
        for pair in tokens.chunks(2) {
            for token in pair {
                let (bits, more) = words[usize::from(*token) % TOKENS];
                word |= u64::from(bits) << count;
                count += more;
            }
            store(&mut word, &mut count);
        }
        self.bytes.truncate(here);
        (self.word, self.count) = (word, count);
    }

    /// All bytes, the last of them those of an empty block that is stored.
    fn finish(mut self) -> Vec<u8> {
        self.push(0, 3);
        let bytes = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.word.to_le_bytes()[..bytes]);
        self.bytes.extend_from_slice(&[0, 0, 0xff, 0xff]);
        self.bytes
    }
}

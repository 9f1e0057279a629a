//! The pixels of a PNG, filtered and deflated on all cores.
//!
//! Flows in: how many rows, and how to paint them. Flows out: pieces of one zlib stream, in order. A piece is some
//! rows that need no other: its first row is filtered by its left neighbours, the rest by the row above, and its
//! deflate blocks end on a byte and refer to nothing before them. So pieces are made at the same time, and their
//! bytes do not depend on how many cores there are.

use super::runs::Runs;
use flate2::{Compress, Compression, FlushCompress};
use simd_adler32::Adler32;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Bytes of pixels in a piece: enough that a piece's 20 bytes of frame are nothing, little enough for the cache.
const PIECE: usize = 1 << 19;

/// The first two bytes of a zlib stream: a window of 32 KiB, the fastest compression.
pub(super) const ZLIB_HEAD: [u8; 2] = [0x78, 0x01];
/// An empty last block: ends a deflate stream whose other blocks are none of them the last.
pub(super) const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

pub(super) const FILTER_SUB: u8 = 1;
pub(super) const FILTER_UP: u8 = 2;

/// The size of the rows to be filtered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Bytes of a row.
    pub(super) row: usize,
    /// Bytes of a pixel.
    pub(super) pixel: usize,
}

/// A piece, compressed.
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Of the filtered rows, as a stream of their own.
    pub(super) checksum: u32,
    /// Length of the filtered rows.
    pub(super) length: usize,
}

/// Adler-32 of streams one after the other, of which each was summed on its own.
pub(super) struct Checksum(u32);

impl Checksum {
    pub(super) fn new() -> Checksum {
        Checksum(1)
    }

    /// Appends a piece. The low half of Adler-32 is 1 + the sum of the bytes, the high half the sum of all low
    /// halves on the way, both modulo 65521.
    pub(super) fn push(&mut self, piece: &Piece) {
        const BASE: u64 = 65521;
        let halves = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
        let ((low, high), (piece_low, piece_high)) = (halves(self.0), halves(piece.checksum));
        let carried = (low + BASE - 1) % BASE;
        let low = (carried + piece_low) % BASE;
        let high = (high + piece_high + carried * (piece.length as u64 % BASE)) % BASE;
        self.0 = (high << 16 | low) as u32;
    }

    pub(super) fn finish(&self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

impl Rows {
    /// Paints and compresses `count` rows on so many threads (on all cores if not said), and hands the pieces to `take` in order. `paint` gets
    /// the number of a first row and the bytes of it and of the rows below it.
    pub(super) fn compress<E>(
        self,
        count: usize,
        threads: Option<usize>,
        paint: &(impl Fn(usize, &mut [u8]) + Sync),
        mut take: impl FnMut(Piece) -> Result<(), E>,
    ) -> Result<(), E> {
        let height = (PIECE / self.row).max(1);
        let pieces = count.div_ceil(height);
        let rows = |piece: usize| piece * height..count.min((piece + 1) * height);
        // The system takes its time to count its cores: a small picture does not ask.
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if pieces < 2 { 1 } else { threads.unwrap_or_else(all).min(pieces) };
        if threads < 2 {
            let mut deflater = Deflater::new(self);
            return (0..pieces).try_for_each(|piece| take(deflater.piece(rows(piece), paint)));
        }
        let next = AtomicUsize::new(0);
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (send, next) = (send.clone(), &next);
                scope.spawn(move || {
                    let mut deflater = Deflater::new(self);
                    loop {
                        let piece = next.fetch_add(1, Ordering::Relaxed);
                        // Nobody listens any more after a failed write.
                        if piece >= pieces || send.send((piece, deflater.piece(rows(piece), paint))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            in_order(receive, take)
        })
    }
}

/// Hands on what comes numbered, in the order of the numbers from 0.
fn in_order<T, E>(receive: mpsc::Receiver<(usize, T)>, mut take: impl FnMut(T) -> Result<(), E>) -> Result<(), E> {
    let mut early = std::collections::BTreeMap::new();
    let mut due = 0;
    for (number, item) in receive {
        early.insert(number, item);
        while let Some(item) = early.remove(&due) {
            take(item)?;
            due += 1;
        }
    }
    Ok(())
}

/// What a thread needs to make pieces, kept from one to the next.
struct Deflater {
    rows: Rows,
    pixels: Vec<u8>,
    method: Method,
}

/// How pixels are filtered and deflated.
enum Method {
    /// One byte a pixel is mostly that of the row above.
    Runs(Box<Runs>),
    /// Any other: filtered rows, and zlib's compressor.
    Matches { filtered: Vec<u8>, compress: Compress },
}

impl Deflater {
    fn new(rows: Rows) -> Deflater {
        let method = match rows.pixel {
            1 => Method::Runs(Box::new(Runs::new())),
            // A core of 2026, zlib-rs 0.6, maps of colours at 8192 x 8192 (of which 50 MB): level 1 makes a smooth one in
            // 0.054 s and 2.3 MB, a busy one in 0.26 s and 18.8 MB; level 2 in 0.073 s and 1.5 MB, 0.52 s and 11.3 MB.
            _ => Method::Matches { filtered: Vec::new(), compress: Compress::new(Compression::new(2), false) },
        };
        Deflater { rows, pixels: Vec::new(), method }
    }

    fn piece(&mut self, which: Range<usize>, paint: &impl Fn(usize, &mut [u8])) -> Piece {
        self.pixels.resize(which.len() * self.rows.row, 0);
        paint(which.start, &mut self.pixels);
        match &mut self.method {
            Method::Runs(runs) => runs.piece(self.rows, &self.pixels),
            Method::Matches { filtered, compress } => {
                filter(self.rows, &self.pixels, filtered);
                let mut checksum = Adler32::new();
                checksum.write(filtered);
                Piece { bytes: deflate(filtered, compress), checksum: checksum.finish(), length: filtered.len() }
            }
        }
    }
}

/// Each row after the number of its filter.
fn filter(Rows { row, pixel }: Rows, pixels: &[u8], filtered: &mut Vec<u8>) {
    filtered.clear();
    let mut above: Option<&[u8]> = None;
    for current in pixels.chunks_exact(row) {
        if let Some(above) = above {
            filtered.push(FILTER_UP);
            filtered.extend(current.iter().zip(above).map(|(byte, above)| byte.wrapping_sub(*above)));
        } else {
            filtered.push(FILTER_SUB);
            filtered.extend_from_slice(&current[..pixel]);
            let left = current.iter().zip(&current[pixel..]);
            filtered.extend(left.map(|(left, byte)| byte.wrapping_sub(*left)));
        }
        above = Some(current);
    }
}

/// The filtered rows as deflate blocks that end on a byte.
fn deflate(filtered: &[u8], compress: &mut Compress) -> Vec<u8> {
    compress.reset();
    let mut bytes = Vec::with_capacity(filtered.len() / 8 + 256);
    loop {
        let rest = &filtered[compress.total_in() as usize..];
        let status = compress.compress_vec(rest, &mut bytes, FlushCompress::Sync);
        status.expect("no bytes are wrong, and the state is fresh");
        // Room that is left over says that the flush is whole.
        if bytes.len() < bytes.capacity() {
            return bytes;
        }
        bytes.reserve(bytes.capacity());
    }
}

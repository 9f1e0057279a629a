//! How fast this machine's memory is, measured on all threads.
//!
//! Flows in: a number of threads. Flows out: [`Bandwidth`]. A buffer that is several times as large as the last cache
//! is filled and copied. It is filled in two ways, of which the faster counts: by the system's own routine and, on
//! x86-64, by stores that pass the caches by, which need not read what they overwrite.

use crate::backend::{BackendError, Bandwidth, check_interrupt};
use std::thread;
use std::time::Instant;

/// The least that is filled, in bytes.
const LEAST: u64 = 256 << 20;

/// The most: where the last cache is larger than a quarter of this, it is one that other machines share.
const MOST: u64 = 1 << 30;

/// Bytes between two looks for Ctrl-C.
const PIECE: usize = 8 << 20;

/// Fills and copies memory with so many threads: a second or so, and up to 1 GiB for so long.
///
/// # Errors
/// - [`BackendError::Device`] if the memory is not to be had.
/// - [`BackendError::Interrupted`] after [`interrupt`](crate::backend::interrupt).
pub fn host_bandwidth(threads: usize) -> Result<Bandwidth, BackendError> {
    let bytes = size(whole_cache());
    let mut buffer: Vec<u8> = Vec::new();
    buffer.try_reserve_exact(bytes).map_err(|_| {
        BackendError::Device(format!(
            "{bytes} bytes to measure this machine's memory are not to be had; close what else uses it"
        ))
    })?;
    buffer.resize(bytes, 0);
    let mut fill = |value: u8| shared(&mut buffer, threads, |part| part.fill(value));
    // The first gives every page its place.
    fill(1)?;
    let stored = fill(2)?.min(fill(3)?).min(fill(4)?);
    let mut stream = |value: u8| shared(&mut buffer, threads, |part| stream(part, value));
    let fill_time = stored.min(stream(5)?).min(stream(6)?).min(stream(7)?);
    let mut copy = || {
        shared(&mut buffer, threads, |part| {
            let (from, to) = part.split_at_mut(part.len() / 2);
            to[..from.len()].copy_from_slice(from);
        })
    };
    let copy_time = copy()?.min(copy()?).min(copy()?);
    let rate = |time: f64| bytes as f64 / time.max(1e-9);
    Ok(Bandwidth { fill: rate(fill_time), copy: rate(copy_time), bytes: bytes as u64 })
}

/// Fills with stores that pass the caches by.
#[cfg(target_arch = "x86_64")]
fn stream(part: &mut [u8], value: u8) {
    use std::arch::x86_64::{__m128i, _mm_set1_epi8, _mm_sfence, _mm_stream_si128};
    // SAFETY: any sixteen bytes are an `__m128i`.
    let (head, body, tail) = unsafe { part.align_to_mut::<__m128i>() };
    head.fill(value);
    tail.fill(value);
    // SAFETY: every x86-64 has SSE2; each place is aligned and this thread's own, and the fence makes the stores seen
    // before any later one.
    unsafe {
        let all = _mm_set1_epi8(value.cast_signed());
        body.iter_mut().for_each(|place| _mm_stream_si128(place, all));
        _mm_sfence();
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn stream(part: &mut [u8], value: u8) {
    part.fill(value);
}

/// Bytes to fill: four times the last cache.
fn size(cache: Option<u64>) -> usize {
    let wanted = cache.map_or(LEAST, |cache| (4 * cache).clamp(LEAST, MOST));
    usize::try_from(wanted).unwrap_or(1 << 28)
}

/// Shares a buffer among threads, which work on it piece by piece; the seconds until all are done.
fn shared(buffer: &mut [u8], threads: usize, work: impl Fn(&mut [u8]) + Sync) -> Result<f64, BackendError> {
    let share = buffer.len().div_ceil(threads.max(1)).next_multiple_of(4096);
    let start = Instant::now();
    let part = |part: &mut [u8]| {
        part.chunks_mut(PIECE).try_for_each(|piece| {
            check_interrupt()?;
            work(piece);
            Ok(())
        })
    };
    thread::scope(|scope| {
        let parts: Vec<_> = buffer.chunks_mut(share).map(|one| scope.spawn(|| part(one))).collect();
        parts.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    // Nobody reads the buffer; it must be written all the same.
    std::hint::black_box(&mut *buffer);
    Ok(start.elapsed().as_secs_f64())
}

/// Bytes of the last cache of the first core, where the system tells (Linux).
fn whole_cache() -> Option<u64> {
    (0..8)
        .filter_map(|index| {
            let text = std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size")).ok()?;
            let number: u64 = text.trim().trim_end_matches(['K', 'M']).parse().ok()?;
            Some(number << if text.contains('M') { 20 } else { 10 })
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_larger_than_the_cache() {
        assert_eq!(size(None), 256 << 20);
        assert_eq!(size(Some(1 << 20)), 256 << 20);
        assert_eq!(size(Some(100 << 20)), 400 << 20);
        assert_eq!(size(Some(1 << 40)), 1 << 30);
    }

    #[test]
    fn every_byte_is_written_for_any_number_of_threads() {
        for threads in [1, 2, 3, 7] {
            let mut buffer = vec![0u8; 3 * PIECE + 12_345];
            assert!(shared(&mut buffer, threads, |part| part.fill(7)).is_ok());
            assert!(buffer.iter().all(|byte| *byte == 7), "{threads} threads");
            assert!(shared(&mut buffer[3..], threads, |part| stream(part, 9)).is_ok());
            assert!(buffer[3..].iter().all(|byte| *byte == 9) && buffer[..3] == [7; 3], "{threads} threads");
        }
    }
}

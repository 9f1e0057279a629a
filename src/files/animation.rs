//! Pictures that move: `.apng` (every colour, as in a PNG) and `.gif` (256 colours, shown everywhere).
//!
//! Flows in: frames, one after the other, red, green, blue and opacity of each pixel. Flows out: bytes into a writer. Two
//! frames are held at a time; of each, the rectangle is written in which it differs from the one before. The animation
//! begins again for ever, after its last frame has been shown for a while.

use super::error::FileError;
use super::png::{Remembering, from_png, with_texts};
use png::{BitDepth, BlendOp, ColorType, Compression, DisposeOp, Encoder};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write;

/// A picture that moves, before its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reel<'a> {
    /// Pixels in a row, 1 to 65535.
    pub width: usize,
    /// Rows, 1 to 65535.
    pub height: usize,
    /// Frames, from 1.
    pub frames: usize,
    /// Frames a second, 1 to 50 (a GIF counts in hundredths of a second).
    pub rate: u16,
    /// For so many seconds the last frame stays.
    pub hold: f64,
    /// Texts that the file carries, keyword and text; see [`super::PngHead::texts`]. A GIF has them as one comment.
    pub texts: &'a [(&'a str, String)],
}

/// Frames a second at most.
pub const FASTEST: u16 = 50;
/// Colours of a GIF; one more says that a pixel stays as it is.
const COLOURS: usize = 255;
const STAYS: u8 = 255;

/// The block of a GIF that holds a text.
const COMMENT: u8 = 0xFE;

/// A part of a frame, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Reel<'_> {
    fn check(&self) -> Result<(), FileError> {
        let side = 1..=usize::from(u16::MAX);
        let fits = side.contains(&self.width) && side.contains(&self.height);
        if fits && u32::try_from(self.frames).is_ok_and(|n| n > 0) && (1..=FASTEST).contains(&self.rate) {
            return Ok(());
        }
        let Reel { width, height, frames, rate, .. } = self;
        Err(FileError::Unfit(format!(
            "{frames} frames of {width} x {height} pixels at {rate} a second are no animation: a side has 1 to 65535 \
             pixels, a second 1 to {FASTEST} frames"
        )))
    }

    /// Hundredths of a second for which a frame stays.
    fn hundredths(&self, frame: usize) -> u16 {
        let usual = (100.0 / f64::from(self.rate)).round();
        let stays = if frame + 1 == self.frames { usual.max((100.0 * self.hold).round()) } else { usual };
        stays.clamp(0.0, 65535.0) as u16
    }

    /// # Errors
    /// [`FileError::Unfit`] for a frame of another size.
    fn check_frame(&self, rgba: &[u8]) -> Result<(), FileError> {
        let (found, expected) = (rgba.len(), 4 * self.width * self.height);
        if found == expected {
            return Ok(());
        }
        Err(FileError::Unfit(format!("a frame has {found} bytes of pixels, not {expected}")))
    }

    /// Where a frame differs from the one before: all of the first, and always a pixel.
    fn changed(&self, before: &[u8], now: &[u8]) -> Part {
        let Reel { width, height, .. } = *self;
        if before.is_empty() {
            return Part { left: 0, top: 0, width, height };
        }
        let row = |y: usize| (&before[4 * width * y..][..4 * width], &now[4 * width * y..][..4 * width]);
        let mut rows = (0..height).filter(|y| row(*y).0 != row(*y).1);
        let Some(top) = rows.next() else { return Part { left: 0, top: 0, width: 1, height: 1 } };
        let bottom = rows.next_back().unwrap_or(top);
        let differs = |x: usize| (top..=bottom).any(|y| row(y).0[4 * x..4 * x + 4] != row(y).1[4 * x..4 * x + 4]);
        let left = (0..width).find(|x| differs(*x)).unwrap_or(0);
        let right = (left..width).rfind(|x| differs(*x)).unwrap_or(left);
        Part { left, top, width: right + 1 - left, height: bottom + 1 - top }
    }
}

/// The places of a part's pixels in a frame, row by row.
fn pixels(part: Part, width: usize) -> impl Iterator<Item = usize> {
    let rows = part.top..part.top + part.height;
    rows.flat_map(move |y| (part.left..part.left + part.width).map(move |x| y * width + x))
}

/// Writes an APNG; `frame` makes the frames in their order, as [`super::write_png`]'s RGBA.
///
/// # Errors
/// - [`FileError::Unfit`] for what is no animation, or a frame of another size;
/// - what `frame` returns, and whatever `out` fails with.
pub fn write_apng<E: From<FileError>>(
    out: &mut dyn Write,
    reel: Reel,
    mut frame: impl FnMut(usize) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    reel.check()?;
    let failure = RefCell::new(None);
    let mut out = Remembering { out, failure: &failure };
    // The encoder tells of a failed write in words alone; the error itself says more, and comes first.
    let failed = |error| failure.take().map_or_else(|| from_png(error), FileError::from);
    let mut encoder = Encoder::new(&mut out, reel.width as u32, reel.height as u32);
    // What is clear stays as it is, and takes next to no room.
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let head = encoder
        .set_animated(reel.frames as u32, 0)
        .and_then(|()| encoder.set_blend_op(BlendOp::Over))
        .and_then(|()| encoder.set_dispose_op(DisposeOp::None))
        .and_then(|()| with_texts(&mut encoder, reel.texts))
        .and_then(|()| encoder.set_frame_delay(reel.hundredths(0), 100));
    let mut writer = head.and_then(|()| encoder.write_header()).map_err(failed)?;
    let mut before = Vec::new();
    for k in 0..reel.frames {
        let now = frame(k)?;
        reel.check_frame(&now)?;
        let part = reel.changed(&before, &now);
        let changes = |at: usize| before.get(4 * at..4 * at + 4) != Some(&now[4 * at..4 * at + 4]);
        let pixel = |at: usize| if changes(at) { [now[4 * at], now[4 * at + 1], now[4 * at + 2], 255] } else { [0; 4] };
        let rgba: Vec<u8> = pixels(part, reel.width).flat_map(pixel).collect();
        let mut write = || {
            if k > 0 {
                writer.set_frame_delay(reel.hundredths(k), 100)?;
                writer.reset_frame_position()?;
                writer.set_frame_dimension(part.width as u32, part.height as u32)?;
                writer.set_frame_position(part.left as u32, part.top as u32)?;
            }
            writer.write_image_data(&rgba)
        };
        write().map_err(failed)?;
        before = now;
    }
    Ok(writer.finish().map_err(failed)?)
}

/// Writes a GIF; `frame` makes the frames in their order, as [`super::write_png`]'s RGBA, and before that the first, the
/// middle and the last, from which the colours are chosen: the 255 that are nearest to all theirs.
///
/// # Errors
/// - [`FileError::Unfit`] for what is no animation, or a frame of another size;
/// - what `frame` returns, and whatever `out` fails with.
pub fn write_gif<E: From<FileError>>(
    out: &mut dyn Write,
    reel: Reel,
    mut frame: impl FnMut(usize) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    reel.check()?;
    let mut some = vec![0, reel.frames / 2, reel.frames - 1];
    some.dedup();
    let mut seen = Vec::new();
    for k in some {
        let now = frame(k)?;
        reel.check_frame(&now)?;
        seen.push(now);
    }
    let mut palette = Palette::of(&seen);
    drop(seen);
    let failed = |error: gif::EncodingError| match error {
        gif::EncodingError::Io(error) => FileError::from(error),
        other => FileError::Unfit(format!("cannot write GIF: {other}")),
    };
    let mut colours = palette.colours.concat();
    // With what stands for a pixel that stays.
    colours.resize(3 * 256, 0);
    let (width, height) = (reel.width as u16, reel.height as u16);
    let mut encoder = gif::Encoder::new(out, width, height, &colours).map_err(failed)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(failed)?;
    let texts: String = reel.texts.iter().map(|(key, text)| format!("{key}: {text}\n")).collect();
    encoder.write_raw_extension(gif::AnyExtension(COMMENT), &[texts.as_bytes()]).map_err(failed)?;
    let mut before: Vec<u8> = Vec::new();
    for k in 0..reel.frames {
        let now = frame(k)?;
        reel.check_frame(&now)?;
        let part = reel.changed(&before, &now);
        let index = |at: usize| {
            let pixel = &now[4 * at..4 * at + 3];
            if before.get(4 * at..4 * at + 3) == Some(pixel) { STAYS } else { palette.nearest(pixel) }
        };
        let buffer: Vec<u8> = pixels(part, reel.width).map(index).collect();
        let frame = gif::Frame {
            delay: reel.hundredths(k),
            dispose: gif::DisposalMethod::Keep,
            transparent: Some(STAYS),
            left: part.left as u16,
            top: part.top as u16,
            width: part.width as u16,
            height: part.height as u16,
            buffer: Cow::Owned(buffer),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).map_err(failed)?;
        before = now;
    }
    encoder.into_inner().map_err(failed)?.flush().map_err(FileError::from)?;
    Ok(())
}

/// The colours of a GIF.
struct Palette {
    colours: Vec<[u8; 3]>,
    /// For each colour of six bits a channel its nearest on the palette, where it was asked for.
    known: Vec<Option<u8>>,
}

impl Palette {
    /// The colours of all pixels in boxes, of which the one with the most variance is cut at its mean until there are
    /// enough (Wan, Prusinkiewicz, Wong: Variance-based color image quantization for frame buffer display, Color Research
    /// and Application 15, 1990).
    fn of(frames: &[Vec<u8>]) -> Palette {
        let mut counts = std::collections::HashMap::<[u8; 3], u32>::new();
        for pixel in frames.iter().flat_map(|frame| frame.chunks_exact(4)) {
            *counts.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
        }
        let mut all: Vec<Weighed> = counts.into_iter().map(|(colour, count)| (colour, f64::from(count))).collect();
        // The same palette every time.
        all.sort_by_key(|(colour, _)| *colour);
        let mut boxes = vec![(spread(&all), all)];
        while boxes.len() < COLOURS {
            let widest = boxes.iter().enumerate().max_by(|(_, a), (_, b)| a.0.1.total_cmp(&b.0.1));
            let Some((k, ((axis, variance), _))) = widest else { break };
            // What is left of equal channels is rounding.
            if *variance < 1e-6 {
                break;
            }
            let (axis, (_, one)) = (*axis, boxes.swap_remove(k));
            let middle = mean(&one, axis);
            let (low, high): (Vec<Weighed>, Vec<Weighed>) =
                one.into_iter().partition(|(colour, _)| f64::from(colour[axis]) <= middle);
            boxes.extend([low, high].map(|part| (spread(&part), part)));
        }
        let filled = boxes.iter().map(|(_, one)| one).filter(|one| !one.is_empty());
        let colours = filled.map(|one| [0, 1, 2].map(|axis| mean(one, axis).round() as u8)).collect();
        Palette { colours, known: vec![None; 1 << 18] }
    }

    fn nearest(&mut self, pixel: &[u8]) -> u8 {
        let bucket = pixel.iter().fold(0, |place, channel| place << 6 | usize::from(channel >> 2));
        if let Some(known) = self.known[bucket] {
            return known;
        }
        let apart = |colour: &[u8; 3]| -> i32 {
            colour.iter().zip(pixel).map(|(a, b)| (i32::from(*a) - i32::from(*b)).pow(2)).sum()
        };
        let nearest = (0..self.colours.len()).min_by_key(|k| apart(&self.colours[*k])).unwrap_or(0) as u8;
        self.known[bucket] = Some(nearest);
        nearest
    }
}

/// A colour, and how many pixels have it.
type Weighed = ([u8; 3], f64);

/// The channel in which some colours vary most, and by how much: squares of all pixels' differences from the mean.
fn spread(colours: &[Weighed]) -> (usize, f64) {
    let variance = |axis: usize| {
        let middle = mean(colours, axis);
        colours.iter().map(|(colour, weight)| weight * (f64::from(colour[axis]) - middle).powi(2)).sum::<f64>()
    };
    let all = (0..3).map(|axis| (axis, variance(axis)));
    all.fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a })
}

/// The mean of a channel.
fn mean(colours: &[Weighed], axis: usize) -> f64 {
    let weight: f64 = colours.iter().map(|(_, weight)| weight).sum();
    colours.iter().map(|(colour, weight)| f64::from(colour[axis]) * weight).sum::<f64>() / weight
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const REEL: Reel<'_> = Reel { width: 7, height: 5, frames: 3, rate: 20, hold: 0.0, texts: &[] };

    #[test]
    fn what_changed_is_in_the_smallest_rectangle() {
        let before = vec![9; 4 * 35];
        assert_eq!(REEL.changed(&[], &before), Part { left: 0, top: 0, width: 7, height: 5 });
        assert_eq!(REEL.changed(&before, &before), Part { left: 0, top: 0, width: 1, height: 1 });
        for (a, b) in (0..35).flat_map(|a| (0..35).map(move |b| (a, b))) {
            let mut now = before.clone();
            (now[4 * a], now[4 * b + 2]) = (1, 2);
            let ends = |of: fn(usize) -> usize| (of(a).min(of(b)), of(a).max(of(b)));
            let ((left, right), (top, bottom)) = (ends(|at| at % 7), ends(|at| at / 7));
            let part = Part { left, top, width: right + 1 - left, height: bottom + 1 - top };
            assert_eq!(REEL.changed(&before, &now), part, "{a} {b}");
        }
    }

    #[test]
    fn few_colours_are_kept_and_many_come_near() {
        let few: Vec<u8> = (0..=254_u8).flat_map(|k| [k & 0xF0, k << 4, 17, 255]).collect();
        let mut palette = Palette::of(std::slice::from_ref(&few));
        let nearest = |palette: &mut Palette, pixel: &[u8]| {
            let place = palette.nearest(pixel);
            palette.colours[usize::from(place)]
        };
        assert!(few.chunks(4).all(|pixel| nearest(&mut palette, &pixel[..3]) == pixel[..3]));
        let many: Vec<u8> =
            (0..4096_u32).flat_map(|k| [(k >> 4) as u8, (k / 3) as u8, 255 - (k >> 4) as u8, 255]).collect();
        let mut palette = Palette::of(std::slice::from_ref(&many));
        assert_eq!(palette.colours.len(), COLOURS);
        let off = |pixel: &[u8], palette: &mut Palette| {
            nearest(palette, &pixel[..3]).iter().zip(pixel).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
        };
        assert!(many.chunks(4).all(|pixel| off(pixel, &mut palette) < 24));
    }

    #[test]
    fn errors_say_what_is_wrong_and_those_of_the_writer_come_through() {
        type Write = fn(&mut dyn std::io::Write, Reel<'_>, usize) -> Result<(), FileError>;
        let both: [Write; 2] = [
            |out, reel, n| write_apng(out, reel, |_| Ok(vec![0; n])),
            |out, reel, n| write_gif(out, reel, |_| Ok(vec![0; n])),
        ];
        for write in both {
            let tell = |reel, bytes| write(&mut Vec::new(), reel, bytes).unwrap_err().to_string();
            assert!(tell(Reel { width: 0, ..REEL }, 140).contains("3 frames of 0 x 5"));
            assert!(tell(Reel { height: 70_000, ..REEL }, 140).contains("65535"));
            assert!(tell(Reel { frames: 0, ..REEL }, 140).contains("0 frames"));
            assert!(tell(Reel { rate: 51, ..REEL }, 140).contains("1 to 50"));
            assert!(tell(REEL, 139).contains("a frame has 139 bytes of pixels, not 140"));
            for room in [0, 5, 60] {
                let mut short = vec![0; room];
                let failed = write(&mut short.as_mut_slice(), REEL, 140).unwrap_err();
                assert!(matches!(failed, FileError::Io(_)), "{failed:?}");
            }
            let stopped = write_gif(&mut Vec::new(), REEL, |_| Err(FileError::Interrupted)).unwrap_err();
            assert!(matches!(stopped, FileError::Interrupted));
            write(&mut Vec::new(), REEL, 140).unwrap();
        }
    }
}

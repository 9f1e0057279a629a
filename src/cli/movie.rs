//! Pictures that move: how many frames, how fast, and into which file.
//!
//! Flows in: what draws a frame. Flows out: an APNG or a GIF, frame by frame.

use super::Failure;
use clap::Args;
use gradfield::Precision;
use gradfield::backend::check_interrupt;
use gradfield::field;
use gradfield::files::{FASTEST, Format, Output, Reel, write_apng, write_gif};
use gradfield::picture::Bitmap;

#[derive(Debug, Clone, Args)]
pub(super) struct Flags {
    /// Frames of a .gif or .apng (default: one a step, at most 100)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    frames: Option<usize>,
    #[command(flatten)]
    rate: Rate,
}

/// The speed alone, where something else says how many frames there are.
#[derive(Debug, Clone, Args)]
pub(super) struct Rate {
    /// Frames a second of a .gif or .apng, 1 to 50 (default: 20)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(FASTEST)))]
    fps: Option<u16>,
}

/// Frames where nothing was said, a second and in all.
const RATE: u16 = 20;
const USUAL: u64 = 100;
/// More are no animation.
pub(super) const MOST: usize = 10_000;
/// For so many seconds the end of a descent stays.
const HOLD: f64 = 1.5;
/// Pixels of a frame at most: two are held, and every one is drawn anew.
const PIXELS: u64 = 1 << 22;

/// The file's format, frames in all and a second, and how long the last stays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Movie {
    format: Format,
    frames: usize,
    rate: u16,
    hold: f64,
}

/// Whether a format has frames.
pub(super) fn is_moving(format: Format) -> bool {
    matches!(format, Format::Apng | Format::Gif)
}

/// Refuses frames that are too large.
pub(super) fn check_size((width, height): (u32, u32)) -> Result<(), Failure> {
    if u64::from(width) * u64::from(height) <= PIXELS {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--size: frames of {width} x {height} pixels are too large for a picture that moves; take at most 2048x2048"
    )))
}

impl Rate {
    pub(super) fn is_given(&self) -> bool {
        self.fps.is_some()
    }

    pub(super) fn movie(&self, frames: usize, format: Format) -> Movie {
        Movie { format, frames, rate: self.fps.unwrap_or(RATE), hold: 0.0 }
    }
}

impl Flags {
    /// Refuses the flags of a picture that moves where none does.
    pub(super) fn check(&self, moving: bool, way_out: &str) -> Result<(), Failure> {
        let given = [("--frames", self.frames.is_some()), ("--fps", self.rate.is_given())];
        if let Some((flag, _)) = given.iter().find(|(_, given)| *given && !moving) {
            return Err(Failure::usage(format!("{flag} is for a picture that moves; {way_out}")));
        }
        match self.frames {
            Some(frames) if !(2..=MOST).contains(&frames) => {
                Err(Failure::usage(format!("--frames: {frames} are not between 2 and {MOST}")))
            }
            _ => Ok(()),
        }
    }

    /// The frames of so many steps.
    fn count(&self, steps: u64) -> usize {
        self.frames.unwrap_or((steps + 1).clamp(2, USUAL) as usize)
    }

    /// As many frames as were asked for, or as the steps need.
    pub(super) fn movie(&self, steps: u64, format: Format) -> Movie {
        Movie { hold: HOLD, ..self.rate.movie(self.count(steps), format) }
    }

    /// Steps between two frames, where no step between them is kept.
    ///
    /// # Errors
    /// Where the particles of all frames do not fit into memory.
    pub(super) fn stride(&self, steps: u64, particles: usize) -> Result<u64, Failure> {
        let frames = self.count(steps);
        field::check_size(particles as f64 * frames as f64, 3, Precision::F32).map_err(|error| match error {
            field::FieldError::Memory { need, have, .. } => Failure::Run(format!(
                "--frames: {frames} frames of {particles} particles take {need}, more than the {have} of memory here; \
                 take fewer of either"
            )),
            other => other.into(),
        })?;
        Ok(steps.div_ceil(frames as u64 - 1).max(1))
    }
}

impl Movie {
    /// Writes the frames; `draw` gets the share of the way that is behind, 0 to 1.
    pub(super) fn write(
        self,
        out: &mut Output,
        (width, height): (u32, u32),
        texts: &[(&str, String)],
        quiet: bool,
        mut draw: impl FnMut(f64) -> Result<Bitmap, Failure>,
    ) -> Result<(), Failure> {
        let bar = super::progress::bar(self.frames as u64, "frames", quiet);
        let frame = |k: usize| {
            check_interrupt()?;
            bar.set_position(k as u64);
            Ok(draw(k as f64 / self.frames.saturating_sub(1).max(1) as f64)?.rgba)
        };
        let (width, height) = (width as usize, height as usize);
        let reel = Reel { width, height, frames: self.frames, rate: self.rate, hold: self.hold, texts };
        let written =
            if self.format == Format::Gif { write_gif(out, reel, frame) } else { write_apng(out, reel, frame) };
        bar.finish_and_clear();
        written
    }
}

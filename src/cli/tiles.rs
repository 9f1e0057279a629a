//! `plot --tiles`: a picture of any size as a pyramid of tiles in the Deep Zoom format, and a page that shows it.
//!
//! Level 0 is one pixel, each level has twice the sides of the one below (rounded up), the last is the whole picture.
//! Each is evaluated from the function at its own pixels, never shrunk from another. Tiles share [`OVERLAP`] pixels with
//! their neighbours. Written are `image.dzi` (what viewers read), `image_files/LEVEL/COLUMN_ROW.png`, and `index.html`,
//! which needs no server and no network.

use super::Failure;
use super::bare::{Ink, Samples, engine, pixels, prepare, record};
use super::colours::as_f32;
use super::plot::Arguments;
use gradfield::Expression;
use gradfield::files::{FileError, Folder, PngHead, write_png};
use indicatif::ProgressBar;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pixels of a tile's side, without what it shares.
const TILE: usize = 254;
/// Pixels that a tile has of each neighbour, so that smoothing viewers show no seam.
const OVERLAP: usize = 1;
/// Tiles that are evaluated at once, side by side: what is held in memory.
const TILES: usize = 64;

pub(super) fn run(arguments: &Arguments, expression: &Expression, folder: &Path) -> Result<(), Failure> {
    let pyramid = Pyramid { size: pixels(arguments)? };
    let folder = Folder::create(folder)?;
    let engine = engine(arguments, expression, 4.0 / 3.0 * (pyramid.size.0 * pyramid.size.1) as f64)?;
    let (mut samples, ink) = prepare(arguments, expression, engine.as_ref())?;
    let bar = super::progress::bar(pyramid.tiles(), "tiles", arguments.function.quiet);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.compute.threads.map_or(cores, usize::from);
    for level in 0..=pyramid.top() {
        folder.folder(&Path::new("image_files").join(level.to_string()))?;
        let level = Level { number: level, size: pyramid.level(level), ink: &ink, folder: &folder, bar: &bar };
        level.write(&mut samples, threads)?;
    }
    let texts = record(expression, engine.as_ref(), arguments, &samples).texts();
    folder.write(Path::new("image.dzi"), pyramid.description().as_bytes())?;
    folder.write(Path::new("index.html"), page(arguments, expression, &pyramid, &samples, &ink, &texts).as_bytes())?;
    bar.finish_and_clear();
    Ok(folder.finish()?)
}

/// The levels of a picture.
struct Pyramid {
    /// Of the whole: width and height.
    size: (usize, usize),
}

impl Pyramid {
    /// The number of the largest level.
    fn top(&self) -> u32 {
        self.size.0.max(self.size.1).next_power_of_two().trailing_zeros()
    }

    /// Width and height of a level.
    fn level(&self, number: u32) -> (usize, usize) {
        let shrink = |side: usize| side.div_ceil(1 << (self.top() - number));
        (shrink(self.size.0), shrink(self.size.1))
    }

    /// Tiles of all levels.
    fn tiles(&self) -> u64 {
        let of = |(width, height): (usize, usize)| width.div_ceil(TILE) as u64 * height.div_ceil(TILE) as u64;
        (0..=self.top()).map(|number| of(self.level(number))).sum()
    }

    /// The file by which viewers know the pyramid.
    fn description(&self) -> String {
        let (width, height) = self.size;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" \
             Format=\"png\" Overlap=\"{OVERLAP}\" TileSize=\"{TILE}\">\n  <Size Width=\"{width}\" \
             Height=\"{height}\"/>\n</Image>\n"
        )
    }
}

/// A level being written.
struct Level<'a> {
    number: u32,
    size: (usize, usize),
    ink: &'a Ink,
    folder: &'a Folder,
    bar: &'a ProgressBar,
}

impl Level<'_> {
    /// Writes its tiles, row by row.
    fn write(&self, samples: &mut Samples, threads: usize) -> Result<(), Failure> {
        let (columns, rows) = (self.size.0.div_ceil(TILE), self.size.1.div_ceil(TILE));
        for row in 0..rows {
            for first in (0..columns).step_by(TILES) {
                let which = first..columns.min(first + TILES);
                let (left, right) = (span(which.start, self.size.0).start, span(which.end - 1, self.size.0).end);
                let values = as_f32(samples.values(self.size, left..right, span(row, self.size.1))?);
                let block = Block { values: &values, columns: left..right };
                self.write_block(&block, which, row, threads)?;
            }
        }
        Ok(())
    }

    /// Writes these tiles of a row, on so many threads.
    fn write_block(&self, block: &Block, which: Range<usize>, row: usize, threads: usize) -> Result<(), FileError> {
        let next = AtomicUsize::new(which.start);
        let work = || {
            loop {
                let column = next.fetch_add(1, Ordering::Relaxed);
                if column >= which.end {
                    return Ok(());
                }
                self.write_tile(block, column, row)?;
            }
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.min(which.len())).map(|_| scope.spawn(work)).collect();
            let mine = work();
            let theirs =
                others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            theirs.fold(mine, Result::and)
        })
    }

    fn write_tile(&self, block: &Block, column: usize, row: usize) -> Result<(), FileError> {
        let (across, down) = (span(column, self.size.0), span(row, self.size.1));
        let head = PngHead { width: across.len(), height: down.len(), channels: self.ink.channels(), texts: &[] };
        let mut file = Vec::new();
        write_png(&mut file, head, |rows| {
            rows.threads(1);
            rows.paint(head.height, |first, pixels| {
                for (k, pixels) in pixels.chunks_exact_mut(head.width * head.channels.bytes()).enumerate() {
                    self.ink.paint(block.row(first + k, &across), pixels);
                }
            })
        })?;
        let name = PathBuf::from(format!("image_files/{}/{column}_{row}.png", self.number));
        self.folder.write(&name, &file)?;
        self.bar.inc(1);
        Ok(())
    }
}

/// The pixels of a tile along one side of a level, what it shares included.
fn span(tile: usize, side: usize) -> Range<usize> {
    (tile * TILE).saturating_sub(OVERLAP)..side.min((tile + 1) * TILE + OVERLAP)
}

/// The values of tiles side by side.
struct Block<'a> {
    values: &'a [f32],
    /// Of the level.
    columns: Range<usize>,
}

impl Block<'_> {
    /// Some columns of one of its rows.
    fn row(&self, row: usize, columns: &Range<usize>) -> &[f32] {
        &self.values[row * self.columns.len() + columns.start - self.columns.start..][..columns.len()]
    }
}

/// The page that shows the pyramid. What it has to know stands in it as JSON: beside a page that is opened from a file, a
/// browser lets nothing be read.
fn page(
    arguments: &Arguments,
    expression: &Expression,
    pyramid: &Pyramid,
    samples: &Samples,
    ink: &Ink,
    texts: &[(&'static str, String)],
) -> String {
    let map = ink.colouring.map();
    let colours = (0..=32).map(|k| map.at(f64::from(k) / 32.0)).map(|[r, g, b, _]| format!("rgb({r} {g} {b})"));
    let facts = serde_json::json!({
        "size": [pyramid.size.0, pyramid.size.1], "tile": TILE, "overlap": OVERLAP, "top": pyramid.top(),
        "names": expression.variables(), "ranges": samples.ranges, "title": expression.text(), "show": arguments.show,
        "colours": colours.collect::<Vec<_>>(), "limits": ink.colouring.range(), "scale": arguments.scale, "made": texts,
    });
    // `<` begins no tag within JSON, but the end of a script.
    let facts = facts.to_string().replace('<', "\\u003c");
    include_str!("tiles.html").replace("/*FACTS*/", &facts)
}

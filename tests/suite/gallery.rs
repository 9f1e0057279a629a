//! docs/gallery: every picture is made by its command, on the CPU and on the GPU, and looks like the one shown. What the page
//! says has no GPU engine refuses one.
//!
//! Compared are means over squares of a few pixels, as an eye at some distance sees them: a line that is moved by rounding
//! is the same, one that is missing is not. `GRADFIELD_BLESS=1` writes what the CPU makes to `docs/gallery`.

use crate::engines::{ENGINES, program};
use crate::readme::{Block, blocks, commands, shipped, words};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const PAGE: &str = include_str!("../../docs/gallery/README.md");
/// Pixels of a square's side.
const SQUARE: usize = 5;
/// Squares whose means are further apart than this, of 255, differ.
const APART: f64 = 16.0;
/// The share of the squares that may differ.
const SHARE: f64 = 0.02;

/// The line before a block whose command has no GPU engine; the command then refuses one.
const CPU_ONLY: &str = "*On the CPU.*";

pub(crate) fn tests() -> Vec<Trial> {
    let gpu = ENGINES.iter().any(|engine| engine.name == "gpu" && engine.runs());
    let mut trials = Vec::new();
    for block in scenes() {
        let name = block.names.last().cloned().unwrap_or_default();
        let block = Arc::new(block);
        let one = |device: &'static str| {
            let block = Arc::clone(&block);
            Trial::test(format!("gallery::{device}::{name}"), move || block.made(device).map_err(Failed::from))
        };
        trials.push(one("cpu"));
        if block.cpu_only {
            let block = Arc::clone(&block);
            trials
                .push(Trial::test(format!("gallery::refused::{name}"), move || block.refused().map_err(Failed::from)));
        } else {
            trials.push(one("gpu").with_ignored_flag(!gpu));
        }
    }
    trials.push(Trial::test("gallery: every picture is shown and made", shown));
    trials.push(Trial::test("gallery: other pictures are seen to differ", differ));
    trials
}

/// A block of the page: commands that make pictures, the last of them from what those before it made.
struct Scene {
    steps: Vec<(String, String)>,
    /// The pictures, in order.
    names: Vec<String>,
    cpu_only: bool,
}

/// All blocks of the page.
fn scenes() -> Vec<Scene> {
    let lines: Vec<&str> = PAGE.lines().collect();
    let scene = |block: Block| {
        let steps: Vec<(String, String)> = block.steps.into_iter().map(|step| (step.command, step.output)).collect();
        let named = |command: &String| words(command).last().filter(|name| name.ends_with(".png")).cloned();
        let names = steps.iter().filter_map(|(command, _)| named(command)).collect();
        // The block's first command has a fence and an empty line before it.
        let cpu_only = block.line >= 4 && lines[block.line - 4] == CPU_ONLY;
        Scene { steps, names, cpu_only }
    };
    blocks(PAGE).into_iter().map(scene).collect()
}

fn gallery() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gallery")
}

impl Scene {
    /// Runs the commands in a folder, on a device; what they say, if one fails.
    fn run(&self, folder: &Path, device: &str) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        for (command, output) in &self.steps {
            let words = words(command);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["cat", name] => fs::write(folder.join(name), output).map_err(|error| told(&error))?,
                ["gradfield", arguments @ ..] => {
                    shipped(arguments, folder).map_err(|_| "a file of data/".to_string())?;
                    let mut command = Command::new(program());
                    let run = command.args(arguments).args(["--device", device]).current_dir(folder).output();
                    let run = run.map_err(|error| told(&error))?;
                    if !run.status.success() {
                        return Err(format!("{words:?}: {}", String::from_utf8_lossy(&run.stderr)));
                    }
                }
                _ => return Err(format!("the test does not know this command: {command}")),
            }
        }
        Ok(())
    }

    /// Makes the pictures and compares them with those that are shown.
    fn made(&self, device: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        self.run(folder.path(), device)?;
        for name in &self.names {
            let file = folder.path().join(name);
            if device == "cpu" && std::env::var_os("GRADFIELD_BLESS").is_some_and(|value| value == "1") {
                fs::copy(&file, gallery().join(name)).map_err(|error| error.to_string())?;
            }
            let share = difference(&Picture::read(&file)?, &Picture::read(&gallery().join(name))?);
            if share > SHARE {
                return Err(format!("{name}: {:.2} % of the squares differ", 100.0 * share));
            }
        }
        Ok(())
    }

    /// What the page says has no GPU engine refuses one, in so many words.
    fn refused(&self) -> Result<(), String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        match self.run(folder.path(), "gpu") {
            Err(why) if why.contains("run on the CPU") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

/// Red, green and blue.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(file: &Path) -> Result<Picture, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let bytes = fs::read(file).map_err(|error| told(&error))?;
        let mut decoder = png::Decoder::new(Cursor::new(&bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().map_err(|error| told(&error))?;
        let mut data = vec![0; reader.output_buffer_size().ok_or("a size")?];
        reader.next_frame(&mut data).map_err(|error| told(&error))?;
        let step = reader.output_color_type().0.samples();
        let [green, blue] = if step < 3 { [0, 0] } else { [1, 2] };
        let pixels = data.chunks_exact(step).map(|pixel| [pixel[0], pixel[green], pixel[blue]]);
        Ok(Picture { width: reader.info().width as usize, pixels: pixels.collect() })
    }

    /// The mean colours of its squares, row by row; the rest at the right and below is left out.
    fn squares(&self) -> Vec<[f64; 3]> {
        let (across, down) = (self.width / SQUARE, self.pixels.len() / self.width / SQUARE);
        let mut sums = vec![[0.0; 3]; across * down];
        for (place, pixel) in self.pixels.iter().enumerate() {
            let (column, row) = (place % self.width / SQUARE, place / self.width / SQUARE);
            if column < across && row < down {
                let sum = &mut sums[row * across + column];
                sum.iter_mut().zip(pixel).for_each(|(sum, part)| *sum += f64::from(*part) / (SQUARE * SQUARE) as f64);
            }
        }
        sums
    }
}

/// The share of the squares that differ.
fn difference(a: &Picture, b: &Picture) -> f64 {
    if a.width != b.width || a.pixels.len() != b.pixels.len() {
        return 1.0;
    }
    let (a, b) = (a.squares(), b.squares());
    let apart = |(a, b): &(&[f64; 3], &[f64; 3])| a.iter().zip(*b).any(|(a, b)| (a - b).abs() > APART);
    a.iter().zip(&b).filter(apart).count() as f64 / a.len() as f64
}

fn shown() -> Result<(), Failed> {
    let made: Vec<String> = scenes().into_iter().flat_map(|scene| scene.names).collect();
    let shown: Vec<&str> =
        PAGE.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(name, _)| name).collect();
    let mut files: Vec<String> = Vec::new();
    for entry in fs::read_dir(gallery())? {
        files.push(entry?.file_name().to_string_lossy().into_owned());
    }
    files.retain(|name| name.ends_with(".png"));
    files.sort();
    let mut sorted = made.clone();
    sorted.sort();
    if made == shown && files == sorted { Ok(()) } else { Err(format!("{made:?}\n{shown:?}\n{files:?}").into()) }
}

/// Another map, a line less, a picture moved by some pixels and one of another size are told from the picture shown.
fn differ() -> Result<(), Failed> {
    let contour = commands(PAGE).find(|command| command.ends_with("contour.png")).ok_or("a command")?;
    let folder = tempfile::tempdir()?;
    let changes = [("--scale log", "--scale log --map magma"), ("--levels 10", "--levels 5"), ("420x360", "420x361")];
    for (from, to) in changes {
        let changed = words(&contour.replace(from, to));
        let run = Command::new(program()).args(&changed[1..]).current_dir(folder.path()).output()?;
        let file = folder.path().join("contour.png");
        let share = difference(&Picture::read(&file)?, &Picture::read(&gallery().join("contour.png"))?);
        if !run.status.success() || share <= SHARE {
            return Err(format!("{to}: {share}").into());
        }
    }
    let picture = Picture::read(&gallery().join("contour.png"))?;
    let pixels = picture.pixels[4..].iter().chain(&picture.pixels[..4]).copied().collect();
    let share = difference(&picture, &Picture { width: picture.width, pixels });
    if share > SHARE { Ok(()) } else { Err(format!("moved: {share}").into()) }
}

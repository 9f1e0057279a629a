//! Pictures that move: the files are decoded again by the libraries of the formats, and put together frame by frame.

use super::run::output;
use super::tiles::picture;
use super::{Check, Test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 5] = [
        ("a descent ends as its picture", descent),
        ("one variable, and very many particles", others),
        ("a sweep begins and ends as the pictures of its values", sweep),
        ("a sweep holds colours and axes", held),
        ("a GIF has the frames and nearly the colours of the APNG", gif),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("cli: movie: {name}"), test)).collect()
}

/// A file that was decoded: RGB of each whole frame, and its time in hundredths of a second.
struct Movie {
    width: usize,
    frames: Vec<Vec<u8>>,
    delays: Vec<u16>,
}

/// A rectangle of pixels of `width` in a frame laid over the one before.
fn lay(
    movie: &mut Movie,
    size: usize,
    (left, top): (usize, usize),
    width: usize,
    pixels: impl Iterator<Item = [u8; 4]>,
) {
    let mut frame = movie.frames.last().cloned().unwrap_or_else(|| vec![0; size]);
    for (k, [r, g, b, a]) in pixels.enumerate() {
        let at = 3 * ((top + k / width) * movie.width + left + k % width);
        if a > 0 {
            frame[at..at + 3].copy_from_slice(&[r, g, b]);
        }
    }
    movie.frames.push(frame);
}

fn apng(path: &Path) -> Result<Movie, Failed> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(fs::read(path)?)).read_info()?;
    let control = *reader.info().animation_control().ok_or("no animation")?;
    assert_eq!(control.num_plays, 0, "it plays for ever");
    let (width, height) = reader.info().size();
    let mut movie = Movie { width: width as usize, frames: Vec::new(), delays: Vec::new() };
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("a size")?];
    for _ in 0..control.num_frames {
        reader.next_frame(&mut pixels)?;
        let frame = *reader.info().frame_control().ok_or("a frame")?;
        assert_eq!(frame.delay_den, 100);
        movie.delays.push(frame.delay_num);
        let count = frame.width as usize * frame.height as usize;
        assert_eq!(frame.blend_op, png::BlendOp::Over);
        let rgba = pixels[..4 * count].chunks(4).map(|p| [p[0], p[1], p[2], p[3]]);
        let place = (frame.x_offset as usize, frame.y_offset as usize);
        lay(&mut movie, 3 * (width * height) as usize, place, frame.width as usize, rgba);
    }
    Ok(movie)
}

fn decoded_gif(path: &Path) -> Result<Movie, Failed> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut reader = options.read_info(std::io::Cursor::new(fs::read(path)?))?;
    let (width, height) = (usize::from(reader.width()), usize::from(reader.height()));
    let mut movie = Movie { width, frames: Vec::new(), delays: Vec::new() };
    while let Some(frame) = reader.read_next_frame()? {
        movie.delays.push(frame.delay);
        let pixels = frame.buffer.chunks(4).map(|p| [p[0], p[1], p[2], p[3]]);
        let place = (usize::from(frame.left), usize::from(frame.top));
        lay(&mut movie, 3 * width * height, place, usize::from(frame.width), pixels);
    }
    assert_eq!(reader.repeat(), gif::Repeat::Infinite);
    Ok(movie)
}

/// RGB of a PNG.
fn still(path: &Path) -> Result<Vec<u8>, Failed> {
    let (width, height, pixels) = picture(path)?;
    let channels = pixels.len() / (width * height);
    Ok(pixels.chunks(channels).flat_map(|pixel| pixel[..3].to_vec()).collect())
}

/// Pixels that differ.
fn differ(a: &[u8], b: &[u8]) -> usize {
    assert_eq!(a.len(), b.len());
    a.chunks(3).zip(b.chunks(3)).filter(|(a, b)| a != b).count()
}

const HILLS: &str = "descend (x^2+y-11)^2+(x+y^2-7)^2 --from x=-4,y=-4 --from x=0,y=0 --from x=4,y=1 --lr 0.01 --steps 12 \
                     --range=-6:6 --size 300x250 --quiet";

fn descent() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    output(at, &format!("{HILLS} -o run.apng --frames 7 --fps 10"))?;
    output(at, &format!("{HILLS} -o run.png"))?;
    let movie = apng(&at.join("run.apng"))?;
    assert_eq!(movie.delays, [10, 10, 10, 10, 10, 10, 150]);
    assert_eq!(differ(&movie.frames[6], &still(&at.join("run.png"))?), 0);
    let moved: Vec<usize> = movie.frames.windows(2).map(|pair| differ(&pair[0], &pair[1])).collect();
    assert!(moved.iter().all(|count| (1..5000).contains(count)), "pixels that change: {moved:?}");
    // Frame k shows step 2k: what a picture of so many steps shows, but for where the legend is.
    output(at, &format!("{} -o half.png", HILLS.replace("--steps 12", "--steps 6")))?;
    assert!(differ(&movie.frames[3], &still(&at.join("half.png"))?) < 20);
    assert!(differ(&movie.frames[0], &movie.frames[3]) > 100);
    // Without --frames: one a step.
    output(at, &format!("{HILLS} -o steps.apng"))?;
    let movie = apng(&at.join("steps.apng"))?;
    assert_eq!((movie.frames.len(), movie.delays[0]), (13, 5));
    Ok(())
}

fn others() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    for line in [
        "descend x^2+5x+6 --from -8 --lr 0.1 --steps 15 --size 300 --quiet",
        "descend sin(x)+cos(y) --starts 3000 --steps 40 --range=-6:6 --size 300 --quiet",
    ] {
        output(at, &format!("{line} -o run.gif --frames 9"))?;
        output(at, &format!("{line} -o run.apng --frames 9"))?;
        output(at, &format!("{line} -o run.png"))?;
        let movie = apng(&at.join("run.apng"))?;
        assert_eq!((movie.frames.len(), decoded_gif(&at.join("run.gif"))?.frames.len()), (9, 9), "{line}");
        assert_eq!(differ(&movie.frames[8], &still(&at.join("run.png"))?), 0, "{line}");
        assert!(differ(&movie.frames[0], &movie.frames[8]) > 100, "{line}");
    }
    Ok(())
}

fn sweep() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    for layers in ["heat,arrows", "bands,contour", "surface,contour,arrows --zlim=-4:4"] {
        let line = format!("plot sin(a*x)*y --layers {layers} --clim=-3:3 --map blue-red --size 300x250 --quiet");
        output(at, &format!("{line} --set a=-1:1.5:6frames --title t -o a.apng"))?;
        let movie = apng(&at.join("a.apng"))?;
        assert_eq!(movie.delays, [5; 6]);
        for (k, value, title) in [(0, "-1", "t,  a = −1.00"), (5, "1.5", "t,  a = 1.50"), (2, "0", "t,  a = 0.00")] {
            output(at, &format!("{line} --set a={value} --title '{title}' -o a.png"))?;
            assert_eq!(differ(&movie.frames[k], &still(&at.join("a.png"))?), 0, "{layers}: frame {k}");
        }
        assert!(differ(&movie.frames[0], &movie.frames[5]) > 1000, "{layers}");
    }
    Ok(())
}

fn held() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    output(at, "plot a*(x^2+y^2) --set a=1:5:4frames --layers heat --size 300x250 --quiet -o a.apng --title t")?;
    let movie = apng(&at.join("a.apng"))?;
    // The colour bar with its numbers, right of the plot and below the title.
    let bar = |frame: &[u8]| -> Vec<u8> {
        frame.chunks(3 * movie.width).skip(40).flat_map(|row| row[3 * 240..].to_vec()).collect()
    };
    assert!(bar(&movie.frames[0]).chunks(3).any(|pixel| pixel != [255; 3]));
    assert!(movie.frames.iter().all(|frame| bar(frame) == bar(&movie.frames[0])));
    // The range is that of the last frame: the first has the lower colours alone.
    assert!(differ(&movie.frames[0], &movie.frames[3]) > 10_000);
    output(at, "plot a*x^2 --set a=1:5:4frames --layers curve,derivative --size 300x250 --quiet -o b.apng --title t")?;
    let movie = apng(&at.join("b.apng"))?;
    let axis = |frame: &[u8]| -> Vec<u8> {
        frame.chunks(3 * movie.width).skip(40).flat_map(|row| row[..3 * 40].to_vec()).collect()
    };
    assert!(axis(&movie.frames[0]).chunks(3).any(|pixel| pixel != [255; 3]));
    assert!(movie.frames.iter().all(|frame| axis(frame) == axis(&movie.frames[0])));
    Ok(())
}

fn gif() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    for line in [HILLS, "plot sin(a*x)*y --set a=1:2:8frames --fps 30 --size 300x250 --quiet"] {
        output(at, &format!("{line} -o a.apng"))?;
        output(at, &format!("{line} -o a.gif"))?;
        // Comments come in pieces; the first has the beginning of the command.
        let bytes = fs::read(at.join("a.gif"))?;
        let comment = String::from_utf8_lossy(&bytes).contains("Command: gradfield ");
        assert!(comment, "{line}: no command in the file");
        let (all, few) = (apng(&at.join("a.apng"))?, decoded_gif(&at.join("a.gif"))?);
        assert_eq!((all.frames.len(), &all.delays), (few.frames.len(), &few.delays), "{line}");
        for (k, (a, b)) in all.frames.iter().zip(&few.frames).enumerate() {
            let off: Vec<u8> = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).collect();
            let mean = off.iter().map(|d| f64::from(*d)).sum::<f64>() / off.len() as f64;
            let far = off.iter().filter(|d| **d > 24).count();
            assert!(mean < 2.5 && far * 200 < off.len(), "{line}: frame {k} is off by {mean}, {far} bytes by far");
        }
    }
    Ok(())
}

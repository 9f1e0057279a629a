//! `image`, `terrain` and `--samples` from the command line: files of each kind, and what is wrong with some.

use super::Check;
use super::run::{command, finish, listing};
use crate::agree::require;
use gradfield::files::{Channels, Column, PngHead, read_raster, write_npy, write_png};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Trial> {
    let mut trials: Vec<Trial> = WRONG
        .iter()
        .map(|(line, code, said)| Trial::test(format!("cli: refused: {line}"), move || refused(line, *code, said)))
        .collect();
    trials.push(Trial::test("cli: image reads back what a picture holds", reads_back));
    trials.push(Trial::test("cli: samples are functions of x and y", functions));
    trials.push(Trial::test("cli: cells without a height are counted", counted));
    trials
}

/// A line, its exit code, and words of its one error.
const WRONG: &[(&str, i32, &[&str])] = &[
    ("image none.png -o a.npz", 1, &["none.png"]),
    ("image text.png -o a.npz", 2, &["neither PNG nor JPEG nor TIFF nor .npy"]),
    ("image empty.png -o a.npz", 2, &["empty"]),
    ("image lying.png -o a.npz", 2, &["100000 x 100000", "cannot hold"]),
    ("image cut.png -o a.npz", 2, &["cut-off PNG"]),
    ("image cut.npy -o a.npz", 2, &["claims 20 numbers", "cut off"]),
    ("image lying.npy -o a.npz", 2, &["cannot hold"]),
    ("image four.npy -o a.npz", 2, &["1 to 3 axes"]),
    ("image cut.jpg -o a.npz", 2, &["JPEG"]),
    ("image cut.tif -o a.npz", 2, &["TIFF"]),
    ("image row.npy -o a.png", 2, &["two axes", "has 1"]),
    ("image row.npy --show edges -o a.npy", 2, &["two axes"]),
    ("image row.npy --show dy -o a.npy", 2, &["dy", "magnitude, dx"]),
    ("image row.npy --layers heat -o a.png", 2, &["even spacing"]),
    ("image grid.npy --kernel box -o a.npz", 2, &["central, sobel, scharr, prewitt, farid", "gaussian:SIGMA"]),
    ("image grid.npy --kernel gaussian:0 -o a.npz", 2, &["0.5 to 1000"]),
    ("image grid.npy --kernel gaussian -o a.npz", 2, &["gaussian:1.5"]),
    ("image grid.npy --boundary mirror -o a.npz", 2, &["nearest, reflect, constant or wrap"]),
    ("image grid.npy --kernel sobel --edge-order 2 -o a.npz", 2, &["--edge-order"]),
    ("image grid.npy --edge-order 3 -o a.npz", 2, &["neither 1 nor 2"]),
    ("image grid.npy --spacing 0 -o a.npz", 2, &["axis 0", "not zero"]),
    ("image grid.npy --spacing 1,2,3 -o a.npz", 2, &["3 parts for 2 axes"]),
    ("image grid.npy --spacing row.npy,1 -o a.npz", 2, &["for 5 samples"]),
    ("image grid.npy --low 1 -o a.npz", 2, &["--show edges"]),
    ("image grid.npy --show edges --low 3 --high 2 -o a.npy", 2, &["3 and 2"]),
    ("image grid.npy --channel g -o a.npz", 2, &["no channel `g`"]),
    ("image grid.npy --channel pink -o a.npz", 2, &["luminance, r, g, b, a and each"]),
    ("image grid.npy --device toaster -o a.npz", 2, &["not a device"]),
    ("image grid.npy --device gpu --layers heat -o a.png", 2, &["--device cpu"]),
    ("image grid.npy -o a.txt", 2, &["npz"]),
    ("image pair.npy --edge-order 2 -o a.npz", 2, &["2 samples", "at least 3", "--edge-order 1"]),
    ("terrain row.npy -o a.png", 2, &["two axes"]),
    ("terrain holes.npy --nodata 3 --cell 0 -o a.png", 2, &["--cell"]),
    ("terrain nothing.npy --cell 1 -o a.png", 2, &["no cell has a height"]),
    ("terrain grid.npy --cell 1 --method steep -o a.png", 2, &["horn", "zevenbergen-thorne"]),
    ("terrain grid.npy --cell 1 --show beauty -o a.png", 2, &["slope, slope-percent, aspect"]),
    ("terrain grid.npy --cell 1 --layers heat -o a.npy", 2, &["-o FILE.png"]),
    ("plot h --samples grid.npy -o a.png", 2, &["--samples h=dem.npy"]),
    ("plot h --samples h=row.npy -o a.png", 2, &["two axes"]),
    ("plot h --samples h=grid.npy --device gpu -o a.png", 1, &["--device cpu"]),
];

fn given(folder: &Path) -> Check {
    let array = |name: &str, shape: &[usize], values: &[f64]| -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, shape, values)?;
        fs::write(folder.join(name), &bytes)?;
        Ok(bytes)
    };
    let numbers: Vec<f64> = (0..20).map(|k| f64::from(k % 7)).collect();
    let grid = array("grid.npy", &[4, 5], &numbers)?;
    fs::write(folder.join("cut.npy"), &grid[..grid.len() - 9])?;
    let text = String::from_utf8_lossy(&grid[10..128]).replace("4, 5", "400000, 500000");
    fs::write(folder.join("lying.npy"), [&grid[..10], &text.as_bytes()[..118], &grid[128..]].concat())?;
    array("row.npy", &[7], &numbers[..7])?;
    array("pair.npy", &[2, 3], &numbers[..6])?;
    array("four.npy", &[1, 2, 2, 5], &numbers)?;
    array("holes.npy", &[4, 5], &[&[f64::NAN], &numbers[1..]].concat())?;
    array("nothing.npy", &[2, 2], &[f64::NAN; 4])?;
    let mut png = Vec::new();
    let head = PngHead { width: 9, height: 7, channels: Channels::Rgb, texts: &[] };
    let pixels: Vec<u8> = (0..9 * 7 * 3).map(|k| (k * 37 % 256) as u8).collect();
    write_png(&mut png, head, |rows| rows.push(&pixels))?;
    fs::write(folder.join("good.png"), &png)?;
    fs::write(folder.join("cut.png"), &png[..png.len() - 40])?;
    // The sides in the header, and its check sum.
    let mut lying = png.clone();
    lying[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    let sum = checksum(&lying[12..29]);
    lying[29..33].copy_from_slice(&sum.to_be_bytes());
    fs::write(folder.join("lying.png"), &lying)?;
    fs::write(folder.join("text.png"), "no picture")?;
    fs::write(folder.join("empty.png"), "")?;
    fs::write(folder.join("cut.jpg"), [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, b'J', b'F'])?;
    fs::write(folder.join("cut.tif"), [b'I', b'I', 42, 0, 8, 0, 0, 0, 200])?;
    Ok(())
}

/// CRC-32 as PNG has it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

fn refused(line: &str, code: i32, said: &[&str]) -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let before = listing(folder.path())?;
    let run = finish(command(folder.path(), line).spawn()?)?;
    let error: Vec<&str> = run.err.lines().filter(|line| line.starts_with("gradfield: ")).collect();
    let right = run.code == Some(code) && run.out.is_empty() && error.len() == 1;
    require(right && said.iter().all(|words| run.err.contains(words)), || format!("{:?}: {}", run.code, run.err))?;
    require(before == listing(folder.path())?, || "the folder is not as before".to_owned())
}

fn ran(folder: &Path, line: &str) -> Result<String, Failed> {
    let run = finish(command(folder, line).spawn()?)?;
    require(run.code == Some(0), || format!("{line}: {:?}: {}", run.code, run.err))?;
    Ok(run.err)
}

/// The green channel of a picture, differentiated; a picture of the result has a pixel for each of its own.
fn reads_back() -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    ran(folder.path(), "image good.png --channel g --show dx -o dx.npy")?;
    let found = read_raster(&folder.path().join("dx.npy"))?;
    require(found.shape == [7, 9], || format!("{:?}", found.shape))?;
    let green = |k: usize| ((3 * k + 1) * 37 % 256) as f64;
    for (place, left, right) in [(10, 9, 11), (40, 39, 41)] {
        let expected = (green(right) - green(left)) / 2.0;
        require(found.channels[0].get(place) == expected, || format!("{place}: {expected}"))?;
    }
    ran(folder.path(), "image good.png --kernel scharr -o length.png")?;
    let picture = read_raster(&folder.path().join("length.png"))?;
    require(picture.shape == [7, 9] && picture.names == ["r", "g", "b"], || format!("{picture:?}"))?;
    ran(folder.path(), "image good.png --channel each -o all.npz")?;
    ran(
        folder.path(),
        "image good.png --layers heat,contour,arrows,streamlines,lic,hillshade,critical -o layers.png --size 300",
    )?;
    // The colours that are usual are no flag, which a layer without colours would refuse.
    for layer in ["contour", "hillshade", "arrows", "lic", "streamlines", "surface", "bands", "nullclines"] {
        ran(folder.path(), &format!("image good.png --layers {layer} -o layer.png --size 200"))?;
        ran(folder.path(), &format!("terrain good.png --cell 1 --layers {layer} -o layer.png --size 200"))?;
    }
    Ok(())
}

/// A sampled plane is the plane, in formulas too, and descents run down it.
fn functions() -> Check {
    let folder = tempfile::tempdir()?;
    let plane: Vec<f64> = (0..30).map(|k| f64::from(k % 6) * 2.0 + f64::from(4 - k / 6) * 3.0).collect();
    let mut bytes = Vec::new();
    write_npy(&mut bytes, &[5, 6], Column::F64(&plane))?;
    fs::write(folder.path().join("plane.npy"), bytes)?;
    let run = finish(command(folder.path(), "eval h^2 --samples h=plane.npy --at x=1.5,y=2.25 --format csv").spawn()?)?;
    let text = String::from_utf8(run.out)?;
    let row: Vec<f64> = text.lines().nth(1).unwrap_or_default().split(',').filter_map(|v| v.parse().ok()).collect();
    let expected = [1.5, 2.25, 95.0625, 39.0, 58.5];
    let near = row.len() == 5 && row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
    require(near, || format!("{text}{}", run.err))?;
    ran(folder.path(), "descend h --samples h=plane.npy --from x=3,y=3 --lr 0.01 --steps 20 -o path.csv")?;
    ran(
        folder.path(),
        "minimize h+(x-2)^2+(y-2)^2 --samples h=plane.npy --range x=0:5,y=0:4 --starts 20 --format json",
    )?;
    Ok(())
}

fn counted() -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let said = ran(folder.path(), "terrain holes.npy --cell 10 --nodata 3 --show slope -o slope.npy")?;
    require(said.contains("4 of 20 cells have no height (3 by nodata)"), || said.clone())?;
    let said = ran(folder.path(), "image holes.npy -o slopes.npz")?;
    require(said.contains("1 of 20 samples are not finite"), || said)
}

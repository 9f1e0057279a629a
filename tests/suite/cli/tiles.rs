//! `plot --tiles`: the pyramid holds exactly the pictures that `plot --bare` makes of each level's size.

use super::run::{command, finish, listing, output};
use super::{Check, Test};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 3] = [
        ("each level is the picture of its size", levels),
        ("a page that needs nothing else", page),
        ("what stands there stays", refused),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("cli: tiles: {name}"), test)).collect()
}

/// The format's own numbers: pixels of a tile, and of each neighbour that it has too.
const TILE: usize = 254;
const OVERLAP: usize = 1;

/// Width, height and pixels of a PNG, as RGB.
pub(super) fn picture(path: &Path) -> Result<(usize, usize, Vec<u8>), Failed> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(fs::read(path)?));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("a size")?];
    let info = reader.next_frame(&mut pixels)?;
    Ok((info.width as usize, info.height as usize, pixels))
}

fn levels() -> Check {
    for (line, width, height, more) in [
        ("plot sin(3x)*exp(-y^2)+x*y --range x=-3:2", 700, 301, ""),
        ("plot ln(x)y --scale symlog --map magma_r", 509, 3, "--rgb"),
        ("plot x^2+y^2 --precision f64 --threads 3", 255, 256, ""),
    ] {
        let folder = tempfile::tempdir()?;
        output(folder.path(), &format!("{line} --tiles t --size {width}x{height} --quiet {more}"))?;
        let top = usize::max(width, height).next_power_of_two().trailing_zeros();
        let mut files = 2;
        for level in 0..=top {
            let (w, h) = (width.div_ceil(1 << (top - level)), height.div_ceil(1 << (top - level)));
            output(folder.path(), &format!("{line} --bare -o whole.png --size {w}x{h} --quiet {more}"))?;
            let (_, _, whole) = picture(&folder.path().join("whole.png"))?;
            let mut seen = vec![false; w * h];
            for (row, column) in
                (0..h.div_ceil(TILE)).flat_map(|row| (0..w.div_ceil(TILE)).map(move |column| (row, column)))
            {
                let (tile_w, tile_h, tile) =
                    picture(&folder.path().join(format!("t/image_files/{level}/{column}_{row}.png")))?;
                files += 1;
                let (x, y) = (TILE * column - OVERLAP.min(column), TILE * row - OVERLAP.min(row));
                assert_eq!(
                    (x + tile_w, y + tile_h),
                    (w.min(TILE * (column + 1) + OVERLAP), h.min(TILE * (row + 1) + OVERLAP))
                );
                for k in 0..tile_h {
                    let place = (y + k) * w + x;
                    assert!(
                        tile[3 * k * tile_w..][..3 * tile_w] == whole[3 * place..][..3 * tile_w],
                        "{line}: {level} {column} {row}"
                    );
                    seen[place..place + tile_w].fill(true);
                }
            }
            assert!(seen.iter().all(|seen| *seen), "{line}: pixels of level {level} are missing");
        }
        assert_eq!(listing(&folder.path().join("t"))?.len(), files, "{line}: as many files as tiles, and two");
    }
    Ok(())
}

fn page() -> Check {
    let folder = tempfile::tempdir()?;
    output(folder.path(), "plot 'if(x<0, x, 2y)' --tiles t --size 600x500 --quiet")?;
    let dzi = fs::read_to_string(folder.path().join("t/image.dzi"))?;
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "xmlns=\"http://schemas.microsoft.com/deepzoom/2008\"",
        "Format=\"png\" Overlap=\"1\" TileSize=\"254\"",
        "<Size Width=\"600\" Height=\"500\"/>",
    ] {
        assert!(dzi.contains(part), "{part} is not in\n{dzi}");
    }
    let page = fs::read_to_string(folder.path().join("t/index.html"))?;
    let (_, script) = page.split_once("<script>").ok_or("a script")?;
    let (script, _) = script.split_once("</script>").ok_or("its end")?;
    assert!(script.lines().count() <= 150, "{} lines", script.lines().count());
    // Nothing is fetched: no address of the net, nothing that a page opened from a file may not do.
    assert!(!["http:", "https:", "fetch(", "XMLHttpRequest", "import "].iter().any(|word| page.contains(word)));
    let facts = script.lines().find_map(|line| line.strip_prefix("const facts = ")).ok_or("facts")?;
    let facts: serde_json::Value = serde_json::from_str(facts.trim_end_matches(';'))?;
    assert_eq!(facts["size"], serde_json::json!([600, 500]));
    assert_eq!(facts["title"], "if(x<0, x, 2y)");
    assert_eq!(facts["ranges"], serde_json::json!([[-3.0, 3.0], [-3.0, 3.0]]));
    let made = facts["made"].as_array().ok_or("texts")?;
    let command = made.iter().find(|text| text[0] == "Command").ok_or("a command")?;
    assert_eq!(command[1], "gradfield plot 'if(x<0, x, 2y)' --tiles t --size 600x500 --quiet");
    Ok(())
}

fn refused() -> Check {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("full"))?;
    fs::write(folder.path().join("full/a"), "old")?;
    fs::write(folder.path().join("file"), "old")?;
    let before = listing(folder.path())?;
    for (line, code, text) in [
        ("plot x+y --tiles full", 1, "the folder is not empty; name a new one, or empty it"),
        ("plot x+y --tiles file", 1, "it is a file; name a new folder"),
        ("plot x+y --tiles no/t", 1, "there is no folder no"),
        ("plot x --tiles t", 2, "--bare and --tiles need a function of two variables"),
        ("plot x+y --tiles t -o a.png", 2, "cannot be used with"),
        ("plot x+y --tiles t --size 1e9", 2, "is not a size"),
        ("plot x+y --tiles t --clim 3:1", 2, "the smaller comes first"),
        ("plot x+y --rgb -o a.png", 2, "--rgb is for --tiles and for --bare"),
    ] {
        let run = finish(command(folder.path(), line).spawn()?)?;
        assert!(run.code == Some(code) && run.err.contains(text), "{line}: {:?} {}", run.code, run.err);
        assert!(before == listing(folder.path())?, "{line}: the folder is not as before");
    }
    Ok(())
}

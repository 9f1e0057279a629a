//! `plot --from`: a picture carries the command that made it, and that command makes it again.

use super::run::{command, finish, listing, output};
use super::tiles::picture;
use super::{Check, Test};
use gradfield::files::{Channels, PngHead, read_png_texts, write_png};
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 4] = [
        ("the same pixels", again),
        ("flags beside it come first", overridden),
        ("what a picture tells", told),
        ("what is no picture of plot", refused),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("cli: from: {name}"), test)).collect()
}

fn text(path: &Path, keyword: &str) -> Result<String, Failed> {
    let found = read_png_texts(path)?.into_iter().find(|(key, _)| key == keyword);
    Ok(found.ok_or_else(|| format!("no text {keyword}"))?.1)
}

fn again() -> Check {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    for line in [
        "plot 'x^2 + y^2' --range=-2:2 --layers arrows --arrows 12x9 --size 300 --title 'It is round'",
        "plot -x^2-y^2 --bare --size 200x100 --range -1:1 --scale symlog",
        "plot 'a x^3 - 3x' --set a=0.5 --layers curve,derivative --no-grid --size 300x200",
        "plot 'width*height' --vars width,height --show 'dwidth - f' --map plasma_r --clim=-1:1 --size 300",
        "plot --size 90 --quiet --bare '-x y'",
        "plot 'sin(τ x)·y' --bare --rgb --size 64 --precision f64 --threads 2",
    ] {
        output(folder.path(), &format!("{line} -o a.png"))?;
        output(folder.path(), "plot --from a.png -o b.png")?;
        assert!(picture(&at("a.png"))? == picture(&at("b.png"))?, "{line}");
        // The new picture does not need the first one.
        fs::remove_file(at("a.png"))?;
        output(folder.path(), "plot -o c.png --from b.png")?;
        assert!(picture(&at("b.png"))? == picture(&at("c.png"))?, "{line}");
    }
    Ok(())
}

fn overridden() -> Check {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    output(
        folder.path(),
        "plot 'a x + b y' --set a=1 --set b=2 --range x=-1:1 --range y=0:1 --bare --size 60 -o a.png",
    )?;
    for (given, same) in [
        ("--size 40x30", "'a x + b y' --set a=1 --set b=2 --range x=-1:1 --range y=0:1 --bare --size 40x30"),
        ("--set a=3", "'3x + 2y' --range x=-1:1 --range y=0:1 --bare --size 60"),
        ("--range y=-5:5", "'x + 2y' --range x=-1:1 --range y=-5:5 --bare --size 60"),
        ("'a x - b y' --map grey", "'x - 2y' --map grey --range x=-1:1 --range y=0:1 --bare --size 60"),
    ] {
        output(folder.path(), &format!("plot --from a.png {given} -o b.png"))?;
        output(folder.path(), &format!("plot {same} -o c.png"))?;
        assert!(picture(&at("b.png"))? == picture(&at("c.png"))?, "{given}");
        assert!(picture(&at("a.png"))? != picture(&at("b.png"))?, "{given} changes nothing");
    }
    // A folder of tiles from a picture.
    output(folder.path(), "plot --from a.png --tiles t --size 300 --quiet")?;
    assert!(at("t/image_files/9/1_1.png").is_file());
    Ok(())
}

fn told() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path().join("a.png");
    output(folder.path(), "plot 'x^2 + y' --bare --range=-1:2 --size 30 --device cpu -o a.png")?;
    assert_eq!(text(&at, "Command")?, "gradfield plot 'x^2 + y' --bare --range=-1:2 --size 30 --device cpu -o a.png");
    assert_eq!(text(&at, "Ranges")?, "x=-1:2 y=-1:2");
    assert_eq!(text(&at, "Software")?, concat!("gradfield ", env!("CARGO_PKG_VERSION")));
    assert_eq!(text(&at, "Source")?, "CPU, f32");
    assert_eq!(text(&at, "Title")?, "x^2 + y");
    output(folder.path(), "descend x^2+5x+6 --starts 5 --seed 7 --quiet -o a.png")?;
    assert_eq!(text(&at, "Seed")?, "7");
    assert_eq!(text(&at, "Command")?, "gradfield descend 'x^2+5x+6' --starts 5 --seed 7 --quiet -o a.png");
    Ok(())
}

/// A PNG of one pixel that carries this command.
fn carrying(path: &Path, command: &str) -> Check {
    let mut file = Vec::new();
    let texts = [("Command", command.to_owned())];
    write_png(&mut file, PngHead { width: 1, height: 1, channels: Channels::Rgb, texts: &texts }, |rows| {
        rows.push(&[0; 3])
    })?;
    Ok(fs::write(path, file)?)
}

fn refused() -> Check {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    output(folder.path(), "descend x^2 --from 1 --steps 3 --quiet -o descent.png")?;
    for (name, command) in [
        ("shell.png", "gradfield plot x; touch evil"),
        ("other.png", "rm -r all"),
        ("open.png", "gradfield plot 'x"),
        ("future.png", "gradfield plot x --sparkle"),
        ("files.png", "gradfield plot x+y --size 20 --bare -o evil.png"),
        ("folder.png", "gradfield plot x+y --size 20 --tiles evil"),
        ("self.png", "gradfield plot --from self.png -o evil.png"),
        ("bell.png", "gradfield grad x\u{7}\u{1b}[2J"),
    ] {
        carrying(&at(name), command)?;
    }
    let plain = PngHead { width: 1, height: 1, channels: Channels::Rgb, texts: &[] };
    let mut file = Vec::new();
    write_png(&mut file, plain, |rows| rows.push(&[0; 3]))?;
    fs::write(at("plain.png"), file)?;
    fs::write(at("text.png"), "x,y\n1,2\n")?;
    let before = listing(folder.path())?;
    for (name, code, words) in [
        ("no.png", 1, "cannot read no.png"),
        ("text.png", 2, "text.png is no PNG"),
        ("plain.png", 2, "carries no command"),
        ("descent.png", 2, "another command made this picture; run that: gradfield descend"),
        ("shell.png", 2, "does not take its command"),
        ("other.png", 2, "its command is none of gradfield: rm -r all"),
        ("open.png", 2, "its command is none of gradfield"),
        ("future.png", 2, "does not take its command, gradfield plot x --sparkle"),
        ("bell.png", 2, "run that: gradfield grad x[2J"),
        ("self.png", 2, "<EXPR>"),
    ] {
        let run = finish(command(folder.path(), &format!("plot --from {name} -o out.png")).spawn()?)?;
        assert!(run.code == Some(code) && run.err.contains(words), "{name}: {:?} {}", run.code, run.err);
        assert!(!run.err.chars().any(|c| c.is_control() && c != '\n') && run.out.is_empty(), "{name}: {}", run.err);
        assert!(before == listing(folder.path())?, "{name}: the folder is not as before");
    }
    // Files that a picture names are not written.
    for name in ["files.png", "folder.png"] {
        output(folder.path(), &format!("plot --from {name} --bare -o out.png"))?;
        assert!(at("out.png").is_file() && !at("evil").exists() && !at("evil.png").exists(), "{name}");
    }
    Ok(())
}

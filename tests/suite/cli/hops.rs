//! Hops of `minimize` and `merge`: joined shares and runs that go on hop as one run does; how it is told.

use super::minimize::timeless;
use super::run::{output, run};
use super::{Check, trial};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::path::Path;

const RUN: &str =
    "minimize 60+sum(i,1,6,x[i]^2-10cos(2pi*x[i])) --vars x[6] --range=-5.12:5.12 --starts 90 --device cpu";

type Test = (&'static str, fn() -> Check);

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 3] = [
        ("joined shares are one run, on any threads", joined),
        ("what is told, and what is not done", told),
        ("rows of the ends stay right", ends),
    ];
    tests.into_iter().map(|(name, test)| trial(&format!("hops: {name}"), test)).collect()
}

fn joined() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    for flags in ["--threads 1", "--threads 3", "--checkpoint c --until-covered .9999", "--hops 9000 --seed 4"] {
        output(at, &format!("{RUN} -q {flags} -o one.json"))?;
        let one: Value = serde_json::from_str(&fs::read_to_string(at.join("one.json"))?)?;
        assert!(one["minima"][0]["f"] == 0.0 && one["minima"][0]["by_hops"] == true, "{flags}: {}", one["minima"][0]);
        if flags.contains("checkpoint") {
            continue;
        }
        let flags = if flags.contains("threads") { "" } else { flags };
        for k in 1..=3 {
            output(at, &format!("{RUN} -q {flags} --shard {k}/3 -o {k}.json"))?;
            let share: Value = serde_json::from_str(&fs::read_to_string(at.join(format!("{k}.json")))?)?;
            assert!(share["hopped"].is_null() && share["minima"][0]["by_hops"] == false, "{share}");
        }
        output(at, "merge 3.json 1.json 2.json -o all.json -q --threads 2")?;
        assert_eq!(timeless(&at.join("one.json"))?, timeless(&at.join("all.json"))?);
    }
    output(at, &format!("{RUN} -q --hops 7 --shard 2/3 -o 2.json"))?;
    let found = run(at, "merge 1.json 2.json 3.json")?;
    assert!(found.code == Some(2) && found.err.contains("`hops` is 9000 in the first"), "{}", found.err);
    Ok(())
}

/// What a line prints, and what it says.
fn text(at: &Path, line: &str) -> Result<(String, String), Failed> {
    let found = run(at, line)?;
    Ok((String::from_utf8(found.out)?, found.err))
}

fn told() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let (out, err) = text(at, RUN)?;
    let first = out.lines().nth(1).unwrap_or("");
    assert!(first.starts_with("0 ") && first.contains(" 0     by hops  "), "{out}");
    assert!(err.contains("hops: ") && err.contains(" better found"), "{err}");
    let (out, err) = text(at, &format!("{RUN} --hops 0"))?;
    assert!(!err.contains("hops") && !out.contains("hops") && !out.contains("\n0 "), "{out}{err}");
    // Starts that were given are descended from, and no more.
    let (out, err) = text(at, "minimize 20+x^2-10cos(2pi*x) --from 3.2 --device cpu")?;
    assert!(!err.contains("hops") && out.lines().count() == 2, "{out}{err}");
    let (_, err) = text(at, &format!("{RUN} --target 1e-9"))?;
    assert!(err.contains("the target of 1e-9 was reached by hops"), "{err}");
    let (_, err) = text(at, &format!("{RUN} --target 70"))?;
    assert!(err.contains("of 90 starts: the target of 70 was reached") && !err.contains("hops:"), "{err}");
    Ok(())
}

/// Rows that hops put above them move those of the starts.
fn ends() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    output(at, &format!("{RUN} -q -o a.npz"))?;
    output(at, &format!("{RUN} -q -o a.json"))?;
    let table: Value = serde_json::from_str(&fs::read_to_string(at.join("a.json"))?)?;
    let mut archive = zip::ZipArchive::new(fs::File::open(at.join("a.npz"))?)?;
    let basin: Vec<i64> = npyz::NpyFile::new(archive.by_name("basin.npy")?)?.into_vec()?;
    let f: Vec<f64> = npyz::NpyFile::new(archive.by_name("f.npy")?)?.into_vec()?;
    for (row, f) in basin.into_iter().zip(f).filter(|(row, _)| *row >= 0) {
        let row = &table["minima"][row as usize];
        let same = row["f"].as_f64().is_some_and(|known| (known - f).abs() < 1e-6);
        assert!(same && row["hits"].as_u64() > Some(0), "{f} in {row}");
    }
    Ok(())
}

//! `minimize` and `merge`: shares joined are one run, to the byte; what does not fit is refused.

use super::run::{output, run};
use super::{Check, trial};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::path::Path;

const RUN: &str = "minimize (x^2+y-11)^2+(x+y^2-7)^2 --range -6:6 --starts 900 --method adam --lr 0.2 --steps 400 \
                   --tol 1e-2 --device cpu --quiet";

type Test = (&'static str, fn() -> Check);

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 5] = [
        ("shares joined are one run, to the byte", joined),
        ("shares that do not fit are refused", refused),
        ("a share that was changed is refused", changed),
        ("what a run says", summary),
        ("all end points as arrays", ends),
    ];
    tests.into_iter().map(|(name, test)| trial(&format!("minimize: {name}"), test)).collect()
}

/// A JSON without the time that it took.
pub(super) fn timeless(path: &Path) -> Result<String, Failed> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().filter(|line| !line.contains("\"seconds\"")).collect::<Vec<_>>().join("\n"))
}

fn shares(at: &Path, of: usize) -> Check {
    (1..=of).try_for_each(|k| output(at, &format!("{RUN} --shard {k}/{of} -o {k}.json")).map(drop))
}

fn joined() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    shares(at, 4)?;
    output(at, &format!("{RUN} -o one.json"))?;
    let one = timeless(&at.join("one.json"))?;
    let read: Value = serde_json::from_str(&fs::read_to_string(at.join("one.json"))?)?;
    let minima = read["minima"].as_array().ok_or("minima")?;
    let fine =
        |row: &Value| row["f"].as_f64() < Some(1e-20) && row["kind"] == "minimum" && row["hits"].as_u64() > Some(9);
    assert!(minima.len() == 4 && minima.iter().all(fine) && read["cells"].is_null(), "{read}");
    let counts = read["status"].as_object().ok_or("status")?.values().filter_map(Value::as_u64);
    assert_eq!(counts.sum::<u64>(), 900);
    output(at, "merge 3.json 1.json 4.json 2.json -o all.json -q")?;
    assert_eq!(one, timeless(&at.join("all.json"))?);
    // Some first, then the rest.
    let part = run(at, "merge 4.json 2.json -o part.json")?;
    assert!(part.code == Some(0) && part.err.contains("of 4 shares 2 are missing: 1, 3"), "{}", part.err);
    output(at, "merge 1.json part.json 3.json -o rest.json -q --threads 2")?;
    assert_eq!(one, timeless(&at.join("rest.json"))?);
    let table = output(at, &format!("{RUN} --format csv"))?;
    assert!(table == output(at, "merge 1.json 2.json 3.json 4.json -q --format csv")? && table.len() > 100);
    Ok(())
}

fn refused() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    shares(at, 2)?;
    for (name, flags) in [
        ("seed", "--seed 7 --shard 2/2"),
        ("of", "--shard 2/3"),
        ("f32", "--precision f32 --shard 2/2"),
        ("set", "--maximize --shard 2/2"),
        ("whole", ""),
    ] {
        output(at, &format!("{RUN} {flags} -o {name}.json"))?;
    }
    for (line, expected) in [
        ("merge 1.json 1.json", "share 1 of 2 is in 1.json already"),
        ("merge 1.json seed.json", "`seed` is 0 in the first and 7 in the other"),
        ("merge 1.json of.json", "of.json: a share of 3, where 1.json is one of 2"),
        ("merge 1.json f32.json", "`precision` is \"f64\" in the first and \"f32\" in the other"),
        ("merge 1.json set.json", "`maximize` is false in the first and true in the other"),
        ("merge whole.json 1.json", "whole.json: it is a whole run"),
        ("merge 1.json empty.json", "empty.json: it is empty"),
    ] {
        fs::write(at.join("empty.json"), " \n")?;
        let found = run(at, line)?;
        assert!(found.code == Some(2) && found.err.contains(expected) && found.out.is_empty(), "{line}: {}", found.err);
    }
    Ok(())
}

/// Each change of a number that cannot be is seen; no text makes `merge` panic.
fn changed() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    shares(at, 2)?;
    let good: Value = serde_json::from_str(&fs::read_to_string(at.join("1.json"))?)?;
    for (place, value) in [
        ("/cells/0/hits", 0.into()),
        ("/cells/0/hits", 1_000_000.into()),
        ("/cells/0/hits", (-1).into()),
        ("/cells/0/particle", 899.into()),
        ("/cells/0/f", Value::Null),
        ("/cells/0/x", vec![1.0].into()),
        ("/status/converged", u64::MAX.into()),
        ("/status", serde_json::json!({"lost": 450})),
        ("/range", serde_json::json!([[0.0, 1.0]])),
        ("/range/0/0", 7.into()),
        ("/variables", vec!["x"].into()),
        ("/expression", "x +".into()),
        ("/expression", "x".into()),
        ("/precision", "f16".into()),
        ("/shards/held", Vec::<u64>::new().into()),
        ("/shards/held", vec![5].into()),
        ("/shards/of", 0.into()),
        ("/cells", Value::Null),
        ("/starts", 0.into()),
    ] {
        let mut share = good.clone();
        *share.pointer_mut(place).ok_or(place)? = value;
        fs::write(at.join("bad.json"), share.to_string())?;
        let found = run(at, "merge bad.json")?;
        let told = found.code == Some(2) && found.err.contains("gradfield: ") && found.out.is_empty();
        assert!(told && !found.err.contains("panicked"), "{place}: {:?} {}", found.code, found.err);
    }
    // Without the line's end a share is whole, and its length is not the same in every run: it holds the seconds it took.
    let share = fs::read_to_string(at.join("1.json"))?;
    let share = share.trim_end();
    for end in (0..share.len()).step_by(share.len() / 23).chain([share.len() - 1]) {
        fs::write(at.join("bad.json"), &share[..end])?;
        assert_eq!(run(at, "merge bad.json")?.code, Some(2), "cut at {end}");
    }
    Ok(())
}

fn summary() -> Check {
    let folder = tempfile::tempdir()?;
    let loud = RUN.replace(" --quiet", "");
    let found = run(folder.path(), &loud)?;
    let told = ["900 starts, ", " converged", "4 minima; each was found more than once", "(Good-Turing)"];
    assert!(told.iter().all(|part| found.err.contains(part)), "{}", found.err);
    let found = run(folder.path(), "minimize ln(-1-x^2) --starts 20 --device cpu")?;
    let told = ["20 value_not_finite", "no particle came to a minimum: f is not finite where they start", "--range"];
    assert!(told.iter().all(|part| found.err.contains(part)) && found.code == Some(0), "{}", found.err);
    let found =
        run(folder.path(), "minimize x^2 --from 5 --from 0.5 --bounds --range 0:1 --method gd --lr .5 --device cpu")?;
    assert!(found.err.contains("note: 1 of 2 starts lie outside the bounds"), "{}", found.err);
    Ok(())
}

fn ends() -> Check {
    let folder = tempfile::tempdir()?;
    output(folder.path(), &format!("{RUN} -o a.npz"))?;
    let mut archive = zip::ZipArchive::new(fs::File::open(folder.path().join("a.npz"))?)?;
    let mut found = Vec::new();
    for k in 0..archive.len() {
        let mut entry = archive.by_index(k)?;
        let name = entry.name()?.trim_end_matches(".npy").to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let array = npyz::NpyFile::new(&bytes[..])?;
        found.push(format!("{name} {:?}", array.shape()));
        if name == "basin" {
            let rows: Vec<i64> = array.into_vec()?;
            let of = |row: i64| rows.iter().filter(|one| **one == row).count();
            assert!((0..4).all(|row| of(row) > 100) && (-1..4).map(of).sum::<usize>() == 900, "{rows:?}");
        }
    }
    let expected = "x [900] y [900] f [900] status [900] steps [900] basin [900] status_names [11] device []";
    assert_eq!(found.join(" "), expected);
    Ok(())
}

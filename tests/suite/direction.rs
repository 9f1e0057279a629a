//! The river's one rule: a file imports only what stands above it in the listing of `lib.rs`.

use crate::agree::require;
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};

/// The modules as they flow; those of `lib.rs` in its order.
const ORDER: [&str; 24] = [
    "real", "random", "kernel", "points", "sums", "table", "op", "expr", "derived", "tape", "backend", "samples",
    "probe", "field", "verify", "descent", "flow", "critical", "fit", "training", "picture", "files", "bench", "error",
];

/// A crate and the one place that may name it.
const HOMES: [(&str, &str); 5] = [
    ("wgpu", "backend/gpu/"),
    ("clap", "cli/"),
    ("tiny_skia", "picture/"),
    ("iced_x86", "backend/cpu/native/"),
    ("memmap2", "backend/cpu/native/"),
];

pub(crate) fn tests() -> Vec<Trial> {
    // A copy of the test program on another machine has no sources beside it.
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let here = sources.is_dir();
    type Test = fn(&Path) -> Result<(), Failed>;
    let tests: [(&str, Test); 3] =
        [("imports_flow_down", downwards), ("crates_are_at_home", at_home), ("lib_lists_the_order", listing)];
    tests
        .into_iter()
        .map(|(name, test)| {
            let sources = sources.clone();
            Trial::test(format!("direction::{name}"), move || test(&sources)).with_ignored_flag(!here)
        })
        .collect()
}

/// All source files with their text.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            found.push((path, text));
        }
    }
    found
}

/// The modules that a text names as `crate::module`, comments and tests left aside.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1).filter(move |_| !line.contains("$crate::")))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

fn downwards(sources: &Path) -> Result<(), Failed> {
    let place = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut seen = 0;
    for (path, text) in files(sources) {
        let inside = path.strip_prefix(sources)?.to_string_lossy().replace('\\', "/");
        let module = inside.split(['/', '.']).next().unwrap_or("").to_string();
        let Some(own) = place(&module) else { continue };
        for import in imports(&text) {
            let Some(other) = place(&import) else { continue };
            seen += 1;
            require(other <= own, || format!("{inside} imports `{import}`, which stands below `{module}`"))?;
        }
    }
    require(seen > 50, || format!("only {seen} imports were found: the test reads nothing"))
}

fn at_home(sources: &Path) -> Result<(), Failed> {
    for (path, text) in files(sources) {
        let inside = path.strip_prefix(sources)?.to_string_lossy().replace('\\', "/");
        for (name, home) in HOMES {
            let named =
                text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&format!("{name}::")));
            require(!named || inside.starts_with(home), || format!("{inside} names `{name}`, whose home is {home}"))?;
        }
        let cli = inside.starts_with("cli/");
        let private = cli && imports(&text).iter().any(|import| place_in_library(import));
        require(!private, || format!("{inside} goes around the public API"))?;
    }
    Ok(())
}

fn place_in_library(module: &str) -> bool {
    ORDER.contains(&module)
}

fn listing(sources: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(sources.join("lib.rs"))?;
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .filter_map(|rest| rest.strip_suffix(';'))
        .collect();
    require(listed == ORDER, || format!("lib.rs lists {listed:?}"))
}

//! `gradfield merge`: shares of one `minimize`, joined to what one run gives.

use super::arguments::check_columns;
use super::records::{Found, Run, Shards, Share, differs};
use super::task::share;
use super::{hops, records, table};
use crate::cli::Failure;
use crate::cli::language::Language;
use crate::cli::options::Function;
use clap::Args;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::{Basins, Minima};
use gradfield::files::{FileError, Output};
use gradfield::{Expression, Precision};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Shares that `gradfield minimize --shard K/N -o FILE.json` wrote
    #[arg(required = true, value_name = "FILE")]
    shares: Vec<PathBuf>,
    /// CPU threads (default: one per core)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// No notes on standard error
    #[arg(long, short)]
    quiet: bool,
    /// Where to write: .json or .csv (default: a table to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// text, json or csv (default: by the name's ending; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let languages = [Language::Text, Language::Json, Language::Csv];
    let language = Language::of(&arguments.output, arguments.format.as_deref(), &languages)?;
    let named = |path: &PathBuf| Ok::<_, Failure>((path.clone(), read(path)?));
    let shares: Vec<(PathBuf, Share)> = arguments.shares.iter().map(named).collect::<Result<_, _>>()?;
    let run = shares[0].1.run.clone();
    let shards = together(&shares)?;
    let (expression, precision) = function(&shares[0].0, &run)?;
    check_columns(language, expression.variables())?;
    let mut out = Output::create(&arguments.output)?;
    let mut basins = Basins::new(&run.range, precision, run.maximize);
    shares.iter().try_for_each(|(path, share)| gather(path, share, &mut basins))?;
    let missing: Vec<u64> = (1..=shards.of).filter(|k| !shards.held.contains(k)).collect();
    if !missing.is_empty() && !arguments.quiet {
        eprintln!("note: of {} shares {} are missing: {}", shards.of, missing.len(), listed(&missing));
    }
    let cpu = Cpu::new(arguments.threads.map(usize::from))?;
    let minima = Minima::of(&basins, &expression, run.bounds.as_deref(), run.tolerance, &cpu)?;
    let (minima, hopped) = hops::hops(minima, &basins, &expression, &run, None, &cpu)?;
    let mut devices: Vec<&str> = shares.iter().map(|(_, share)| share.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    let found = Found {
        run,
        shards: (!missing.is_empty()).then_some(shards),
        device: devices.join(" and "),
        seconds: shares.iter().map(|(_, share)| share.seconds).sum(),
        stops: None,
        hopped,
        basins: &basins,
        minima: &minima,
    };
    if !arguments.quiet {
        eprint!("{}", table::summary(&found, expression.variables(), language));
    }
    match language {
        Language::Json => gradfield::files::write_json(&mut out, &found.document())?,
        Language::Csv => records::write_csv(&minima, expression.variables(), &mut out)?,
        _ => table::write(&minima, expression.variables(), &mut out)?,
    }
    Ok(out.finish()?)
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("{}: {why}", path.display()))
}

const MAKE: &str = "write one with `gradfield minimize EXPR --shard 1/2 -o FILE.json`";

fn read(path: &Path) -> Result<Share, Failure> {
    let bytes = fs::read(path).map_err(|source| FileError::Read { path: path.to_path_buf(), source })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong(path, &format!("it is empty; {MAKE}")));
    }
    let share: Share = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(path, &format!("it is no share of a run ({error}); {MAKE}")))?;
    if share.shards.is_none() {
        return Err(wrong(path, &format!("it is a whole run, to which nothing can be joined; {MAKE}")));
    }
    if share.gathered.cells.is_none() {
        return Err(wrong(path, &format!("it has no `cells`; {MAKE}")));
    }
    Ok(share)
}

/// The shares that the files hold together; refuses those of other runs, and one that is there twice.
fn together(shares: &[(PathBuf, Share)]) -> Result<Shards, Failure> {
    let (first, model) = &shares[0];
    let mut held: BTreeMap<u64, &Path> = BTreeMap::new();
    let of = model.shards.as_ref().map_or(1, |shards| shards.of);
    for (path, share) in shares {
        if let Some((what, here, there)) = differs(&model.run, &share.run) {
            let (one, other) = (first.display(), path.display());
            return Err(Failure::usage(format!(
                "{one} and {other} are of different runs: `{what}` is {here} in the first and {there} in the other"
            )));
        }
        let shards = share.shards.as_ref().filter(|shards| shards.of > 0 && !shards.held.is_empty());
        let shards = shards.ok_or_else(|| wrong(path, "it does not say which share it is"))?;
        if shards.of != of {
            return Err(wrong(path, &format!("a share of {}, where {} is one of {of}", shards.of, first.display())));
        }
        for k in &shards.held {
            if !(1..=of).contains(k) {
                return Err(wrong(path, &format!("share {k} of {of} cannot be")));
            }
            if let Some(known) = held.insert(*k, path) {
                return Err(wrong(path, &format!("share {k} of {of} is in {} already", known.display())));
            }
        }
    }
    Ok(Shards { of, held: held.into_keys().collect() })
}

/// The function of a run, and its format.
fn function(path: &Path, run: &Run) -> Result<(Expression, Precision), Failure> {
    let function = Function {
        expression: run.expression.clone(),
        vars: run.vars.clone(),
        sets: run.set.clone(),
        samples: Vec::new(),
        quiet: true,
    };
    let expression = function.parse()?;
    let known = [Precision::F32, Precision::F64].into_iter().find(|one| one.name() == run.precision);
    let precision = known.ok_or_else(|| wrong(path, &format!("`precision` is {:?}", run.precision)))?;
    let (n, finite) =
        (expression.variables().len(), |(lo, hi): &(f64, f64)| lo.is_finite() && hi.is_finite() && lo <= hi);
    let bounds = run.bounds.as_ref().unwrap_or(&run.range);
    if n == 0 || expression.variables() != run.variables.as_slice() || run.range.len() != n || bounds.len() != n {
        return Err(wrong(path, "its variables, ranges and expression do not agree; was it changed?"));
    }
    if !run.range.iter().chain(bounds).all(finite) {
        return Err(wrong(path, "a range is none; was it changed?"));
    }
    Ok((expression, precision))
}

/// Adds a share's cells and counts, refusing what cannot be.
fn gather(path: &Path, share: &Share, basins: &mut Basins) -> Result<(), Failure> {
    let changed = |what: String| wrong(path, &format!("{what}; was the file changed?"));
    let shards = share.shards.as_ref().ok_or_else(|| changed("it does not say which share it is".to_string()))?;
    let ranges: Vec<_> = shards.held.iter().map(|k| self::share(share.run.starts, Some((*k, shards.of)))).collect();
    if !share.seconds.is_finite() {
        return Err(changed("`seconds` is no number".to_string()));
    }
    share.gathered.add_to(basins, &ranges).map_err(changed)
}

/// `1, 2, 5, ...`
fn listed(numbers: &[u64]) -> String {
    let mut texts: Vec<String> = numbers.iter().take(12).map(ToString::to_string).collect();
    if numbers.len() > 12 {
        texts.push("...".to_string());
    }
    texts.join(", ")
}

//! The flags of `minimize`.

use super::data;
use crate::cli::Failure;
use crate::cli::language::Language;
use crate::cli::options::{Compute, Function, check_names};
use crate::cli::rule::Constants;
use clap::Args;
use std::path::PathBuf;

/// What `--format` may be.
const LANGUAGES: [Language; 4] = [Language::Text, Language::Json, Language::Csv, Language::Npz];

#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    #[command(flatten)]
    pub(super) data: data::Flags,
    /// So many random starts, even over --range (default: 20000, of a long function fewer, 1000 at least; with --target or
    /// --until-covered 50 times as many)
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["from", "points"])]
    pub(super) starts: Option<u64>,
    /// How they are spread: uniform, sobol, lhs (a Latin hypercube) or grid
    #[arg(long, default_value = "uniform", conflicts_with_all = ["from", "points"])]
    pub(super) sampling: String,
    /// Range of a variable for random starts (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// The ranges bound the search too: no particle leaves them
    #[arg(long)]
    pub(super) bounds: bool,
    /// A start, such as x=-8,y=2, or -8 for all variables (repeatable)
    #[arg(long = "from", value_name = "NAME=NUMBER,...", allow_hyphen_values = true)]
    pub(super) from: Vec<String>,
    /// Starts from a CSV file with a header line, or a .npy array; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub(super) points: Option<PathBuf>,
    /// Seed of the random starts
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    pub(super) seed: u64,
    /// auto, bfgs, lbfgs, newton, a rule (see `descend --help`), or a formula such as "x = x - lr g"
    #[arg(long, default_value = "auto")]
    pub(super) method: String,
    #[command(flatten)]
    pub(super) constants: Constants,
    /// Evaluations of f and its gradient that a particle may take
    #[arg(long, value_name = "N", default_value = "1000", allow_negative_numbers = true,
          value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub(super) steps: u64,
    /// Norm of the gradient that counts as zero (default: 1e-4 in f32, 1e-10 in f64)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(super) tol: Option<String>,
    /// Climb to maxima
    #[arg(long)]
    pub(super) maximize: bool,
    /// Run the third of sixteen shares of the starts; write it to .json for `gradfield merge`
    #[arg(long, value_name = "K/N", allow_hyphen_values = true)]
    pub(super) shard: Option<String>,
    /// Begin no more starts after so many seconds (without --starts: as many as that allows)
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    pub(super) seconds: Option<String>,
    /// Stop at the first start that ends with f at most this, or with --maximize at least
    #[arg(long, value_name = "F", allow_hyphen_values = true)]
    pub(super) target: Option<String>,
    /// Stop when so large a share of starts, such as 0.999, leads to minima that are known (Good-Turing)
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub(super) until_covered: Option<String>,
    /// Keep what is done in a file, every few seconds; where it exists, go on from there
    #[arg(long, value_name = "FILE")]
    pub(super) checkpoint: Option<PathBuf>,
    /// Evaluations that hops from the best minima to better ones may take; 0 for none (default: half as many as the
    /// starts took, 20000 at least)
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["from", "points"])]
    pub(super) hops: Option<u64>,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// Where to write: .json or .csv for the table, .npz for all end points (default: a table to standard output); with
    /// values that move, as in --set a=0:1:201, .png for a picture of the minima against them
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    /// text, json, csv or npz (default: by the name's ending; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

impl Arguments {
    pub(super) fn language(&self) -> Result<Language, Failure> {
        Language::of(&self.output, self.format.as_deref(), &LANGUAGES)
    }
}

/// Refuses a variable whose name a column of the output has.
pub(super) fn check_columns(language: Language, variables: &[String]) -> Result<(), Failure> {
    match language {
        Language::Csv => check_names(variables, &["f", "gradient_norm", "hits", "basin_share", "kind"]),
        Language::Npz => check_names(variables, &["f", "status", "steps", "basin", "status_names", "device"]),
        Language::Text | Language::Json => Ok(()),
    }
}

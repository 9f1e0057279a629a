//! The flags of `fit`, and what they say.

use crate::cli::Failure;
use crate::cli::language::Language;
use crate::cli::options::{Compute, Function, fixed, missing, number};
use clap::Args;
use gradfield::Precision;
use gradfield::expr::Note;
use gradfield::files::TableFile;
use gradfield::fit::{Loss, Model, Options, Problem, column, column_names, loss};
use std::path::{Path, PathBuf};

/// What `--format` may be.
const LANGUAGES: [Language; 4] = [Language::Text, Language::Json, Language::Csv, Language::Npz];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// The table: .csv with a header line, .npz with an array for each column, or .npy (columns c1, c2, ...); - is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "residuals")]
    data: Option<PathBuf>,
    /// The column to fit, or a formula of columns such as "ln(y)"
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, required_unless_present = "residuals")]
    pub(super) response: Option<String>,
    /// EXPR is a list of residuals, with `;` between, whose sum of squares is to be least: no table is read.
    /// `each(i, 1, n, ...)` stands for n of them
    #[arg(
        long,
        conflicts_with_all = [
            "data", "response", "weights", "group_by", "missing", "robust", "likelihood", "loss", "size", "curve_only"
        ]
    )]
    pub(super) residuals: bool,
    /// Weight of each row: a column, or a formula such as "1/s^2"; it multiplies the row's square
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(super) weights: Option<String>,
    /// Fit each group of rows with the same key in this column by itself
    #[arg(long, value_name = "COLUMN")]
    pub(super) group_by: Option<String>,
    /// What to do with rows where a cell is empty or no number: error, or skip (counted)
    #[arg(long, value_name = "error|skip", default_value = "error")]
    pub(super) missing: String,
    /// Where to begin, such as a=1,b=0.5 (repeatable; without: at 1)
    #[arg(long = "start", value_name = "NAME=NUMBER,...", allow_hyphen_values = true)]
    pub(super) start: Vec<String>,
    /// So many starts for every group, the first as --start says, the others drawn over --range; the best end counts
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) starts: u32,
    /// Range of a parameter for drawn starts, such as a=0:10 (repeatable)
    #[arg(long = "range", value_name = "NAME=LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// Keep a parameter within bounds, such as a=0:10, a=0: or a=:10 (repeatable)
    #[arg(long = "bounds", value_name = "NAME=LO:HI", allow_hyphen_values = true)]
    pub(super) bounds: Vec<String>,
    /// Seed of drawn starts
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) seed: u64,
    /// lm (Levenberg-Marquardt) or gauss-newton
    #[arg(long, default_value = "lm")]
    pub(super) method: String,
    /// Rows that are far off count less: huber or cauchy, perhaps with a scale, as huber:1.5 (default: 1)
    #[arg(long, value_name = "LOSS[:SCALE]", conflicts_with_all = ["likelihood", "loss"])]
    pub(super) robust: Option<String>,
    /// poisson (counts; the model is their mean) or logistic (0 or 1; the model is the logarithm of the odds)
    #[arg(long, value_name = "NAME", conflicts_with = "loss")]
    pub(super) likelihood: Option<String>,
    /// A loss of one's own for each row, over f (the model) and y (the response), such as "ln(cosh(f - y))"
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(super) loss: Option<String>,
    /// Evaluations that each start may take
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) steps: u32,
    /// Relative change of the parameters that counts as none (default: 1e-5 in f32, 1e-10 in f64)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub(super) tol: Option<String>,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// Where to write: .json, .csv or .npz; of one fit with one column across also .png (default: a table to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    /// Pixels of a picture, such as 420x360; one number for both sides
    #[arg(long, value_name = "WIDTHxHEIGHT", allow_hyphen_values = true)]
    pub(super) size: Option<String>,
    /// In a picture the curve alone, without the residuals below it
    #[arg(long)]
    pub(super) curve_only: bool,
    /// text, json, csv or npz (default: by the name's ending; text for standard output)
    #[arg(long)]
    format: Option<String>,
}

/// Parameters that are named, and names with a value.
pub(super) type Named = (Vec<String>, Vec<(String, f64)>);

/// What is fitted to what.
pub(super) struct Task {
    pub(super) problem: Problem,
    pub(super) options: Options,
    /// The keys of the groups.
    pub(super) labels: Vec<String>,
    /// Rows left out because a cell is missing.
    pub(super) skipped: u64,
}

impl Arguments {
    /// Whether a picture is wanted.
    pub(super) fn is_drawn(&self) -> bool {
        self.format.is_none() && self.output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
    }

    pub(super) fn language(&self) -> Result<Language, Failure> {
        Language::of(&self.output, self.format.as_deref(), &LANGUAGES)
    }

    pub(super) fn task(&self, precision: Precision) -> Result<Task, Failure> {
        let missing = missing(&self.missing)?;
        let (Some(data), Some(response_text)) = (&self.data, &self.response) else {
            return Err(Failure::usage("a fit needs --data and --response, or --residuals"));
        };
        let loss = self.chosen_loss()?;
        let file = TableFile::open(data)?;
        let model = self.model(file.names())?;
        let options = self.options(&model.parameters, precision)?;
        let mut wanted = model.columns.clone();
        for text in std::iter::once(response_text).chain(&self.weights) {
            wanted.extend(column_names(text, file.names()).map_err(|error| no_column(data, text, &error.to_string()))?);
        }
        wanted.sort();
        wanted.dedup();
        let table = file.read(&wanted, self.group_by.as_deref(), missing)?;
        let response = column(response_text, &table.names, &table.columns)?;
        finite("--response", response_text, &response)?;
        let weights = match &self.weights {
            None => None,
            Some(text) => Some(checked_weights(text, column(text, &table.names, &table.columns)?)?),
        };
        let columns = model.columns.iter().map(|name| table.column(name).unwrap_or_default().to_vec()).collect();
        let groups = table.groups();
        let problem = Problem { model, loss, columns, response, weights, starts: Vec::new() }.grouped(&groups);
        check_response(&problem)?;
        Ok(Task { problem, options, labels: groups.labels, skipped: table.skipped })
    }

    /// Parameters that flags name, in order, and the names that --set gives a value.
    pub(super) fn named(&self) -> Result<Named, Failure> {
        if !self.function.samples.is_empty() {
            return Err(Failure::usage("--samples: a fit takes no sampled field; its data are the columns of --data"));
        }
        let mut given: Vec<String> = Vec::new();
        let texts = self.start.iter().chain(&self.ranges).chain(&self.bounds).flat_map(|text| text.split(','));
        let named = texts.filter_map(|text| text.split_once('=')).map(|(name, _)| name.trim().to_owned());
        for name in self.function.vars.iter().cloned().chain(named) {
            if !given.contains(&name) {
                given.push(name);
            }
        }
        Ok((given, fixed(&self.function.sets)?))
    }

    /// Says how a text was read where that may surprise.
    pub(super) fn tell(&self, notes: &[Note]) {
        if !self.function.quiet {
            notes.iter().for_each(|note| eprintln!("note: {}", note.text));
        }
    }

    fn model(&self, columns: &[String]) -> Result<Model, Failure> {
        let (given, fixed) = self.named()?;
        let model = Model::parse(&self.function.expression, columns, &given, &fixed)?;
        self.tell(&model.notes);
        Ok(model)
    }

    fn chosen_loss(&self) -> Result<Loss, Failure> {
        let unknown = |flag: &str, text: &str, names: &str| {
            Failure::usage(format!("{flag}: `{text}` is not one of {names}; --loss takes a formula of your own"))
        };
        if let Some(text) = &self.robust {
            let (name, scale) = text.split_once(':').unwrap_or((text, "1"));
            let scale = number("--robust", scale)?;
            if scale <= 0.0 {
                return Err(Failure::usage(format!(
                    "--robust: the scale {scale} is not above 0; write such as huber:1.5"
                )));
            }
            let known = ["huber", "cauchy"].contains(&name).then(|| Loss::by_name(name, scale)).flatten();
            return known.ok_or_else(|| unknown("--robust", name, "huber, cauchy"));
        }
        if let Some(name) = &self.likelihood {
            let known = loss::TABLE.iter().any(|row| row.name == name) && !["huber", "cauchy"].contains(&name.as_str());
            let known = known.then(|| Loss::by_name(name, 1.0)).flatten();
            return known.ok_or_else(|| unknown("--likelihood", name, "poisson, logistic"));
        }
        Ok(self.loss.clone().map_or(Loss::Squares, Loss::Own))
    }
}

fn no_column(data: &Path, text: &str, error: &str) -> Failure {
    Failure::usage(format!("`{text}` is no column of {} and no formula of columns: {error}", data.display()))
}

fn finite(flag: &str, text: &str, column: &[f64]) -> Result<(), Failure> {
    match column.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(Failure::usage(format!(
            "{flag}: `{text}` is {} in row {} of the rows in use; a finite number is needed",
            column[row],
            row + 1
        ))),
    }
}

fn checked_weights(text: &str, weights: Vec<f64>) -> Result<Vec<f64>, Failure> {
    finite("--weights", text, &weights)?;
    match weights.iter().position(|weight| *weight < 0.0) {
        None => Ok(weights),
        Some(row) => Err(Failure::usage(format!(
            "--weights: `{text}` is {} in row {} of the rows in use; a weight is 0 or more",
            weights[row],
            row + 1
        ))),
    }
}

/// Refuses responses that a likelihood does not know.
fn check_response(problem: &Problem) -> Result<(), Failure> {
    let allowed: (&str, fn(f64) -> bool) = match problem.loss.name() {
        "poisson" => ("counts, 0 or more", |y| y >= 0.0),
        "logistic" => ("from 0 to 1", |y| (0.0..=1.0).contains(&y)),
        _ => return Ok(()),
    };
    match problem.response.iter().find(|y| !allowed.1(**y)) {
        None => Ok(()),
        Some(y) => {
            let (name, what) = (problem.loss.name(), allowed.0);
            Err(Failure::usage(format!("--likelihood {name}: a response is {y}; responses are {what}")))
        }
    }
}

//! What `fit` found, in words: how it went. `document` has it as JSON, `tables` as text, CSV and NumPy's arrays.

mod document;
mod tables;

use super::arguments::Arguments;
use crate::cli::Failure;
use crate::cli::language::{Language, number};
use crate::cli::options::check_names as check_columns;
use gradfield::Precision;
use gradfield::fit::{Fitted, Loss, Options, Status};
use tables::ROWS;

/// Said of robust losses.
const ROBUST: &str = "no standard errors: they are not estimated for a robust loss of rows with weights";
/// The same, where hardly a row is within the scale.
const OUTSIDE: &str = "no standard errors: hardly a row is within the scale of the robust loss; give a larger one";

/// What was fitted.
pub(super) struct Subject<'a> {
    /// The model, or the list of residuals.
    pub(super) text: &'a str,
    pub(super) parameters: &'a [String],
    pub(super) columns: &'a [String],
    pub(super) loss: &'a Loss,
    pub(super) options: &'a Options,
    /// Rows of the table, or residuals.
    pub(super) rows: usize,
    /// Rows left out because a cell is missing.
    pub(super) skipped: u64,
    /// The keys of the groups.
    pub(super) labels: &'a [String],
    /// Of residuals how each start ended; the fits are then the distinct minima, or the best end. Else empty.
    pub(super) statuses: &'a [Status],
}

impl Subject<'_> {
    fn is_residuals(&self) -> bool {
        !self.statuses.is_empty()
    }
}

/// All that is to be said.
pub(super) struct Report<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) subject: Subject<'a>,
    pub(super) fits: &'a [Fitted],
    pub(super) device: String,
    pub(super) precision: Precision,
    pub(super) seconds: f64,
}

/// Refuses parameters whose names columns of the output have.
pub(super) fn check_names(names: &[String], arguments: &Arguments, language: Language) -> Result<(), Failure> {
    let own: &[&str] = match language {
        Language::Csv => &["rows", "starts", "status", "steps", "rss", "s", "r2", "loss"],
        Language::Npz => &["rows", "starts", "status", "status_names", "steps", "rss", "s", "r2", "loss", "group"],
        Language::Text | Language::Json => return Ok(()),
    };
    let own: Vec<&str> = own.iter().copied().chain(arguments.group_by.as_deref()).collect();
    check_columns(names, &own)
}

impl Report<'_> {
    fn names(&self) -> &[String] {
        self.subject.parameters
    }

    fn squares(&self) -> bool {
        *self.subject.loss == Loss::Squares
    }

    fn grouped(&self) -> bool {
        self.arguments.group_by.is_some()
    }

    /// How many ended so.
    fn count(&self, status: Status) -> usize {
        let ended = self.fits.iter().map(|fit| fit.status).filter(|_| !self.subject.is_residuals());
        ended.chain(self.subject.statuses.iter().copied()).filter(|ended| *ended == status).count()
    }

    /// Fails where there is no estimate at all.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let [fit] = self.fits else { return Ok(()) };
        let (rows, parameters, many) = (fit.rows, self.names().len(), self.subject.is_residuals());
        let (what, rows_of, place) = match many {
            true => ("residuals", "", "a residual or its slopes are"),
            false => ("rows", " for some row", "the model or its slopes are"),
        };
        match fit.status {
            Status::Rows => Err(Failure::Usage(format!(
                "{rows} {what} do not determine {parameters} parameters; fix some with --set, or take more {what}"
            ))),
            Status::Value => {
                Err(Failure::Usage(format!("{place} not finite at the start{rows_of}; give another --start")))
            }
            _ => Ok(()),
        }
    }

    /// How it went.
    pub(super) fn summary(&self, language: Language) -> String {
        let mut lines = Vec::new();
        let skipped = self.subject.skipped;
        if skipped > 0 {
            let s = if skipped == 1 { " is" } else { "s are" };
            lines.push(format!("{skipped} row{s} left out: a cell is missing or no finite number"));
        }
        match self.fits {
            [fit] if !self.grouped() => self.tell(fit, &mut lines),
            [fit, others @ ..] if self.subject.is_residuals() => {
                self.tell(fit, &mut lines);
                lines.push(other_minima(others, language));
            }
            _ => self.tell_all(language, &mut lines),
        }
        lines.iter().map(|line| line.to_string() + "\n").collect()
    }

    /// Of one fit.
    fn tell(&self, fit: &Fitted, lines: &mut Vec<String>) {
        if matches!(fit.status, Status::Rows | Status::Value) {
            return;
        }
        let what = if self.subject.is_residuals() { "residuals" } else { "rows" };
        lines.push(format!(
            "{} {what}, {} parameters; {} after {} evaluations, {}, {}",
            fit.rows,
            self.names().len(),
            fit.status.name(),
            fit.steps,
            self.device,
            self.precision.name()
        ));
        let all = self.subject.options.starts.len();
        if all > 1 {
            let place = if self.subject.is_residuals() { "place" } else { "value" };
            lines.push(format!("{} of {all} starts end at this {place}, the best of all", fit.agree));
        }
        lines.push(self.size(fit));
        match fit.status {
            Status::Steps => lines.push("not converged: give more --steps, another --start or --starts".to_owned()),
            Status::Stalled => {
                lines.push("not converged: no step leads down; another --start or --precision f64 may help".to_owned());
            }
            _ => {}
        }
        lines.extend(self.no_errors(fit));
    }

    /// The sum of squares, or of the loss.
    fn size(&self, fit: &Fitted) -> String {
        if !self.squares() {
            return format!("sum of the loss ({}) {}", self.subject.loss.name(), short(fit.objective / 2.0));
        }
        let explained = match fit.r2 {
            _ if self.subject.is_residuals() => String::new(),
            r2 if r2.is_finite() => format!(", R^2 {r2:.6}"),
            _ => ", R^2 undefined (a constant response)".to_owned(),
        };
        format!(
            "residual sum of squares {}, standard deviation {} ({} degrees of freedom){explained}",
            short(fit.objective),
            short(fit.variance.sqrt()),
            fit.freedom()
        )
    }

    /// Why there are no standard errors, where there are none.
    fn no_errors(&self, fit: &Fitted) -> Option<String> {
        let residuals = self.subject.is_residuals();
        if fit.singular {
            let what = if residuals { "residuals" } else { "data" };
            return Some(format!(
                "no standard errors: the Jacobian is singular, so the {what} do not determine all parameters; fix one with --set"
            ));
        }
        let (robust, weighted) = (self.subject.loss.is_robust(), self.arguments.weights.is_some());
        if robust && (weighted || fit.freedom() > 0 && fit.covariance.is_empty()) {
            return Some(if weighted { ROBUST } else { OUTSIDE }.to_owned());
        }
        let rows = if residuals { "residuals" } else { "rows" };
        (fit.freedom() == 0 && !self.subject.loss.is_likelihood())
            .then(|| format!("no standard errors: there are as many parameters as {rows}"))
    }

    fn tell_all(&self, language: Language, lines: &mut Vec<String>) {
        let ended = Status::ALL.into_iter().map(|status| (self.count(status), status.name()));
        let ended: Vec<String> =
            ended.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        let all = self.fits.len();
        lines.push(format!(
            "{all} fits of {} parameters in {:.3} s, {}, {}: {}",
            self.names().len(),
            self.seconds,
            self.device,
            self.precision.name(),
            ended.join(", ")
        ));
        let singular = self.fits.iter().filter(|fit| fit.singular).count();
        if singular > 0 {
            lines.push(format!("{singular} of them have no standard errors: their Jacobian is singular"));
        }
        if self.subject.loss.is_robust() && self.arguments.weights.is_some() {
            lines.push(ROBUST.to_owned());
        }
        let bare = self.fits.iter().filter(|fit| fit.status != Status::Rows && fit.freedom() == 0).count();
        if bare > 0 && !self.subject.loss.is_likelihood() {
            lines.push(format!("{bare} of them have no standard errors: they have as many rows as parameters"));
        }
        if language == Language::Text && all > ROWS {
            lines.push(format!("the table shows {ROWS} of {all}; -o FILE.csv, .json or .npz has all"));
        }
    }
}

/// The minima beside the best.
fn other_minima(others: &[Fitted], language: Language) -> String {
    /// So many are told.
    const TOLD: usize = 5;
    let one = |fit: &Fitted| {
        format!("{} ({} start{})", short(fit.objective), fit.agree, if fit.agree == 1 { "" } else { "s" })
    };
    let told: Vec<String> = others.iter().take(TOLD).map(one).collect();
    let more = if others.len() > TOLD { format!(" and {} more", others.len() - TOLD) } else { String::new() };
    let file = if language == Language::Text { "; -o FILE.csv, .json or .npz has all" } else { "" };
    format!("other ends: {}{more}{file}", told.join(", "))
}

/// A number with its first digits.
fn short(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v == 0.0 || (1e-3..1e6).contains(&v.abs()) => format!("{}", rounded(v, 5)),
        v => format!("{v:.4e}"),
    }
}

/// A number with the digits that its error leaves, and two more.
fn figures(value: f64, error: f64) -> String {
    if !error.is_finite() || error <= 0.0 || value == 0.0 {
        return number(rounded(value, 8));
    }
    let digits = (value.abs() / error).log10().floor() as i32 + 3;
    number(rounded(value, digits.clamp(1, 16)))
}

/// The number nearest to one, of so many significant digits.
fn rounded(value: f64, digits: i32) -> f64 {
    let digits = usize::try_from(digits - 1).unwrap_or(0);
    format!("{value:.digits$e}").parse().unwrap_or(value)
}

/// `2.5 %`.
fn percent(share: f64) -> String {
    match 100.0 * share {
        v if !v.is_finite() => String::new(),
        v if v >= 0.01 => format!("{:.2} %", v),
        v => format!("{v:.0e} %"),
    }
}

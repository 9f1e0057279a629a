//! The levels of contour lines and bands: `--levels`.

use super::Scene;
use crate::cli::Failure;
use crate::cli::colours::colouring_shown;
use crate::cli::options::number;
use clap::Args;
use gradfield::picture::{Colouring, Level, Limits, Scale, levels, plain, range_of};

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// Contour lines and bands: about so many, at nice numbers, or at these values, as in --levels=-1,0,2.5 (one value: 3,)
    #[arg(long, value_name = "N|VALUES", allow_hyphen_values = true)]
    pub(super) levels: Option<String>,
}

/// So many, where nothing was said.
const USUAL: usize = 12;
/// More lines than this are no picture.
const MOST: usize = 1000;

/// The levels of a quantity with these values, and its colours.
pub(super) fn of(scene: &Scene<'_>, values: &[f64]) -> Result<(Vec<Level>, Colouring), Failure> {
    let colouring = colouring_shown(scene.arguments, scene.expression, values)?;
    let text = scene.arguments.levels.levels.as_deref();
    let levels = match text.map(str::parse::<usize>) {
        Some(Err(_)) => given(text.unwrap_or_default())?,
        Some(Ok(0)) => return Err(Failure::usage("--levels: 0 lines are none; leave the layer out, or take more")),
        Some(Ok(n)) if n > MOST => {
            return Err(Failure::usage(format!("--levels: {n} are more than {MOST} lines; take fewer")));
        }
        count => inside(levels(&colouring, count.and_then(Result::ok).unwrap_or(USUAL)), ends(values)),
    };
    Ok((levels, colouring))
}

/// The smallest and the largest value.
fn ends(values: &[f64]) -> Option<(f64, f64)> {
    range_of(values, Scale::Linear, Limits::Full)
}

/// Levels that the values cross: at an end there is no line but a point.
fn inside(mut levels: Vec<Level>, ends: Option<(f64, f64)>) -> Vec<Level> {
    levels.retain(|level| ends.is_some_and(|(lo, hi)| level.value > lo && level.value < hi));
    levels
}

fn given(text: &str) -> Result<Vec<Level>, Failure> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let mut values: Vec<f64> = parts.map(|part| number("--levels", part)).collect::<Result<_, _>>()?;
    if values.is_empty() || values.len() > MOST {
        return Err(Failure::usage(format!(
            "--levels: `{text}` has {} values; write 1 to {MOST}, as in --levels=-1,0,2.5",
            values.len()
        )));
    }
    values.sort_by(f64::total_cmp);
    values.dedup();
    Ok(values.into_iter().map(|value| Level { value, label: plain(value) }).collect())
}

/// Says why a picture has no line.
pub(super) fn tell(scene: &Scene<'_>, values: &[f64], levels: &[Level]) {
    let ends = ends(values);
    let met = |(lo, hi): (f64, f64)| levels.iter().any(|level| level.value >= lo && level.value <= hi);
    if scene.arguments.function.quiet || ends.is_some_and(|(lo, hi)| lo < hi && met((lo, hi))) {
        return;
    }
    let show = &scene.arguments.show;
    match ends {
        None => eprintln!("note: {show} is nowhere a finite number here, so there are no levels to draw"),
        Some((lo, hi)) if lo == hi => {
            eprintln!("note: {show} is {lo:?} everywhere here, so there are no levels to draw")
        }
        Some((lo, hi)) => eprintln!(
            "note: no level is drawn: {show} runs from {lo:.6} to {hi:.6} here; give --levels values between, or leave it out"
        ),
    }
}

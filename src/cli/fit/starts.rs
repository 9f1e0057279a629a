//! Where fits begin, what bounds them, and when they stop: what the flags say of parameters.

use super::arguments::Arguments;
use crate::cli::Failure;
use crate::cli::options::{number, range};
use gradfield::Precision;
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::fit::{Method, Options};

impl Arguments {
    /// How to fit parameters of these names.
    pub(super) fn options(&self, names: &[String], precision: Precision) -> Result<Options, Failure> {
        let mut first = vec![1.0; names.len()];
        let mut told = vec![false; names.len()];
        for part in self.start.iter().flat_map(|text| text.split(',')) {
            let (places, value) = self.part("--start", part, names)?;
            let value = number("--start", value)?;
            places.into_iter().for_each(|place| (first[place], told[place]) = (value, true));
        }
        let mut ranges: Vec<Option<(f64, f64)>> = vec![None; names.len()];
        for part in self.ranges.iter().flat_map(|text| text.split(',')) {
            let (places, value) = self.part("--range", part, names)?;
            let range = range("--range", part, value)?;
            places.into_iter().for_each(|place| ranges[place] = Some(range));
        }
        let starts = self.drawn(names, &mut first, &told, &ranges)?;
        let mut options = Options::from(starts, precision);
        for part in self.bounds.iter().flat_map(|text| text.split(',')) {
            let (places, value) = self.part("--bounds", part, names)?;
            let bounds = bounds(part, value)?;
            places.into_iter().for_each(|place| options.rules.bounds[place] = bounds);
        }
        options.rules.method = match self.method.as_str() {
            "lm" | "levenberg-marquardt" => Method::LevenbergMarquardt,
            "gauss-newton" => Method::GaussNewton,
            other => return Err(Failure::usage(format!("--method: `{other}` is not one of lm, gauss-newton"))),
        };
        options.rules.steps = self.steps;
        if let Some(text) = &self.tol {
            let tolerance = number("--tol", text)?;
            if !(0.0..1.0).contains(&tolerance) {
                return Err(Failure::usage(format!("--tol: {tolerance} is not from 0 to below 1")));
            }
            options.rules.tolerance = tolerance;
        }
        Ok(options)
    }

    /// The places of a parameter, or of all components of an indexed one, and what is said of it.
    fn part<'a>(&self, flag: &str, part: &'a str, names: &[String]) -> Result<(Vec<usize>, &'a str), Failure> {
        let (name, value) = part.split_once('=').ok_or_else(|| {
            Failure::usage(format!("{flag}: `{part}` names no parameter; write a name, `=` and what is meant"))
        })?;
        let (name, family) = (name.trim(), format!("{}[", name.trim()));
        let named = |place: &usize| names[*place] == name || names[*place].starts_with(&family);
        let places: Vec<usize> = (0..names.len()).filter(named).collect();
        if places.is_empty() {
            let known = names.join(", ");
            return Err(Failure::usage(format!("{flag}: there is no parameter `{name}`; there is {known}")));
        }
        Ok((places, value))
    }

    /// The starts: the first as told, the others drawn.
    fn drawn(
        &self,
        names: &[String],
        first: &mut [f64],
        told: &[bool],
        ranges: &[Option<(f64, f64)>],
    ) -> Result<Vec<Vec<f64>>, Failure> {
        if self.starts > 1 && ranges.iter().all(Option::is_none) {
            return Err(Failure::usage("--starts: over what? give a range for drawn starts, such as --range a=0:10"));
        }
        let mut plain: Vec<&str> = Vec::new();
        for (k, value) in first.iter_mut().enumerate().filter(|(k, _)| !told[*k]) {
            match ranges[k] {
                Some((lo, hi)) => *value = lo + 0.5 * (hi - lo),
                None => plain.push(&names[k]),
            }
        }
        if !plain.is_empty() && !self.function.quiet {
            let (names, s) = (plain.join(", "), if plain.len() == 1 { "s" } else { "" });
            eprintln!("note: {names} start{s} at 1; --start says otherwise");
        }
        // What has no range stays at its start: a range of one number is none, so it is put in afterwards.
        let spans = ranges.iter().map(|range| range.unwrap_or((0.0, 1.0))).collect();
        let mut starts = vec![first.to_vec()];
        if self.starts > 1 {
            let drawn = Starts::new(Sampling::Sobol, self.seed, u64::from(self.starts) - 1, spans)
                .or_else(|_| {
                    let spans = ranges.iter().map(|range| range.unwrap_or((0.0, 1.0))).collect();
                    Starts::new(Sampling::Uniform, self.seed, u64::from(self.starts) - 1, spans)
                })?
                .part(0..u64::from(self.starts) - 1);
            let value = |j: usize, k: usize| if ranges[j].is_some() { drawn[j][k] } else { first[j] };
            starts.extend((0..self.starts as usize - 1).map(|k| (0..names.len()).map(|j| value(j, k)).collect()));
        }
        Ok(starts)
    }
}

/// `lo:hi`, either of which may be left out.
fn bounds(part: &str, value: &str) -> Result<(f64, f64), Failure> {
    let wrong = || Failure::usage(format!("--bounds: `{part}` is not a range; write such as a=0:10, a=0: or a=:10"));
    let (lo, hi) = value.split_once(':').ok_or_else(wrong)?;
    let end = |text: &str, open: f64| if text.trim().is_empty() { Ok(open) } else { number("--bounds", text) };
    let (lo, hi) = (end(lo, f64::NEG_INFINITY)?, end(hi, f64::INFINITY)?);
    if lo >= hi || lo.is_infinite() && hi.is_infinite() {
        return Err(wrong());
    }
    Ok((lo, hi))
}

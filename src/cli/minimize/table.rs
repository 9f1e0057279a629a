//! What `minimize` found, as text: the table on standard output, how the run went on standard error.

use super::records::Found;
use super::stops::Why;
use crate::cli::Failure;
use crate::cli::language::{Language, number, write_aligned};
use gradfield::descent::{Hops, Kind, Minima, Minimum, Status, minima};
use gradfield::files::Output;

/// Rows of the text; files have all.
const ROWS: usize = 50;
/// Variables of the text.
const VARIABLES: usize = 6;

/// The table.
pub(super) fn write(minima: &Minima, variables: &[String], out: &mut Output) -> Result<(), Failure> {
    let mut lines = vec![heading(variables)];
    lines.extend(minima.rows.iter().take(ROWS).map(row));
    write_aligned(&lines, out)
}

pub(super) fn heading(variables: &[String]) -> Vec<String> {
    let names = ["f", "|grad f|", "hits", "share", "kind"].map(String::from).into_iter();
    let mut cells: Vec<String> = names.chain(variables.iter().take(VARIABLES).cloned()).collect();
    if variables.len() > VARIABLES {
        cells.push("...".to_string());
    }
    cells
}

pub(super) fn row(row: &Minimum) -> Vec<String> {
    let mut cells = vec![
        number(row.f),
        if row.gradient_norm == 0.0 { "0".to_string() } else { format!("{:.1e}", row.gradient_norm) },
        row.hits.to_string(),
        if row.by_hops { "by hops".to_string() } else { percent(row.share) },
        row.kind.name().to_string(),
    ];
    cells.extend(row.x.iter().take(VARIABLES).map(|x| number(*x)));
    if row.x.len() > VARIABLES {
        cells.push("...".to_string());
    }
    cells
}

/// `26.4 %`; two digits where it is small.
fn percent(share: f64) -> String {
    let value = 100.0 * share;
    match value {
        v if v >= 10.0 || v == 0.0 => format!("{v:.1} %"),
        v if v >= 0.01 => format!("{v:.2} %"),
        v => format!("{v:.1e} %"),
    }
}

/// How the run went: what the particles came to, what the table has, what it may lack.
pub(super) fn summary(found: &Found<'_>, variables: &[String], language: Language) -> String {
    let (basins, table) = (found.basins, found.minima);
    let ended: Vec<String> = basins
        .statuses()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {}", status.name()))
        .collect();
    let particles = basins.particles();
    let s = if particles == 1 { "" } else { "s" };
    let mut lines = vec![format!(
        "{particles} start{s}, {} evaluations by {}, {}, {}: {}",
        basins.evaluations(),
        found.run.method,
        found.device,
        found.run.precision,
        ended.join(", ")
    )];
    lines.extend(stopped(found));
    if basins.successes() == 0 {
        lines.push(nothing(found));
    } else {
        lines.push(format!("{}; {}", kinds(table), coverage(table, basins.successes())));
    }
    lines.extend(found.hopped.as_ref().map(hops));
    lines.extend(unfinished(found, variables));
    if table.dropped > 0 {
        lines.push(format!(
            "{} ends are in no row: they lie in more places than are kept, and those of the best f were",
            table.dropped
        ));
    }
    if variables.len() > minima::VARIABLES && !table.rows.is_empty() {
        lines.push(format!(
            "with more than {} variables ends are told as the run had them, their kind is not; f and its gradient are in f64",
            minima::VARIABLES
        ));
    }
    if language == Language::Text && table.rows.len() > ROWS {
        lines.push(format!("the table shows {ROWS} of {} rows; -o FILE.json or .csv has all", table.rows.len()));
    }
    if language == Language::Text && variables.len() > VARIABLES {
        lines.push(format!(
            "the table shows {VARIABLES} of {} variables; -o FILE.json or .csv has all",
            variables.len()
        ));
    }
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

/// What ended the run early; what was to end it and did not.
fn stopped(found: &Found<'_>) -> Vec<String> {
    let Some((stops, stopped)) = &found.stops else { return Vec::new() };
    let (ran, all) = (found.basins.particles(), found.run.starts);
    let of = if stops.open && stops.time.is_some() { String::new() } else { format!(" of {all}") };
    let (target, share) = (stops.target.map(number).unwrap_or_default(), stops.covered);
    let why = stopped.map(|why| match why {
        Why::Seconds => "the time was up".to_string(),
        Why::Target => format!("the target of {target} was reached"),
        Why::Covered => format!("minima known by then have a share of {} (Good-Turing)", share.unwrap_or_default()),
    });
    let mut lines: Vec<String> = why.iter().map(|why| format!("stopped after {ran}{of} starts: {why}")).collect();
    if stops.target.is_some() && *stopped != Some(Why::Target) {
        let by_hops = found.minima.rows.first().is_some_and(|row| row.by_hops);
        let how = match stops.is_reached(found.minima) {
            true if by_hops => "reached by hops",
            true => "reached by polishing alone",
            false => "not reached",
        };
        lines.push(format!("the target of {target} was {how}"));
    }
    let covered = *stopped == Some(Why::Covered) || stops.is_covered(found.minima, found.basins.successes());
    if let Some(share) = share.filter(|_| !covered) {
        lines.push(format!("a share of {share} was not reached; more --starts may"));
    }
    lines
}

/// What hops took, and what they brought.
fn hops(hops: &Hops) -> String {
    let of = |count: usize, of: &str| match count {
        0 => None,
        1 => Some(format!("1 {of}")),
        count => Some(format!("{count} {of}")),
    };
    let brought = [of(hops.gain.found, "better found"), of(hops.gain.improved, "made better")];
    let brought: Vec<String> = brought.into_iter().flatten().collect();
    let brought = if brought.is_empty() { "nothing better".to_string() } else { brought.join(", ") };
    format!("hops: {} evaluations with {} searches: {brought}", hops.evaluations, hops.searches)
}

/// Why there is no table.
fn nothing(found: &Found<'_>) -> String {
    let of = |status: Status| found.basins.statuses().find(|(one, _)| *one == status).map_or(0, |(_, count)| count);
    let all = found.basins.particles();
    let why = if of(Status::Value) == all {
        "f is not finite where they start; take another --range"
    } else if of(Status::Value) + of(Status::Gradient) == all {
        "f or its gradient is not finite where they start; take another --range"
    } else if of(Status::Escaped) > all / 2 {
        "most left every box of use, so f may have no lower limit; --bounds keeps them in --range"
    } else {
        "more --steps, a larger --tol or another --method may help"
    };
    format!("no particle came to a minimum: {why}")
}

/// `7 minima, 2 saddles`.
fn kinds(minima: &Minima) -> String {
    let count = |kind: Kind| minima.rows.iter().filter(|row| row.kind == kind).count();
    let one = |kind: Kind| {
        let (single, many) = match kind {
            Kind::Minimum => ("minimum", "minima"),
            Kind::Maximum => ("maximum", "maxima"),
            Kind::Saddle => ("saddle", "saddles"),
            Kind::Flat => ("flat place", "flat places"),
            Kind::Boundary => ("optimum at a bound", "optima at bounds"),
            Kind::Unknown => ("place of unknown kind", "places of unknown kind"),
        };
        match count(kind) {
            0 => None,
            1 => Some(format!("1 {single}")),
            n => Some(format!("{n} {many}")),
        }
    };
    Kind::ALL.into_iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

/// The estimate of Good and Turing.
fn coverage(minima: &Minima, successes: u64) -> String {
    match minima.unseen {
        Some(unseen) if unseen > 0.0 => {
            format!("about {} of starts would lead to others (Good-Turing)", percent(unseen))
        }
        _ => format!(
            "each was found more than once, so fewer than 1 in {successes} starts should lead to others (Good-Turing)"
        ),
    }
}

/// The best end that is no minimum, where there is nothing else or nothing better.
fn unfinished(found: &Found<'_>, variables: &[String]) -> Option<String> {
    let best = found.basins.unfinished()?;
    let beaten = found.minima.rows.first().is_some_and(|row| match found.run.maximize {
        true => row.f >= best.f,
        false => row.f <= best.f,
    });
    if beaten {
        return None;
    }
    let place = variables.iter().zip(&best.x).take(4).map(|(name, x)| format!("{name} = {}", number(*x)));
    let more = if variables.len() > 4 { ", ..." } else { "" };
    Some(format!(
        "no minimum, but the best that was seen: f = {} at {}{more}, of particle {} ({})",
        number(best.f),
        place.collect::<Vec<_>>().join(", "),
        best.particle,
        best.status.name()
    ))
}

//! What `bench` found, as text.

use super::engines::{Engine, Sort};
use super::findings::{Found, Group, Row};
use gradfield::bench::{Deviation, Measurement, Work};

/// The engines: what they are, what they took to open, what their memory does.
pub(super) fn machine(engines: &[Engine]) -> String {
    let mut text = String::new();
    for engine in engines {
        text += &format!("{:<14} {}", engine.tag, engine.backend.describe());
        if engine.sort != Sort::Reference && engine.sort != Sort::Cpu {
            text += &format!("; opened in {}", duration(engine.start));
        }
        if let Some(memory) = engine.memory {
            let gigabytes = |rate: f64| format!("{:.1} GB/s", rate / 1e9);
            text += &format!("; memory: fill {}, copy {}", gigabytes(memory.fill), gigabytes(memory.copy));
        }
        text.push('\n');
        if engine.sort == Sort::Software {
            text += &format!("{:<14} a software adapter: its speed says nothing about a GPU\n", "");
        }
    }
    text
}

/// A heading, a line for each size and engine, the stages of GPUs, and the verdict.
pub(super) fn group(group: &Group, engines: &[Engine], first: bool) -> String {
    let mut lines = Vec::new();
    if first {
        lines.push(format!("{} ({})", group.text, group.precision.name()));
    }
    lines.push(format!("  {}", work_name(&group.work)));
    let compared = engines.iter().any(Engine::is_gpu);
    lines.push(heading(&group.work, compared));
    for row in &group.rows {
        lines.extend(row.found.iter().map(|found| line(group, row, found, engines)));
    }
    lines.extend(group.rows.iter().rev().take(1).flat_map(|row| stages(group, row, engines)));
    lines.extend(group.verdict.pays.map(|pays| format!("    {}", pays.text(&group.work))));
    lines.push(format!("    {}", group.verdict.advice));
    lines.iter().map(|line| line.trim_end().to_string() + "\n").collect()
}

fn heading(work: &Work, compared: bool) -> String {
    let (unit, memory) = if work.is_grid() {
        ("Gpoints/s", format!("{:>8} {:>9}", "GB/s", "of memory"))
    } else {
        ("Gsteps/s", String::new())
    };
    let ratio = if compared { "   speed-up over the CPU" } else { "" };
    format!(
        "    {:<14} {:>16} {:>10} {:>10} {:>8} {unit:>10} {memory} {:>9}{ratio}",
        "engine", "size", "first", "median", "spread", "error"
    )
}

fn line(group: &Group, row: &Row, found: &Found, engines: &[Engine]) -> String {
    let (seen, engine) = (&found.measurement, &engines[found.engine]);
    let memory = match seen.bytes_per_second() {
        None => String::new(),
        Some(rate) => {
            let share = engine.memory.map_or(String::new(), |memory| format!("{:.0} %", 100.0 * rate / memory.best()));
            format!("{:>8.2} {share:>9}", rate / 1e9)
        }
    };
    let ratio = row.speedup(found, engines).map_or(String::new(), |ratio| format!("   {ratio}"));
    format!(
        "    {:<14} {:>16} {:>10} {:>10} {:>8} {:>10.4} {memory} {:>9}{ratio}",
        engine.tag,
        sides(&group.work, row.size),
        duration(seen.first),
        duration(seen.samples.median()),
        format!("± {:.1} %", 100.0 * seen.samples.spread()),
        seen.per_second() / 1e9,
        deviation(seen.deviation.as_ref()),
    )
}

/// What the largest size of each engine that tells spent its time on.
fn stages(group: &Group, row: &Row, engines: &[Engine]) -> Vec<String> {
    let told = row.found.iter().filter_map(|found| Some((found, found.measurement.stages?)));
    let line = |(found, stages): (&Found, gradfield::backend::Stages)| {
        let engine = &engines[found.engine];
        let clock = if stages.timestamps { "its own clock" } else { "the host's clock" };
        let rate = found.measurement.bytes.zip(engine.memory).filter(|_| stages.kernel > 0.0);
        let memory = rate.map_or(String::new(), |(bytes, memory)| {
            let rate = bytes / stages.kernel;
            format!(", {:.1} GB/s, {:.0} % of its memory", rate / 1e9, 100.0 * rate / memory.best())
        });
        format!(
            "    {}, {}: compile {}; then upload {}, launch {}, kernel {} ({clock}{memory}), readback {}",
            engine.tag,
            sides(&group.work, row.size),
            duration(found.measurement.compile.unwrap_or(0.0)),
            duration(stages.upload),
            duration(stages.launch),
            duration(stages.kernel),
            duration(stages.readback)
        )
    };
    told.map(line).collect()
}

/// A measurement in few words.
pub(super) fn brief(seen: &Measurement) -> String {
    let (median, spread) = (duration(seen.samples.median()), 100.0 * seen.samples.spread());
    format!("{median} ± {spread:.1} %, the first {}", duration(seen.first))
}

/// What is done.
pub(super) fn work_name(work: &Work) -> &'static str {
    if work.is_grid() { "grid: f and gradient" } else { "descent: gd" }
}

/// `1024 x 1024 points`, or `1000 particles x 100 steps`.
pub(super) fn size(work: &Work, size: usize) -> String {
    match work.steps() {
        None => format!("{} points", sides(work, size)),
        Some(steps) => format!("{size} particles x {steps} steps"),
    }
}

/// `1024 x 1024`, or `1000 x 100`.
fn sides(work: &Work, size: usize) -> String {
    match (work.steps(), work.dimension()) {
        (Some(steps), _) => format!("{size} x {steps}"),
        (None, dimension @ ..=2) => vec![size.to_string(); dimension].join(" x "),
        (None, dimension) => format!("{size}^{dimension}"),
    }
}

/// So many points, and the side of a grid that has them; or so many steps of particles.
pub(super) fn units_text(units: f64, work: &Work) -> String {
    match work.steps() {
        None if work.dimension() == 1 => format!("{units:.1e} points"),
        None => {
            let side = units.powf(1.0 / work.dimension() as f64).ceil();
            format!("{units:.1e} points ({})", sides(work, side as usize))
        }
        Some(steps) => {
            let particles = (units / steps as f64).ceil();
            format!("{units:.1e} steps of particles ({particles} particles of {steps} steps)")
        }
    }
}

fn deviation(seen: Option<&Deviation>) -> String {
    match seen {
        None => "not known".to_string(),
        Some(Deviation { nonfinite, .. }) if *nonfinite > 0 => format!("{nonfinite} wrong"),
        Some(Deviation { compared: 0, .. }) => "no number".to_string(),
        Some(Deviation { worst: 0.0, .. }) => "0".to_string(),
        Some(seen) => format!("{:.1e}", seen.worst),
    }
}

/// Seconds for people: `35.1 µs`, `0.21 ms`, `1.32 s`.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-4 => format!("{:.2} ms", s * 1e3),
        s if s > 0.0 => format!("{:.1} µs", s * 1e6),
        _ => "0 s".to_string(),
    }
}

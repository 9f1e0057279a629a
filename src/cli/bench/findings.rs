//! What `bench` found, and what follows from it: ratios, break-even sizes, and a plain sentence.

use super::arguments::Subject;
use super::engines::{Engine, Sort};
use super::table::{duration, units_text};
use gradfield::Precision;
use gradfield::bench::{BreakEven, Line, Measurement, Ratio, Work};

/// All of it.
pub(super) struct Findings {
    pub(super) engines: Vec<Engine>,
    pub(super) groups: Vec<Group>,
}

/// One function, format and kind of work, in all sizes.
pub(super) struct Group {
    pub(super) text: String,
    pub(super) precision: Precision,
    pub(super) work: Work,
    /// By size, ascending.
    pub(super) rows: Vec<Row>,
    pub(super) verdict: Verdict,
}

/// One size on all engines.
pub(super) struct Row {
    pub(super) size: usize,
    pub(super) found: Vec<Found>,
}

/// A measurement and whose it is.
pub(super) struct Found {
    /// Its place among the engines.
    pub(super) engine: usize,
    pub(super) precision: Precision,
    pub(super) measurement: Measurement,
}

impl Row {
    /// How many times as long the CPU took as a hardware GPU; none for other engines.
    pub(super) fn speedup(&self, found: &Found, engines: &[Engine]) -> Option<Ratio> {
        let cpu = self.found.iter().find(|other| engines[other.engine].sort == Sort::Cpu)?;
        let gpu = engines[found.engine].is_gpu();
        gpu.then(|| Ratio::of(&cpu.measurement.samples, &found.measurement.samples))
    }
}

/// Whether and from where on a GPU pays.
pub(super) struct Verdict {
    /// None where no hardware GPU was measured.
    pub(super) pays: Option<Pays>,
    pub(super) advice: String,
}

/// When a GPU takes no longer than the CPU.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pays {
    /// In one run from nothing: opening the device and compiling count.
    pub(super) once: BreakEven,
    /// In one of many runs, all of it open and compiled.
    pub(super) warm: BreakEven,
    /// Seconds to open the device.
    pub(super) start: f64,
    /// Seconds to compile.
    pub(super) compile: f64,
}

impl Group {
    pub(super) fn new(
        subject: &Subject,
        precision: Precision,
        work: &Work,
        rows: Vec<Row>,
        engines: &[Engine],
    ) -> Group {
        let gpu = engines.iter().position(Engine::is_gpu);
        let pays = gpu.and_then(|gpu| pays(&rows, gpu, engines));
        let largest = rows.last().map_or(0.0, |row| work.units(row.size));
        let advice = match (&pays, engines.iter().find(|engine| engine.sort == Sort::Software)) {
            (Some(pays), _) => advice(pays, largest, work),
            (None, Some(software)) => format!(
                "use the CPU for this: {} is a software adapter, the CPU in disguise; its speed says nothing about a GPU",
                software.backend.describe()
            ),
            (None, None) if gpu.is_some() => {
                format!("use the CPU for this: the GPU here does not compute in {}", precision.name())
            }
            (None, None) => "use the CPU for this: no hardware GPU was measured".to_string(),
        };
        let text = subject.text().to_string();
        Group { text, precision, work: work.clone(), rows, verdict: Verdict { pays, advice } }
    }
}

/// The lines of the CPU and of a GPU through their medians, and where they meet.
fn pays(rows: &[Row], gpu: usize, engines: &[Engine]) -> Option<Pays> {
    let of = |wanted: usize| rows.iter().flat_map(|row| &row.found).filter(move |found| found.engine == wanted);
    let line = |wanted: usize| {
        let times: Vec<(f64, f64)> =
            of(wanted).map(|found| (found.measurement.units, found.measurement.samples.median())).collect();
        Line::fit(&times)
    };
    let place = engines.iter().position(|engine| engine.sort == Sort::Cpu)?;
    let (cpu, warm) = (line(place)?, line(gpu)?);
    let compile = of(gpu).filter_map(|found| found.measurement.compile).fold(0.0, f64::max);
    let start = engines[gpu].start;
    let once = BreakEven::between(&cpu.after(engines[place].start), &warm.after(start + compile));
    Some(Pays { once, warm: BreakEven::between(&cpu, &warm), start, compile })
}

fn advice(pays: &Pays, largest: f64, work: &Work) -> String {
    let beyond = |least: f64| if least > largest { " (extrapolated: more than was measured)" } else { "" };
    match (pays.once, pays.warm) {
        (BreakEven::Never, BreakEven::Never) => {
            "use the CPU for this: the GPU takes no less for a unit of work, so no size makes up for its start"
                .to_string()
        }
        (BreakEven::Never, _) => {
            "use the CPU for this, unless the GPU is open and the shader compiled already".to_string()
        }
        (BreakEven::From(least), _) => {
            let from = units_text(least, work);
            let first = if least > largest { "use the CPU for this" } else { "use the GPU for this" };
            let turn = if least > largest { "the GPU pays from" } else { "from" };
            format!("{first}: {turn} {from} on{}, the CPU is faster below", beyond(least))
        }
        (BreakEven::Always, _) => "use the GPU for this, in any size that was measured".to_string(),
    }
}

impl Pays {
    /// Where the two meet, in words.
    pub(super) fn text(&self, work: &Work) -> String {
        let place = |pays: BreakEven| match pays {
            BreakEven::Always => "from the first on".to_string(),
            BreakEven::From(least) => format!("from {}", units_text(least, work)),
            BreakEven::Never => "at no size".to_string(),
        };
        format!(
            "break-even: the GPU pays {}, counting {} to open it and {} to compile; {} once it is open and warm",
            place(self.once),
            duration(self.start),
            duration(self.compile),
            place(self.warm)
        )
    }
}

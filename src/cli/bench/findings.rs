//! What `bench` found, and what follows from it: ratios, break-even sizes, and a plain sentence.

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
    /// How far the lines are from the medians that they were made from, as a share.
    pub(super) misfit: f64,
    /// Sizes that were measured.
    pub(super) sizes: usize,
}

impl Group {
    pub(super) fn of(text: String, precision: Precision, work: &Work, rows: Vec<Row>, engines: &[Engine]) -> Group {
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
        Group { text, precision, work: work.clone(), rows, verdict: Verdict { pays, advice } }
    }
}

/// The lines of the CPU and of a GPU through their medians, and where they meet.
fn pays(rows: &[Row], gpu: usize, engines: &[Engine]) -> Option<Pays> {
    let of = |wanted: usize| rows.iter().flat_map(|row| &row.found).filter(move |found| found.engine == wanted);
    let line = |wanted: usize| {
        let times = of(wanted).map(|found| (found.measurement.units, found.measurement.samples.median()));
        let times: Vec<(f64, f64)> = times.collect();
        Line::fit(&times).map(|line| (line, line.misfit(&times)))
    };
    let place = engines.iter().position(|engine| engine.sort == Sort::Cpu)?;
    let ((cpu, off), (warm, also)) = (line(place)?, line(gpu)?);
    let compile = of(gpu).filter_map(|found| found.measurement.compile).fold(0.0, f64::max);
    let start = engines[gpu].start;
    let once = BreakEven::between(&cpu.after(engines[place].start), &warm.after(start + compile));
    Some(Pays { once, warm: BreakEven::between(&cpu, &warm), start, compile, misfit: off.max(also), sizes: rows.len() })
}

fn advice(pays: &Pays, largest: f64, work: &Work) -> String {
    match (pays.once, pays.warm) {
        (BreakEven::Always, _) => "use the GPU for this, in every size that was measured".to_string(),
        (BreakEven::From(least), _) if least <= largest => {
            format!("use the GPU for this from {} on, and the CPU below", units_text(least, work))
        }
        (BreakEven::From(least), _) => format!(
            "use the CPU for this: a GPU pays from {} on, which is more than was measured",
            units_text(least, work)
        ),
        (BreakEven::Never, BreakEven::Never) => {
            "use the CPU for this: a unit of work costs the GPU no less, so no size makes up for its start".to_string()
        }
        (BreakEven::Never, _) => "use the CPU for this, unless the GPU is open and warm already".to_string(),
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
        let ground = match self.sizes {
            1 => "from one size alone; measure more of them".to_string(),
            _ => format!("by lines through the medians, within {:.0} % of them", 100.0 * self.misfit),
        };
        format!(
            "break-even: the GPU pays {}, counting {} to open it and {} to compile; {} once it is open and warm \
             ({ground})",
            place(self.once),
            duration(self.start),
            duration(self.compile),
            place(self.warm)
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::table;
    use super::*;
    use gradfield::Expression;
    use gradfield::backend::Stages;
    use gradfield::backend::reference::Reference;
    use gradfield::bench::{Deviation, Samples};

    fn engine(sort: Sort, tag: &str, start: f64) -> Engine {
        Engine { backend: Box::new(Reference), sort, tag: tag.to_string(), start, memory: None }
    }

    fn found(engine: usize, units: f64, seconds: f64) -> Found {
        let samples = Samples { seconds: vec![seconds; 3] };
        let deviation = Some(Deviation { worst: 1e-7, nonfinite: 0, compared: 9 });
        let stages = (engine == 1).then(|| Stages { kernel: seconds / 2.0, timestamps: true, ..Stages::default() });
        let compile = (engine == 1).then_some(0.05);
        let bytes = Some(12.0 * units);
        let measurement = Measurement { first: seconds, samples, compile, stages, deviation, units, bytes };
        Found { engine, precision: Precision::F32, measurement }
    }

    /// A CPU with 1 ns a point; a GPU with 0.1 ms a run, 0.3 s to open, 0.05 s to compile, and so many ns a point.
    fn made_up(sort: Sort, nanoseconds: f64, sizes: &[usize]) -> (Group, Vec<Engine>) {
        let engines = vec![engine(Sort::Cpu, "CPU", 0.0), engine(sort, "other", 0.3)];
        let expression = Expression::parse("x^2 + y^2").unwrap();
        let work = Work::grid(&expression.gradient().unwrap());
        let rows = sizes.iter().map(|size| {
            let units = work.units(*size);
            let times = [1e-9 * units, 1e-4 + 1e-9 * nanoseconds * units];
            Row { size: *size, found: (0..2).map(|k| found(k, units, times[k])).collect() }
        });
        let rows = rows.collect();
        let (text, precision) = (expression.text().to_string(), Precision::F32);
        (Group::of(text, precision, &work, rows, &engines), engines)
    }

    #[test]
    fn a_gpu_that_pays_is_told_from_where_on() {
        let (group, engines) = made_up(Sort::Gpu, 0.1, &[256, 4096, 40_000]);
        // 0.3501 s / 0.9 ns a point.
        let text = table::group(&group, &engines, true);
        assert!(
            text.contains("use the GPU for this from 3.9e8 points (19724 x 19724) on, and the CPU below"),
            "{text}"
        );
        assert!(text.contains("counting 300.00 ms to open it and 50.00 ms to compile"), "{text}");
        assert!(text.contains("1.1e5 points (334 x 334) once it is open and warm (by lines"), "{text}");
        assert!(text.contains("speed-up over the CPU") && text.contains("9.99 ± 0.00"), "{text}");
        let (group, _) = made_up(Sort::Gpu, 0.1, &[256, 4096]);
        assert!(group.verdict.advice.starts_with("use the CPU for this: a GPU pays from 3.9e8 points"));
        let (group, engines) = made_up(Sort::Gpu, 0.1, &[4096]);
        assert!(table::group(&group, &engines, true).contains("(from one size alone; measure more of them)"));
    }

    #[test]
    fn a_gpu_that_never_pays_is_told_so() {
        let (group, engines) = made_up(Sort::Gpu, 1.5, &[256, 4096]);
        let text = table::group(&group, &engines, true);
        assert!(text.contains("the GPU pays at no size") && text.contains("use the CPU for this"), "{text}");
    }

    #[test]
    fn a_software_adapter_is_never_a_speed_up() {
        // However fast it is.
        let (group, engines) = made_up(Sort::Software, 0.01, &[256, 40_000]);
        let text = table::group(&group, &engines, true) + &table::machine(&engines);
        assert!(text.contains("use the CPU for this") && text.contains("its speed says nothing about a GPU"), "{text}");
        assert!(!text.contains("speed-up") && !text.contains("break-even") && group.verdict.pays.is_none(), "{text}");
        assert!(group.rows.iter().all(|row| row.found.iter().all(|found| row.speedup(found, &engines).is_none())));
    }
}

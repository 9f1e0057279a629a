//! Hops: what they find that starts do not, and that they leave alone what is there.

use crate::agree::require;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::hops::Plan;
use gradfield::descent::starts::uniform_box;
use gradfield::descent::{Basins, DescentError, Hops, Method, Minima, Minimum, Search, Searcher, hop};
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};

type Check = Result<(), Failed>;
type Test = (&'static str, fn() -> Check);

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [Test; 6] = [
        ("what starts miss where coordinates act apart", apart),
        ("minima at kinks and jumps", kinks),
        ("no row is worse, and shares are those of the starts", others),
        ("the same on any threads, another way by another seed", threads),
        ("maxima are the minima of the negative", maxima),
        ("no more evaluations than allowed", budget),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("hops: {name}"), test)).collect()
}

const RASTRIGIN: &str = "100 + sum(i,1,10,x[i]^2-10cos(2pi*x[i]))";

/// A run of few starts in a box.
struct Run {
    f: Expression,
    search: Search,
    basins: Basins,
    minima: Minima,
}

impl Run {
    fn of(text: &str, range: (f64, f64), starts: usize, maximize: bool) -> Result<Run, Failed> {
        let f = Expression::parse(text)?;
        let ranges = vec![range; f.variables().len()];
        let search = Search {
            method: Method::Auto,
            bounds: Some(ranges.clone()),
            ranges: ranges.clone(),
            tolerance: 1e-10,
            steps: 1000,
            maximize,
        };
        let cpu = Cpu::new(Some(2))?;
        let mut basins = Basins::new(&ranges, Precision::F64, maximize);
        let mut take = |ends| -> Result<(), DescentError> {
            basins.add(&ends);
            Ok(())
        };
        let columns = uniform_box(3, starts, &ranges);
        let part = |part: std::ops::Range<u64>| {
            columns.iter().map(|column| column[part.start as usize..part.end as usize].to_vec()).collect()
        };
        Searcher::new(&f, search.clone(), &cpu, Precision::F64)?.run(&part, 0..starts as u64, &mut take)?;
        let minima = Minima::of(&basins, &f, search.bounds.as_deref(), search.tolerance, &cpu)?;
        Ok(Run { f, search, basins, minima })
    }

    fn hop(&self, plan: &Plan, threads: usize) -> Result<(Minima, Hops), Failed> {
        Ok(hop(self.minima.clone(), &self.basins, &self.f, &self.search, plan, &Cpu::new(Some(threads))?)?)
    }

    fn best(&self) -> f64 {
        self.minima.rows.first().map_or(f64::NAN, |row| row.f)
    }
}

/// All that a row says, to the bit.
fn text(rows: &[Minimum]) -> String {
    format!("{rows:?}")
}

/// 10^10 minima, 300 starts.
fn apart() -> Check {
    let run = Run::of(RASTRIGIN, (-5.12, 5.12), 300, false)?;
    require(run.best() > 5.0, || format!("starts alone came to {}", run.best()))?;
    let (after, hops) = run.hop(&Plan::default(), 2)?;
    let first = &after.rows[0];
    // The best or the next best of all: which one is decided by the rounding of this level.
    require(first.f < 1.0 && first.by_hops && first.hits == 0 && first.share == 0.0, || format!("{first:?}"))?;
    require(hops.gain.found > 0 && hops.searches > 0, || format!("{hops:?}"))?;
    let rest: Vec<Minimum> = after.rows.iter().filter(|row| !row.by_hops).cloned().collect();
    require(text(&rest) == text(&run.minima.rows), || "the rows of the starts are others".to_string())
}

/// Odd Square and Zimmerman's problem of the suites, where no gradient leads to the best place.
fn kinks() -> Check {
    let square = "d = 2max((x-1)^2,(y-1.3)^2); h = (x-1)^2+(y-1.3)^2; -exp(-d/(2pi))*cos(pi*d)*(1+0.02h/(d+0.01))";
    let zimmerman = "a = (x-3)^2+(y-2)^2-16; b = x*y-14; max(9-x-y, 100(1+a)*sign(a), 100(1+b)*sign(b), \
                     100(1-x)*sign(x), 100(1-y)*sign(y))";
    for (function, range, best) in [(square, (-15.0, 15.0), -1.008_467_281_139_47), (zimmerman, (0.0, 100.0), 0.0)] {
        let run = Run::of(function, range, 12, false)?;
        let (after, _) = run.hop(&Plan::default(), 2)?;
        let (before, found) = (run.best(), after.rows[0].f);
        require((found - best).abs() < 1e-9 && before - best > 1e-4, || {
            format!("{function}: {found}, {before} before")
        })?;
    }
    Ok(())
}

/// Functions of which all is found, flat ones and ones with a bound, a kink, no minimum.
fn others() -> Check {
    for (function, range) in [
        ("(x^2 + y - 11)^2 + (x + y^2 - 7)^2", (-6.0, 6.0)),
        ("(x^2 + y^2 - 1)^2", (-2.0, 2.0)),
        ("abs(x) + abs(y - 0.3)", (-1.0, 1.0)),
        ("x^3 + y", (-1.0, 2.0)),
        ("sqrt(x) sin(9y)", (-1.0, 1.0)),
        ("x^8 + y^4 - x^2 y^2", (-1.0, 1.5)),
    ] {
        let run = Run::of(function, range, 400, false)?;
        let (after, _) = run.hop(&Plan::default(), 2)?;
        let by_starts: Vec<&Minimum> = after.rows.iter().filter(|row| !row.by_hops).collect();
        let sorted = after.rows.windows(2).all(|pair| pair[0].f <= pair[1].f || pair[1].f.is_nan());
        require(by_starts.len() == run.minima.rows.len() && sorted, || format!("{function}: {after:#?}"))?;
        for old in &run.minima.rows {
            let new = by_starts.iter().find(|row| row.particle == old.particle).ok_or("a row is gone")?;
            let same = new.hits == old.hits && new.share.to_bits() == old.share.to_bits() && new.f <= old.f;
            require(same, || format!("{function}: {old:?} became {new:?}"))?;
        }
        let unchanged = after.unseen == run.minima.unseen && after.dropped == run.minima.dropped;
        require(unchanged && after.rows[0].f <= run.best(), || format!("{function}: {after:#?}"))?;
        require(after.rows.len() == run.minima.rows.len(), || {
            format!("{function}: nothing is to be found, {after:#?}")
        })?;
    }
    Ok(())
}

fn threads() -> Check {
    let run = Run::of(RASTRIGIN, (-5.12, 5.12), 300, false)?;
    let (one, hops) = run.hop(&Plan::default(), 1)?;
    for threads in [2, 3] {
        let (other, others) = run.hop(&Plan::default(), threads)?;
        require(text(&other.rows) == text(&one.rows) && others == hops, || format!("{hops:?}, {others:?}"))?;
    }
    let (other, others) = run.hop(&Plan { seed: 1, ..Plan::default() }, 2)?;
    require(others != hops && other.rows[0].f < run.best() - 3.0, || format!("{hops:?}, {others:?}"))
}

fn maxima() -> Check {
    let down = Run::of("sum(i,1,4,x[i]^2-10cos(2pi*x[i]))", (-5.12, 5.12), 50, false)?;
    let up = Run::of("-sum(i,1,4,x[i]^2-10cos(2pi*x[i]))", (-5.12, 5.12), 50, true)?;
    let ((down, hops), (up, others)) = (down.hop(&Plan::default(), 2)?, up.hop(&Plan::default(), 2)?);
    require(hops == others && hops.gain.found > 0, || format!("{hops:?}, {others:?}"))?;
    let same = |(a, b): (&Minimum, &Minimum)| a.f == -b.f && a.x == b.x && a.by_hops == b.by_hops;
    let all = down.rows.len() == up.rows.len() && down.rows.iter().zip(&up.rows).all(same);
    require(all && down.rows[0].f == -40.0, || format!("{down:#?} {up:#?}"))
}

/// A generation or a batch of searches may be on its way when they are used up.
fn budget() -> Check {
    let run = Run::of(RASTRIGIN, (-5.12, 5.12), 300, false)?;
    let (after, hops) = run.hop(&Plan { evaluations: Some(0), ..Plan::default() }, 2)?;
    require(hops == Hops::default() && text(&after.rows) == text(&run.minima.rows), || format!("{hops:?}"))?;
    for evaluations in [1, 1000, 5000] {
        let (_, hops) = run.hop(&Plan { evaluations: Some(evaluations), ..Plan::default() }, 2)?;
        let most = evaluations + 96 * 200;
        require((evaluations..most).contains(&hops.evaluations), || format!("{evaluations}: {hops:?}"))?;
    }
    let (_, hops) = run.hop(&Plan { until: Some(std::time::Instant::now()), ..Plan::default() }, 2)?;
    require(hops == Hops::default(), || format!("{hops:?}"))
}

//! The table of distinct minima, from ends that are made here: known minima with the noise of a run on them.

use crate::agree::require;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::starts::{uniform, uniform_box};
use gradfield::descent::{Basins, Ends, Kind, Minima, Minimum, Status};
use gradfield::{Expression, Precision, Values};
use libtest_mimic::{Failed, Trial};

type Check = Result<(), Failed>;
type Test = (&'static str, fn() -> Check);

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [Test; 14] = [
        ("himmelblau's four", himmelblau),
        ("the six of the camel", camel),
        ("the lattice of rastrigin, in any order of batches", rastrigin),
        ("many variables", many_variables),
        ("saddles, maxima and what is flat are told apart", kinds),
        ("a valley is one row, and nothing wanders along it", valleys),
        ("degenerate minima next to each other stay apart", degenerate),
        ("at a kink a point stays where f is least", kink),
        ("at a bound", bounds),
        ("maxima", maxima),
        ("cells that are dropped are those of the worst f", limit),
        ("what is not finite is no minimum", not_finite),
        ("what ended without success is told, not listed", unfinished),
        ("the estimate of what is unseen", unseen),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("minima: {name}"), test)).collect()
}

const HIMMELBLAU: &str = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2";

/// Ends with the first number `first` at these points, all with one status, as a run in `precision` has them.
fn ends(expression: &Expression, points: &[Vec<f64>], first: u64, status: Status, precision: Precision) -> Ends {
    let n = expression.variables().len();
    let column = |v: usize| Values::from_f64(precision, &points.iter().map(|x| x[v]).collect::<Vec<_>>());
    let positions: Vec<Values> = (0..n).map(column).collect();
    let tape = gradfield::field::tape_of(&expression.value());
    let f = |k: usize| {
        let x: Vec<f64> = positions.iter().map(|column| column.get(k)).collect();
        gradfield::backend::reference::at(&tape, &x)[0]
    };
    let values = Values::from_f64(precision, &(0..points.len()).map(f).collect::<Vec<_>>());
    let (statuses, steps) = (vec![status; points.len()], vec![7; points.len()]);
    Ends { first, positions, values, statuses, steps }
}

/// `count` points, each one of `centres` with even noise of so much on it.
fn scattered(centres: &[Vec<f64>], count: usize, noise: f64, seed: u64) -> Vec<Vec<f64>> {
    let point = |k: usize| {
        let centre = &centres[(uniform(seed, k as u64, 99) * centres.len() as f64) as usize];
        let moved = |(i, x): (usize, &f64)| x + noise * (2.0 * uniform(seed, k as u64, i as u64) - 1.0);
        centre.iter().enumerate().map(moved).collect()
    };
    (0..count).map(point).collect()
}

struct Case<'a> {
    text: &'a str,
    range: (f64, f64),
    bounds: bool,
    maximize: bool,
}

impl Case<'_> {
    fn table(&self, points: &[Vec<f64>]) -> Result<Vec<Minimum>, Failed> {
        let f = Expression::parse(self.text)?;
        let ranges = vec![self.range; f.variables().len()];
        let mut basins = Basins::new(&ranges, Precision::F32, self.maximize);
        basins.add(&ends(&f, points, 0, Status::Converged, Precision::F32));
        let bounds = self.bounds.then_some(ranges.as_slice());
        let minima = Minima::of(&basins, &f, bounds, 1e-3, &Cpu::new(Some(2))?)?;
        let hits: u64 = minima.rows.iter().map(|row| row.hits).sum();
        require(hits == points.len() as u64 && minima.dropped == 0, || format!("{hits} hits of {}", points.len()))?;
        Ok(minima.rows)
    }
}

fn case(text: &str, range: (f64, f64)) -> Case<'_> {
    Case { text, range, bounds: false, maximize: false }
}

fn near(row: &Minimum, x: &[f64], tolerance: f64) -> bool {
    row.x.iter().zip(x).all(|(a, b)| (a - b).abs() <= tolerance)
}

/// To the digits that are published (Himmelblau, Applied nonlinear programming, 1972).
fn himmelblau() -> Check {
    let known = [[3.0, 2.0], [-2.805_118, 3.131_312], [-3.779_310, -3.283_186], [3.584_428, -1.848_126]];
    let centres: Vec<Vec<f64>> = known.iter().map(|x| x.to_vec()).collect();
    let rows = case(HIMMELBLAU, (-6.0, 6.0)).table(&scattered(&centres, 4000, 1e-3, 1))?;
    require(rows.len() == 4, || format!("{rows:#?}"))?;
    for x in &known {
        let row = rows.iter().find(|row| near(row, x, 1e-6));
        let row = row.ok_or_else(|| format!("{x:?} is not in {rows:#?}"))?;
        let fine = row.f.abs() <= 1e-20 && row.gradient_norm <= 1e-12 && row.kind == Kind::Minimum;
        require(fine && row.hits > 900 && (row.share - row.hits as f64 / 4000.0).abs() < 1e-15, || format!("{row:?}"))?;
    }
    Ok(())
}

/// Six, two by two, from below (Dixon and Szego, Towards global optimisation 2, 1978).
fn camel() -> Check {
    let known = [[0.089_842, -0.712_656], [1.703_607, -0.796_084], [1.607_105, 0.568_651]];
    let both = known.iter().flat_map(|x| [vec![x[0], x[1]], vec![-x[0], -x[1]]]);
    let points = scattered(&both.collect::<Vec<_>>(), 900, 1e-4, 2);
    let rows = case("(4 - 2.1x^2 + x^4/3) x^2 + x y + (4y^2 - 4) y^2", (-3.0, 3.0)).table(&points)?;
    let values: Vec<f64> = rows.iter().map(|row| row.f).collect();
    let expected = [-1.031_628, -1.031_628, -0.215_464, -0.215_464, 2.104_250, 2.104_250];
    let fine = rows.len() == 6 && values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
    require(fine && rows.iter().all(|row| row.kind == Kind::Minimum), || format!("{rows:#?}"))
}

/// 121 minima in [-5.12, 5.12]^2, at the roots of 2 x + 20 pi sin(2 pi x) next to the integers; batches forwards, backwards
/// and in shares that are merged give the same table to the bit.
fn rastrigin() -> Check {
    let text = "20 + x^2 - 10cos(2pi x) + y^2 - 10cos(2pi y)";
    let f = Expression::parse(text)?;
    let root = |k: i32| {
        let mut x = f64::from(k);
        let tau = std::f64::consts::TAU;
        (0..9).for_each(|_| x -= (2.0 * x + 10.0 * tau * (tau * x).sin()) / (2.0 + 10.0 * tau * tau * (tau * x).cos()));
        x
    };
    let centres: Vec<Vec<f64>> = (-5..=5).flat_map(|i| (-5..=5).map(move |j| vec![root(i), root(j)])).collect();
    let points = scattered(&centres, 20_000, 3e-4, 3);
    let batches: Vec<Ends> = points
        .chunks(777)
        .enumerate()
        .map(|(k, part)| ends(&f, part, 777 * k as u64, Status::Floor, Precision::F32))
        .collect();
    let empty = || Basins::new(&[(-5.12, 5.12); 2], Precision::F32, false);
    let mut forwards = empty();
    batches.iter().for_each(|batch| forwards.add(batch));
    let mut backwards = empty();
    batches.iter().rev().for_each(|batch| backwards.add(batch));
    let (mut merged, mut other) = (empty(), empty());
    batches.iter().enumerate().for_each(|(k, batch)| if k % 3 == 0 { merged.add(batch) } else { other.add(batch) });
    merged.merge(&other);
    let table = |basins: &Basins| Minima::of(basins, &f, None, 1e-3, &Cpu::new(Some(2))?).map(|minima| minima.rows);
    let rows = table(&forwards)?;
    require(rows.len() == 121 && rows.iter().all(|row| row.kind == Kind::Minimum), || format!("{} rows", rows.len()))?;
    for centre in &centres {
        require(rows.iter().any(|row| near(row, centre, 1e-13)), || format!("{centre:?} is missing"))?;
    }
    require(rows[0].f.abs() < 1e-13 && rows.is_sorted_by(|a, b| a.f <= b.f), || format!("{:?}", rows[0]))?;
    let same = format!("{rows:?}") == format!("{:?}", table(&backwards)?) && rows == table(&merged)?;
    require(same, || "the order of batches shows".to_string())?;
    require(forwards.evaluations() == 140_000 && forwards.particles() == merged.particles(), || "counts".to_string())
}

/// Ten variables with 3^10 places for ends around 0, and eighty, for which there is no Hessian.
fn many_variables() -> Check {
    let text = "sum(i, 1, 10, x[i]^2 - 0.1cos(5pi x[i]))";
    let points = scattered(&[vec![0.0; 10], vec![0.388_8; 10]], 3000, 2e-4, 4);
    let rows = case(text, (-1.0, 1.0)).table(&points)?;
    let f = rows.iter().filter(|row| row.kind == Kind::Minimum).count();
    require(f == rows.len() && rows.len() == 2 && near(&rows[0], &[0.0; 10], 1e-12), || format!("{rows:#?}"))?;
    let rows = case("sum(i, 1, 80, (x[i] - 0.25)^2)", (-1.0, 1.0)).table(&vec![vec![0.25; 80]; 50])?;
    require(rows.len() == 1 && rows[0].kind == Kind::Unknown && rows[0].f == 0.0, || format!("{rows:#?}"))
}

fn kinds() -> Check {
    for (text, x, kind) in [
        ("x^2 - y^2", [0.0, 0.0], Kind::Saddle),
        ("-x^2 - y^2", [0.0, 0.0], Kind::Maximum),
        ("x^2 + y^2", [0.0, 0.0], Kind::Minimum),
        ("x^2 + 1e-8y^2", [0.0, 0.0], Kind::Minimum),
        ("x^2 + 1e-11y^2", [0.0, 0.0], Kind::Flat),
        ("x^2 + 0y", [0.0, 1.0], Kind::Flat),
        ("(x + y)^2", [0.5, -0.5], Kind::Flat),
        ("x^4 + y^2", [0.0, 0.0], Kind::Flat),
        ("x^3 + y^2", [0.0, 0.0], Kind::Flat),
        ("0x + 0y + 3", [0.0, 1.0], Kind::Flat),
        ("x^3 - 3x y^2", [0.0, 0.0], Kind::Flat),
        ("abs(x) + y^2", [0.0, 0.0], Kind::Unknown),
        ("cos(x) + cos(y)", [0.0, std::f64::consts::PI], Kind::Saddle),
    ] {
        let rows = case(text, (-3.0, 3.0)).table(&scattered(&[x.to_vec()], 20, 1e-4, 5))?;
        // The gradient of x^3 and x^4 is not steep enough for all to meet; each is what it is.
        require(rows.iter().all(|row| row.kind == kind && near(row, &x, 2e-2)), || format!("{text}: {rows:#?}"))?;
        let steep = ![Kind::Flat, Kind::Unknown].contains(&kind);
        require(!steep || rows.len() == 1 && rows[0].gradient_norm < 1e-14, || format!("{text}: {rows:#?}"))?;
    }
    Ok(())
}

fn valleys() -> Check {
    // A line, a circle and two lines; even 60 ends are joined.
    let on = |count: usize, of: &dyn Fn(f64) -> [f64; 2]| -> Vec<Vec<f64>> {
        let one = |k: usize| of(uniform(6, k as u64, 0)).into_iter().enumerate();
        let noise = |k: usize, i: usize| 2e-4 * (uniform(6, k as u64, 1 + i as u64) - 0.5);
        (0..count).map(|k| one(k).map(|(i, x)| x + noise(k, i)).collect()).collect()
    };
    let line = on(300, &|t| [4.0 * t - 2.0, 2.0 - 4.0 * t]);
    let circle = on(300, &|t| [(6.3 * t).cos(), (6.3 * t).sin()]);
    let two = on(300, &|t| [if t < 0.5 { -1.0 } else { 1.0 }, 12.0 * (t - 0.5).abs() - 3.0]);
    for (text, points, expected) in [
        ("(x + y)^2 + 5", line, 1),
        ("(x^2 + y^2 - 1)^2", circle.clone(), 1),
        ("(x^2 + y^2 - 1)^2", circle[..60].to_vec(), 1),
        ("(x^2 - 1)^2 + 0y", two, 2),
    ] {
        let rows = case(text, (-3.0, 3.0)).table(&points)?;
        let fine = rows.len() == expected && rows.iter().all(|row| row.kind == Kind::Flat && row.gradient_norm < 1e-12);
        require(fine, || format!("{text}: {rows:#?}"))?;
        let stayed = |row: &Minimum| near(row, &points[row.particle as usize], 0.1) || expected == 1;
        require(rows.iter().all(stayed), || format!("{text} wandered: {rows:#?}"))?;
    }
    Ok(())
}

/// sin(4 x)^4 has minima of fourth order every pi / 4, at most 1.5 % of this box apart.
fn degenerate() -> Check {
    let centres: Vec<Vec<f64>> = (-5..=5).map(|k| vec![f64::from(k) * std::f64::consts::PI / 4.0]).collect();
    let rows = case("sin(4x)^4", (-25.0, 25.0)).table(&scattered(&centres, 500, 1e-3, 7))?;
    let fine = rows.len() == 11 && rows.iter().all(|row| row.kind == Kind::Flat && row.f < 1e-20);
    require(fine, || format!("{rows:#?}"))
}

fn bounds() -> Check {
    let within = |text| Case { text, range: (-1.0, 0.1), bounds: true, maximize: false };
    // The slope at the corner is (2 (0.1 - 3), 2 (0.1 - 2)); ends in f32 lie a little outside.
    let rows = within("(x - 3)^2 + (y - 2)^2").table(&vec![vec![0.1, 0.1]; 9])?;
    let corner = rows.len() == 1 && rows[0].x == [0.1, 0.1] && rows[0].kind == Kind::Boundary;
    require(corner && rows[0].gradient_norm == 0.0, || format!("{rows:#?}"))?;
    // On an edge Newton moves along it and never off it.
    let rows = within("(x - 3)^2 + (y + 0.5)^2 + (y + 0.5)^4").table(&vec![vec![0.1, -0.49]; 9])?;
    let edge = rows.len() == 1 && rows[0].x[0] == 0.1 && (rows[0].x[1] + 0.5).abs() < 1e-12;
    require(edge && rows[0].kind == Kind::Boundary, || format!("{rows:#?}"))?;
    let rows = within("(x - 3)^2 - (y + 0.5)^2").table(&[vec![0.1, -0.5]])?;
    require(rows[0].kind == Kind::Saddle, || format!("{rows:#?}"))?;
    // Newton would leave: from here the step of the cubic goes beyond the bound.
    let rows = within("x^3/3 - 0.012x + y^2").table(&vec![vec![0.099, 0.0]; 3])?;
    require(rows.iter().all(|row| row.x[0] <= 0.1 && row.x[0] >= -1.0), || format!("{rows:#?}"))
}

fn maxima() -> Check {
    let text = format!("2 - ({HIMMELBLAU})");
    let centres = [vec![3.0, 2.0], vec![3.584_428, -1.848_126]];
    let case = Case { text: &text, range: (-6.0, 6.0), bounds: false, maximize: true };
    let rows = case.table(&scattered(&centres, 200, 1e-3, 8))?;
    let fine = rows.len() == 2 && rows.iter().all(|row| row.kind == Kind::Maximum && (row.f - 2.0).abs() < 1e-15);
    require(fine, || format!("{rows:#?}"))?;
    let case = Case { text: "x + cos(y)", range: (-1.0, 1.0), bounds: true, maximize: true };
    let rows = case.table(&[vec![1.0, 1e-5], vec![1.0, -1e-5]])?;
    let fine = rows.len() == 1 && rows[0].x[0] == 1.0 && rows[0].x[1].abs() < 1e-15 && rows[0].kind == Kind::Boundary;
    require(fine, || format!("{rows:#?}"))
}

/// Of 1000 cells 100 are kept: those with the lowest x^2, hits exact, in every order.
fn limit() -> Check {
    let f = Expression::parse("x^2 + 0y")?;
    let points: Vec<Vec<f64>> = uniform_box(9, 5000, &[(0.0, 10.0), (0.0, 1e-3)])[0]
        .iter()
        .map(|x| vec![x.floor() + 0.25 + (x * 1e4).floor() % 100.0 / 100.0, 0.0])
        .collect();
    let batches: Vec<Ends> = points
        .chunks(91)
        .enumerate()
        .map(|(k, part)| ends(&f, part, 91 * k as u64, Status::Converged, Precision::F64))
        .collect();
    let empty = || Basins::new(&[(0.0, 10.0), (0.0, 1.0)], Precision::F64, false).with_limit(100);
    let (mut forwards, mut backwards) = (empty(), empty());
    batches.iter().for_each(|batch| forwards.add(batch));
    batches.iter().rev().for_each(|batch| backwards.add(batch));
    let mut all = empty().with_limit(1 << 20);
    batches.iter().for_each(|batch| all.add(batch));
    let kept = forwards.cells();
    require(kept.len() == 100 && all.cells().len() > 500 && kept == backwards.cells(), || format!("{}", kept.len()))?;
    let exact = kept.iter().all(|cell| all.cells().contains(cell));
    let highest = kept.iter().map(|cell| cell.f).fold(0.0, f64::max);
    // A level of f is an eighth of an octave of 1 + f.
    let below = all.cells().iter().filter(|cell| (1.0 + cell.f) * 1.1 < 1.0 + highest).count();
    require(exact && below <= 100, || format!("{below} cells lie below {highest}"))?;
    let minima = Minima::of(&forwards, &f, None, 1e-8, &Cpu::new(Some(2))?)?;
    let seen: u64 = kept.iter().map(|cell| cell.hits).sum();
    require(minima.dropped == 5000 - seen && minima.dropped > 0, || format!("{}", minima.dropped))
}

fn not_finite() -> Check {
    let f = Expression::parse("ln(x) x")?;
    let mut basins = Basins::new(&[(0.0, 1.0)], Precision::F32, false);
    let mut batch = ends(&f, &[vec![f64::NAN], vec![-1.0], vec![f64::INFINITY]], 0, Status::Converged, Precision::F32);
    basins.add(&batch);
    let minima = Minima::of(&basins, &f, None, 1e-3, &Cpu::new(Some(1))?)?;
    let value = basins.statuses().find(|(status, _)| *status == Status::Value);
    let fine = minima.rows.is_empty() && basins.successes() == 0 && value == Some((Status::Value, 3));
    require(fine && minima.unseen.is_none() && basins.unfinished().is_none(), || format!("{minima:?}"))?;
    // A run that calls a point finite at which f64 finds NaN: a row, but of no kind.
    batch = ends(&f, &[vec![-1.0]], 0, Status::Converged, Precision::F32);
    batch.values = Values::F32(vec![1.0]);
    basins.add(&batch);
    let minima = Minima::of(&basins, &f, None, 1e-3, &Cpu::new(Some(1))?)?;
    require(minima.rows.len() == 1 && minima.rows[0].kind == Kind::Unknown, || format!("{minima:?}"))
}

fn unfinished() -> Check {
    let f = Expression::parse("x^2")?;
    let points = [vec![0.5], vec![f64::NAN], vec![0.25], vec![-0.25]];
    let mut batches: Vec<Ends> = points
        .iter()
        .enumerate()
        .map(|(k, x)| ends(&f, std::slice::from_ref(x), k as u64, Status::Steps, Precision::F32))
        .collect();
    for _ in 0..2 {
        let mut basins = Basins::new(&[(-1.0, 1.0)], Precision::F32, false);
        batches.iter().for_each(|batch| basins.add(batch));
        let best = basins.unfinished().ok_or("none")?;
        require((best.particle, best.f, best.status) == (2, 0.0625, Status::Steps), || format!("{best:?}"))?;
        let minima = Minima::of(&basins, &f, None, 1e-3, &Cpu::new(Some(1))?)?;
        require(minima.rows.is_empty(), || format!("{minima:?}"))?;
        batches.reverse();
    }
    Ok(())
}

/// Beside 0 the gradient is smaller than at it, and f larger; of what ends there the best shows the row.
fn kink() -> Check {
    let case = case("abs(x sin(x) + 0.1x)", (-10.0, 10.0));
    let alone = case.table(&[vec![3e-5]])?;
    require(alone.len() == 1 && alone[0].f < 4e-6, || format!("{alone:#?}"))?;
    let both = case.table(&[vec![-9e-3], vec![1e-9]])?;
    require(both.len() == 1 && both[0].f < 2e-10 && both[0].hits == 2, || format!("{both:#?}"))
}

/// Five places, one hit thrice, one twice, three once: 3/8 of what comes is new (Good 1953).
fn unseen() -> Check {
    let f = Expression::parse("1 - cos(2pi x)")?;
    let points: Vec<Vec<f64>> = [0.0, 1.0, 2.0, 0.0, 3.0, -4.0, 1.0, 0.0].iter().map(|x| vec![*x]).collect();
    let mut basins = Basins::new(&[(-5.0, 5.0)], Precision::F32, false);
    basins.add(&ends(&f, &points, 0, Status::Converged, Precision::F32));
    let minima = Minima::of(&basins, &f, None, 1e-3, &Cpu::new(Some(1))?)?;
    require(minima.unseen == Some(0.375) && minima.rows.len() == 5, || format!("{minima:?}"))
}

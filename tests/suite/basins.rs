//! Basins of attraction over a grid, against closed forms and against the gradient's flow integrated independently.

use crate::agree::require;
use crate::engines::{ENGINES, Engine};
use gradfield::backend::cpu::Cpu;
use gradfield::descent::map::NONE;
use gradfield::descent::{BasinMap, Method, Rule, Search, Status, rules};
use gradfield::{Expression, Points};
use libtest_mimic::{Failed, Trial};

const HIMMELBLAU: &str = "(x^2+y-11)^2+(x+y^2-7)^2";

type Test = fn(Engine) -> Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 5] = [
        ("a double well divides at its ridge", double_well),
        ("as the gradient flows", flow),
        ("steps of a bowl in closed form", bowl),
        ("what has no minimum has no basin", lost),
        ("a climb to maxima", climb),
    ];
    let mut trials = Vec::new();
    for engine in ENGINES {
        for (name, test) in tests {
            let name = format!("{}::{}::basins::{name}", engine.name, engine.precision.name());
            trials.push(Trial::test(name, move || test(engine)).with_ignored_flag(!engine.runs()));
        }
    }
    trials
}

/// The centres of so many cells of a range.
fn centres((lo, hi): (f64, f64), count: usize) -> Vec<f64> {
    (0..count).map(|k| lo + (hi - lo) * (k as f64 + 0.5) / count as f64).collect()
}

fn gd(lr: f64) -> Result<Method, Failed> {
    let mut rule = Rule::of(rules::by_name("gd").ok_or("gd")?)?;
    rule.set("lr", lr)?;
    Ok(Method::Rule(Box::new(rule)))
}

struct Case<'a> {
    text: &'a str,
    method: Method,
    reach: f64,
    size: (usize, usize),
    steps: u64,
    maximize: bool,
}

impl Case<'_> {
    fn axes(&self) -> [Vec<f64>; 2] {
        [self.size.0, self.size.1].map(|count| centres((-self.reach, self.reach), count))
    }

    fn map(&self, engine: Engine) -> Result<BasinMap, Failed> {
        let search = Search {
            method: self.method.clone(),
            bounds: None,
            ranges: vec![(-self.reach, self.reach); 2],
            tolerance: 1e-4,
            steps: self.steps,
            maximize: self.maximize,
        };
        let expression = Expression::parse(self.text)?;
        let (backend, [x, y]) = (engine.open()?, self.axes());
        let mut told = 0;
        let opened = (backend.as_ref(), engine.precision);
        let map = BasinMap::of(&expression, &search, [&x, &y], opened, &Cpu::new(Some(1))?, |done| told = done)?;
        let all = self.size.0 * self.size.1;
        assert!(map.basins.len() == all && map.steps.len() == all && told == all as u64);
        let hits: u64 = map.minima.rows.iter().map(|row| row.hits).sum();
        assert_eq!(hits as usize + map.lost(), all, "{}: every point is in a basin or in none", self.text);
        assert_eq!(map.statuses.iter().map(|(_, count)| count).sum::<u64>(), all as u64);
        for (k, row) in map.minima.rows.iter().enumerate() {
            let pixels = map.basins.iter().filter(|basin| **basin == k as u32).count();
            assert_eq!(pixels as u64, row.hits, "{}: the pixels of row {k}", self.text);
        }
        Ok(map)
    }
}

/// By symmetry no descent in straight steps crosses x = 0.
fn double_well(engine: Engine) -> Result<(), Failed> {
    // The columns are even in number: none lies on the ridge.
    for method in [gd(0.02)?, Method::Newton] {
        let name = format!("{method:?}").chars().take(12).collect::<String>();
        let case = Case { text: "(x^2-1)^2+y^2", method, reach: 2.0, size: (40, 31), steps: 3000, maximize: false };
        let map = case.map(engine)?;
        let [x, _] = case.axes();
        for (k, basin) in map.basins.iter().enumerate() {
            let start = x[k % 40];
            let row = map.minima.rows.get(*basin as usize);
            let end = row.map_or(f64::NAN, |row| row.x[0]);
            require((end - start.signum()).abs() < 1e-6, || format!("{name}: from x = {start} to {end}"))?;
        }
        require(map.minima.rows.len() == 2, || format!("{name}: {:?}", map.minima.rows))?;
    }
    Ok(())
}

/// Where x' = -grad f leads, by the classical method of Runge and Kutta in f64.
fn flows_to(mut x: [f64; 2]) -> [f64; 2] {
    let down = |[x, y]: [f64; 2]| {
        let (a, b) = (x * x + y - 11.0, x + y * y - 7.0);
        [-(4.0 * x * a + 2.0 * b), -(2.0 * a + 4.0 * y * b)]
    };
    let to = |x: [f64; 2], slope: [f64; 2], t: f64| [x[0] + t * slope[0], x[1] + t * slope[1]];
    let step = 1e-3;
    for _ in 0..4000 {
        let a = down(x);
        let b = down(to(x, a, step / 2.0));
        let c = down(to(x, b, step / 2.0));
        let d = down(to(x, c, step));
        let slope = [0, 1].map(|k| (a[k] + 2.0 * b[k] + 2.0 * c[k] + d[k]) / 6.0);
        x = to(x, slope, step);
    }
    x
}

/// Descents in small steps go where the flow goes, but for pixels that the border of two basins crosses.
fn flow(engine: Engine) -> Result<(), Failed> {
    let size = 60;
    let case =
        Case { text: HIMMELBLAU, method: gd(2e-4)?, reach: 5.0, size: (size, size), steps: 20_000, maximize: false };
    let map = case.map(engine)?;
    let [x, y] = case.axes();
    let far = |a: &[f64], b: &[f64]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let mut wrong = 0;
    for (k, basin) in map.basins.iter().enumerate() {
        let expected = flows_to([x[k % size], y[k / size]]);
        let row = map.minima.rows.get(*basin as usize);
        if row.is_none_or(|row| far(&row.x, &expected) > 0.01) {
            // A neighbour lies in the other basin.
            let (column, line) = (k % size, k / size);
            let near = |c: usize, l: usize| map.basins[l * size + c] != *basin;
            let at_border = (line.saturating_sub(1)..=(line + 1).min(size - 1))
                .any(|l| (column.saturating_sub(1)..=(column + 1).min(size - 1)).any(|c| near(c, l)));
            require(at_border, || format!("({}, {}) flows to {expected:?}, not {row:?}", x[column], y[line]))?;
            wrong += 1;
        }
    }
    require(map.minima.rows.len() == 4, || format!("{:?}", map.minima.rows))?;
    require(wrong * 200 <= map.basins.len(), || format!("{wrong} of {} pixels flow elsewhere", map.basins.len()))
}

/// On (x^2 + y^2) / 2 a step of length 1/2 halves x and y, exactly: the count follows from the start.
fn bowl(engine: Engine) -> Result<(), Failed> {
    let case = Case { text: "(x^2+y^2)/2", method: gd(0.5)?, reach: 3.0, size: (16, 9), steps: 100, maximize: false };
    let (map, [x, y]) = (case.map(engine)?, case.axes());
    for (k, steps) in map.steps.iter().enumerate() {
        let round = |v: f64| engine.precision.round(v);
        let (tolerance, mut size) = (round(1e-4), round(x[k % 16]).abs().max(round(y[k / 16]).abs()));
        let mut expected = 1;
        while size > tolerance {
            (size, expected) = (size / 2.0, expected + 1);
        }
        require(*steps == expected, || format!("{steps} steps from pixel {k}, not {expected}"))?;
    }
    require(map.lost() == 0 && map.minima.rows.len() == 1, || format!("{:?}", map.minima.rows))
}

/// A plane has no minimum, a logarithm no value for x < 0, and steps may be too few.
fn lost(engine: Engine) -> Result<(), Failed> {
    let case = |text, steps| -> Result<BasinMap, Failed> {
        Case { text, method: gd(0.05)?, reach: 2.0, size: (20, 10), steps, maximize: false }.map(engine)
    };
    let count = |map: &BasinMap, status| map.statuses.iter().find(|(one, _)| *one == status).map_or(0, |(_, n)| *n);
    let plane = case("x+2y", 50)?;
    require(plane.lost() == 200 && plane.minima.rows.is_empty(), || format!("{:?}", plane.statuses))?;
    require(count(&plane, Status::Steps) == 200, || format!("{:?}", plane.statuses))?;
    let half = case("x-ln(x)+y^2", 1000)?;
    for (k, basin) in half.basins.iter().enumerate() {
        require((k % 20 < 10) == (*basin == NONE), || format!("pixel {k}: {:?}", half.statuses))?;
    }
    require(count(&half, Status::Value) == 100, || format!("{:?}", half.statuses))?;
    let few = case("x^2+y^2", 20)?;
    require(few.lost() > 0 && few.lost() as u64 == count(&few, Status::Steps), || format!("{:?}", few.statuses))
}

/// The maxima of sin(x) cos(y) are at (pi/2 + 2 pi m, 2 pi n) and (-pi/2 + 2 pi m, pi + 2 pi n).
fn climb(engine: Engine) -> Result<(), Failed> {
    let case = Case { text: "sin(x)cos(y)", method: gd(0.2)?, reach: 3.0, size: (30, 30), steps: 2000, maximize: true };
    let map = case.map(engine)?;
    let pi = std::f64::consts::PI;
    for row in &map.minima.rows {
        let value = row.x[0].sin() * row.x[1].cos();
        // A pixel on the symmetry of two hills may end on the saddle between them.
        let saddle = value.abs() < 1e-9;
        require((value - 1.0).abs() < 1e-9 || saddle && row.hits < 40, || format!("{row:?}"))?;
    }
    let near = |x: f64, y: f64| map.minima.rows.iter().find(|row| (row.x[0] - x).hypot(row.x[1] - y) < 1e-6);
    let middle = near(pi / 2.0, 0.0).map_or(0, |row| row.hits);
    require(middle > 150, || format!("{:?}", map.minima.rows))?;
    // Points::linspace ends where it is told to: the axes of the case are those of the picture's pixels.
    let axis = Points::linspace(-2.9, 2.9, 30);
    require((axis[0] - case.axes()[0][0]).abs() < 1e-12, || format!("{axis:?}"))
}

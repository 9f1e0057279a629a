//! Streamlines: their distances, that they lie on the true curves, how they end, and that batches do not change them.

use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::backend::cpu::Cpu;
use gradfield::backend::{Backend, BackendError};
use gradfield::field::{Evaluator, Field};
use gradfield::flow::{FlowError, Place, Streamline, View, streamlines, streamlines_of};
use gradfield::{Expression, Points, Precision, Values};
use libtest_mimic::{Failed, Trial};

type Check = Result<(), Failed>;
type Test = (&'static str, fn() -> Check);

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [Test; 10] = [
        ("a line too close and an empty region are seen", faults_are_seen),
        ("levels of closed forms", closed_forms),
        ("a rotation closes", rotation),
        ("a spiral keeps its distance to itself", spiral),
        ("lines end where the gradient does", ends),
        ("threads and batches change nothing", batches),
        ("a preview and a print have the same lines", scales),
        ("ranges of any size", ranges),
        ("no gradient, no lines", constants),
        ("bad input is refused", refusals),
    ];
    let mut trials: Vec<Trial> =
        tests.into_iter().map(|(name, test)| Trial::test(format!("flow: {name}"), test)).collect();
    trials.extend(on_each("flow: spacing and cover", spacing_on));
    trials
}

const SIZE: (f64, f64) = (500.0, 400.0);

fn view(x: (f64, f64), y: (f64, f64)) -> View {
    View { x, y, width: SIZE.0, height: SIZE.1 }
}

fn square(half: f64) -> View {
    view((-half, half), (-half, half))
}

/// From data units to pixels.
fn pixel(view: &View, (x, y): Place) -> Place {
    let at = |v: f64, (lo, hi): (f64, f64), side: f64| (v - lo) / (hi - lo) * side;
    (at(x, view.x, view.width), at(y, view.y, view.height))
}

fn in_pixels(view: &View, lines: Vec<Streamline>) -> Vec<Vec<Place>> {
    lines.into_iter().map(|line| line.points.into_iter().map(|p| pixel(view, p)).collect()).collect()
}

fn distance(a: Place, b: Place) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The smallest distance of points of different lines.
fn closest(lines: &[Vec<Place>]) -> f64 {
    let mut closest = f64::INFINITY;
    for (k, line) in lines.iter().enumerate() {
        for other in &lines[k + 1..] {
            let pairs = line.iter().flat_map(|a| other.iter().map(|b| distance(*a, *b)));
            closest = pairs.fold(closest, f64::min);
        }
    }
    closest
}

/// The largest distance of a place to the nearest line.
fn emptiest(lines: &[Vec<Place>], places: &[Place]) -> f64 {
    let nearest = |place: &Place| lines.iter().flatten().map(|p| distance(*p, *place)).fold(f64::INFINITY, f64::min);
    places.iter().map(nearest).fold(0.0, f64::max)
}

/// Centres of a lattice at which f has a gradient other than zero.
fn defined(f: &Expression, view: &View) -> Result<Vec<Place>, Failed> {
    let (columns, rows) = (50, 40);
    let at = |k: usize, n: usize, (lo, hi): (f64, f64)| lo + (k as f64 + 0.5) / n as f64 * (hi - lo);
    let places: Vec<Place> =
        (0..columns * rows).map(|k| (at(k % columns, columns, view.x), at(k / columns, rows, view.y))).collect();
    let (x, y) = places.iter().copied().unzip();
    let field = Field::evaluate(&f.gradient()?, Points::columns(vec![x, y]), &Cpu::new(Some(1))?, Precision::F64)?;
    let known = |k: &usize| {
        let (u, v) = (field.columns[1].get(*k), field.columns[2].get(*k));
        u.is_finite() && v.is_finite() && (u != 0.0 || v != 0.0)
    };
    Ok((0..places.len()).filter(known).map(|k| pixel(view, places[k])).collect())
}

/// Rounding of a point to data units and back, in pixels.
const ROUNDING: f64 = 1e-6;

/// No two lines nearer than half a separation, nothing farther from all than two.
fn spacing(lines: &[Vec<Place>], places: &[Place], separation: f64) -> Check {
    let closest = closest(lines);
    require(closest >= 0.5 * separation - ROUNDING, || format!("lines {closest} px apart at {separation}"))?;
    let emptiest = emptiest(lines, places);
    require(emptiest <= 2.0 * separation, || format!("a place {emptiest} px from all lines at {separation}"))
}

fn spacing_on(engine: Engine, backend: &dyn Backend) -> Check {
    let cases = [
        ("x^2 + y^2", square(2.0), 25.0),
        ("x y", square(2.0), 20.0),
        ("(x^2+y-11)^2 + (x+y^2-7)^2", square(6.0), 25.0),
        ("sin(x) cos(y)", square(6.0), 16.0),
        ("sqrt(x y)", square(2.0), 25.0),
        ("exp(x) + 100y^2", view((0.0, 5.0), (-1.0, 1.0)), 30.0),
        ("abs(x) + 2abs(y - x)", square(1.0), 25.0),
    ];
    // Without machine code one engine alone takes minutes for all of them.
    let few = if engine.name == "cpu" { cases.len() } else { 3 };
    for (text, view, separation) in &cases[..few] {
        let f = Expression::parse(text)?;
        let lines = in_pixels(view, streamlines(&f, view, *separation, backend, engine.precision)?);
        spacing(&lines, &defined(&f, view)?, *separation).map_err(|e| format!("{text}: {:?}", e.message()))?;
    }
    Ok(())
}

fn faults_are_seen() -> Check {
    let f = Expression::parse("x y")?;
    let (view, separation) = (square(2.0), 20.0);
    let mut lines = in_pixels(&view, streamlines(&f, &view, separation, &Cpu::new(Some(1))?, Precision::F64)?);
    let places = defined(&f, &view)?;
    spacing(&lines, &places, separation)?;
    let half = lines.iter().filter(|line| line[0].0 > 0.5 * SIZE.0).cloned().collect::<Vec<_>>();
    require(spacing(&half, &places, separation).is_err(), || "half a picture passed".to_string())?;
    let moved = lines[0].iter().map(|p| (p.0 + 0.4 * separation, p.1)).collect();
    lines.push(moved);
    require(spacing(&lines, &places, separation).is_err(), || "a line too close passed".to_string())
}

/// f, and a quantity that its streamlines keep, with the derivatives of that.
type Kept = (&'static str, View, fn(Place) -> f64, fn(Place) -> Place);

/// How far a line is from the curve of its level, in pixels: the difference in level over the largest slope on the line.
/// Each step may err by 1e-4 of a separation; a hundred of them, all to the same side, are a hundredth.
fn closed_forms() -> Check {
    let cases: [Kept; 5] = [
        ("x y", square(2.0), |(x, y)| x * x - y * y, |(x, y)| (2.0 * x, -2.0 * y)),
        ("x^2 - y^2", square(2.0), |(x, y)| x * y, |(x, y)| (y, x)),
        // The same curves in data units, however unlike the scales are.
        ("x^2 - y^2", view((-1.0, 1.0), (-50.0, 50.0)), |(x, y)| x * y, |(x, y)| (y, x)),
        ("x y", view((3.0, 3.5), (-1e3, 1e3)), |(x, y)| x * x - y * y, |(x, y)| (2.0 * x, -2.0 * y)),
        ("exp(x) cos(y)", square(3.0), |(x, y)| x.exp() * y.sin(), |(x, y)| (x.exp() * y.sin(), x.exp() * y.cos())),
    ];
    for (text, view, level, slope) in cases {
        let f = Expression::parse(text)?;
        let separation = view.separation();
        let lines = streamlines(&f, &view, separation, &Cpu::new(Some(2))?, Precision::F64)?;
        require(lines.len() > 10, || format!("{text}: {} lines", lines.len()))?;
        let (sx, sy) = (view.width / (view.x.1 - view.x.0), view.height / (view.y.1 - view.y.0));
        for line in &lines {
            let steepest = |p: &Place| (slope(*p).0 / sx).hypot(slope(*p).1 / sy);
            let steepest = line.points.iter().map(steepest).fold(0.0, f64::max);
            let off = |p: &Place| (level(*p) - level(line.points[0])).abs() / steepest;
            let off = line.points.iter().map(off).fold(0.0, f64::max);
            require(off <= 0.01 * separation, || format!("{text}: {off} px beside the curve"))?;
        }
    }
    Ok(())
}

/// Lines of a field that is given by a function.
fn lines_of(field: impl Fn(Place) -> Place, separation: f64) -> Result<Vec<Streamline>, FlowError> {
    let view = View { x: (0.0, 1.0), y: (0.0, 1.0), width: SIZE.0, height: SIZE.1 };
    streamlines_of(&mut |places: &[Place]| Ok(places.iter().copied().map(&field).collect()), &view, separation)
}

const CENTRE: Place = (0.5 * SIZE.0, 0.5 * SIZE.1);

fn rotation() -> Check {
    let separation = 20.0;
    let turning = lines_of(|(x, y)| (CENTRE.1 - y, x - CENTRE.0), separation)?;
    let f = Expression::parse("atan2(y, x)")?;
    // As many pixels a unit in x as in y: circles are circles.
    let view = view((-5.0, 5.0), (-4.0, 4.0));
    let mut by_formula = streamlines(&f, &view, separation, &Cpu::new(Some(2))?, Precision::F64)?;
    by_formula.iter_mut().flat_map(|line| &mut line.points).for_each(|p| *p = pixel(&view, *p));
    for lines in [turning, by_formula] {
        let mut radii = Vec::new();
        for line in &lines {
            let radius = |p: &Place| distance(*p, CENTRE);
            let first = radius(&line.points[0]);
            require(line.closed == (first < CENTRE.1 - 1e-6), || format!("a radius of {first}: {}", line.closed))?;
            let off = line.points.iter().map(|p| (radius(p) - first).abs()).fold(0.0, f64::max);
            require(off < 0.01 * separation, || format!("{off} px off a circle"))?;
            if line.closed {
                let gap = distance(line.points[0], line.points[line.points.len() - 1]);
                require(gap < separation / 10.0, || format!("a gap of {gap} px"))?;
                radii.push(first);
            }
        }
        // From the centre to the border there is room for ten; they lie from a half to two separations apart.
        radii.sort_by(f64::total_cmp);
        let steps = radii.windows(2).map(|pair| pair[1] - pair[0]);
        require(radii.len() >= 6 && steps.clone().all(|step| (10.0..=40.0).contains(&step)), || format!("{radii:?}"))?;
    }
    Ok(())
}

fn spiral() -> Check {
    for inwards in [0.02, 0.1, 0.5] {
        let separation = 20.0;
        let lines = lines_of(
            |(x, y)| (CENTRE.1 - y - inwards * (x - CENTRE.0), x - CENTRE.0 - inwards * (y - CENTRE.1)),
            separation,
        )?;
        // Points less than a separation and a half apart along the line are neighbours.
        let apart = 36;
        for line in lines {
            require(!line.closed, || format!("a spiral of pitch {inwards} is closed"))?;
            let points = &line.points;
            let pairs = (0..points.len()).flat_map(|k| (k + apart..points.len()).map(move |j| (k, j)));
            let closest = pairs.map(|(k, j)| distance(points[k], points[j])).fold(f64::INFINITY, f64::min);
            require(closest >= 0.5 * separation - ROUNDING, || format!("pitch {inwards}: {closest} px to itself"))?;
        }
    }
    Ok(())
}

fn ends() -> Check {
    let cpu = Cpu::new(Some(2))?;
    let lines_of = |text: &str, view: &View| -> Result<Vec<Streamline>, Failed> {
        Ok(streamlines(&Expression::parse(text)?, view, view.separation(), &cpu, Precision::F64)?)
    };
    // At a minimum, a maximum, and the lowest line of a fold: the longest line reaches it, none goes beyond it.
    for text in ["x^2 + y^2", "-(x^2 + y^2)", "hypot(x, y)"] {
        let lines = in_pixels(&square(2.0), lines_of(text, &square(2.0))?);
        let nearest = lines.iter().flatten().map(|p| distance(*p, CENTRE)).fold(f64::INFINITY, f64::min);
        require(nearest < 0.5, || format!("{text}: {nearest} px from the centre"))?;
        let straight = |line: &Vec<Place>| {
            let length = line.windows(2).map(|pair| distance(pair[0], pair[1])).sum::<f64>();
            (length - distance(line[0], line[line.len() - 1])).abs() < 0.1
        };
        // On x and y of unlike scales these are still straight.
        require(lines.iter().all(straight), || format!("{text}: a line turns back"))?;
    }
    let folded = lines_of("abs(x) + y/4", &square(2.0))?;
    let sides = |line: &Streamline| line.points.iter().all(|p| p.0 > -1e-2) || line.points.iter().all(|p| p.0 < 1e-2);
    require(!folded.is_empty() && folded.iter().all(sides), || "a line crosses the fold".to_string())?;
    // At the edge of the domain: lines come near it, and no point is beyond.
    let view = square(2.0);
    let lines = lines_of("sqrt(1 - x^2 - y^2)", &view)?;
    let radii = || lines.iter().flat_map(|line| &line.points).map(|p| p.0.hypot(p.1));
    require(radii().all(|r| r < 1.0), || "a point is out of the domain".to_string())?;
    let farthest = radii().fold(0.0, f64::max);
    require(farthest > 0.99, || format!("no line comes nearer to the edge than {farthest}"))?;
    // At the border of the picture, on it.
    let lines = lines_of("x + 2y", &view)?;
    let on_border = |p: Place| (p.0.abs() - 2.0).abs().min((p.1.abs() - 2.0).abs()) < 1e-9;
    let ends = |line: &Streamline| on_border(line.points[0]) && on_border(line.points[line.points.len() - 1]);
    require(lines.iter().all(ends), || "a line ends before the border".to_string())
}

fn batches() -> Check {
    let f = Expression::parse("sin(3x) exp(-y^2) + x y/3")?;
    let view = square(2.0);
    let whole = streamlines(&f, &view, 16.0, &Cpu::new(Some(1))?, Precision::F32)?;
    require(whole.len() > 20, || format!("{} lines", whole.len()))?;
    for threads in [2, 3] {
        let other = streamlines(&f, &view, 16.0, &Cpu::new(Some(threads))?, Precision::F32)?;
        require(whole == other, || format!("{threads} threads make other lines"))?;
    }
    let mut gradient = f.gradient()?;
    gradient.outputs.remove(0);
    let cpu = Cpu::new(Some(2))?;
    let in_batches = |size: usize| -> Result<Vec<Streamline>, Failed> {
        let mut evaluator = Evaluator::new(&gradient, &cpu, Precision::F32)?;
        let mut one = |places: &[Place]| -> Result<Vec<Place>, BackendError> {
            let (x, y) = places.iter().map(|p| (p.0 / SIZE.0 * 4.0 - 2.0, p.1 / SIZE.1 * 4.0 - 2.0)).unzip();
            let mut out = [Values::zeros(Precision::F32, places.len()), Values::zeros(Precision::F32, places.len())];
            evaluator.evaluate_into(&Points::columns(vec![x, y]).rounded(Precision::F32), &mut out)?;
            Ok((0..places.len()).map(|k| (out[0].get(k), out[1].get(k))).collect())
        };
        let mut vectors = |places: &[Place]| -> Result<Vec<Place>, BackendError> {
            let parts: Result<Vec<Vec<Place>>, BackendError> = places.chunks(size).map(&mut one).collect();
            Ok(parts?.concat())
        };
        Ok(streamlines_of(&mut vectors, &view, 16.0)?)
    };
    let whole = in_batches(usize::MAX)?;
    for size in [1, 7, 100] {
        require(in_batches(size)? == whole, || format!("batches of {size} make other lines"))?;
    }
    Ok(())
}

/// Four times the pixels and the separation: every length is four times as long, to the last bit.
fn scales() -> Check {
    let f = Expression::parse("(x^2+y-11)^2 + (x+y^2-7)^2")?;
    let cpu = Cpu::new(Some(2))?;
    let preview = square(5.0);
    let print = View { width: 4.0 * preview.width, height: 4.0 * preview.height, ..preview };
    let small = streamlines(&f, &preview, 16.0, &cpu, Precision::F64)?;
    let large = streamlines(&f, &print, 64.0, &cpu, Precision::F64)?;
    require(small == large, || format!("{} lines and {}", small.len(), large.len()))
}

fn ranges() -> Check {
    let cpu = Cpu::new(Some(2))?;
    let plain = streamlines(&Expression::parse("x^2 + 3y^2")?, &square(1.0), 20.0, &cpu, Precision::F64)?;
    let (tiny, huge) = (2f64.powi(-400), 2f64.powi(400));
    // In units of the ranges the first two are the plain one, and powers of two round nothing. The third has a gradient
    // (2x, 6y/h^2) whose image on the picture is (x, 3y/h^4): along x, and y does not change.
    let cases = [
        ("x^2 + 3y^2", view((-tiny, tiny), (-tiny, tiny)), true),
        ("x^2 + 3y^2", view((-huge, huge), (-huge, huge)), true),
        ("x^2 + 3(y/2^400)^2", view((-1.0, 1.0), (-huge, huge)), false),
    ];
    for (text, view, same) in cases {
        let lines = in_pixels(&view, streamlines(&Expression::parse(text)?, &view, 20.0, &cpu, Precision::F64)?);
        let first = in_pixels(&square(1.0), plain.clone());
        require(!same || lines == first, || format!("{text}: other lines than over [-1, 1]"))?;
        let flat = |line: &Vec<Place>| line.iter().all(|p| (p.1 - line[0].1).abs() < 1e-9);
        require(same || (lines.len() > 20 && lines.iter().all(flat)), || format!("{text}: lines that rise"))?;
    }
    Ok(())
}

fn constants() -> Check {
    let cpu = Cpu::new(Some(1))?;
    for text in ["0 x y", "3 + x - x + 0y", "ln(-1 - x^2 - y^2)", "floor(x) + floor(y)"] {
        let lines = streamlines(&Expression::parse(text)?, &square(2.0), 20.0, &cpu, Precision::F64)?;
        require(lines.is_empty(), || format!("{text}: {} lines", lines.len()))?;
    }
    Ok(())
}

fn refusals() -> Check {
    let cpu = Cpu::new(Some(1))?;
    let f = Expression::parse("x y")?;
    let good = square(2.0);
    let cases = [
        (View { x: (1.0, 1.0), ..good }, 20.0, "ascending"),
        (View { y: (0.0, f64::INFINITY), ..good }, 20.0, "ascending"),
        (View { x: (f64::NAN, 0.0), ..good }, 20.0, "ascending"),
        (View { width: 0.0, ..good }, 20.0, "size in pixels"),
        (good, 0.0, "from 2 to 500 px"),
        (good, -3.0, "from 2 to 500 px"),
        (good, 501.0, "from 2 to 500 px"),
        (good, f64::NAN, "from 2 to 500 px"),
    ];
    for (view, separation, words) in cases {
        let Err(error) = streamlines(&f, &view, separation, &cpu, Precision::F64) else {
            return Err(format!("{view:?}, {separation} is taken").into());
        };
        require(error.to_string().contains(words), || format!("{error}"))?;
    }
    let solid = streamlines(&Expression::parse("x + y + z")?, &good, 20.0, &cpu, Precision::F64);
    require(matches!(solid, Err(FlowError::Dimension { dimension: 3, .. })), || "three variables are taken".to_string())
}

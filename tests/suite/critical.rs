//! Critical points: against closed forms, positions of 40 digits, and what topology demands of any function.

use crate::agree::require;
use gradfield::backend::cpu::Cpu;
use gradfield::backend::reference::Reference;
use gradfield::critical::{Critical, Kind, Point, Search, Shape, find};
use gradfield::descent::starts::uniform;
use gradfield::expr::{Context, Declared};
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};
use std::f64::consts::{FRAC_PI_2, PI};

type Check = Result<(), Failed>;
type Test = fn() -> Check;
type Ranges<'a> = &'a [(f64, f64)];
/// A function over a box, its lines or areas, their form and extent, and its points.
type Continuum<'a> = (&'a str, Ranges<'a>, usize, Shape, &'a [f64], usize);

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 14] = [
        ("himmelblau's nine", himmelblau),
        ("the camel's fifteen", camel),
        ("a lattice", lattice),
        ("degenerate points and their indices", degenerate),
        ("points on the border belong, those beside it do not", border),
        ("kinks, edges and poles are not listed", kinks),
        ("lines and areas are one entry each", continua),
        ("the indices add up to what the border asks for", indices),
        ("with -f minima and maxima change places", negated),
        ("units do not matter", units),
        ("two points that meet", meeting),
        ("one variable and three", other_dimensions),
        ("engines and formats agree", engines),
        ("what cannot be sought is refused", refused),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("critical: {name}"), test)).collect()
}

const HIMMELBLAU: &str = "(x^2 + y - 11)^2 + (x + y^2 - 7)^2";
const CAMEL: &str = "(4 - 2.1x^2 + x^4/3) x^2 + x y + (4y^2 - 4) y^2";

/// A function of the variables x, y, z as far as the box has them.
fn parse(text: &str, variables: usize) -> Result<Expression, Failed> {
    let declared: Result<Vec<Declared>, _> = ["x", "y", "z"][..variables].iter().map(|name| name.parse()).collect();
    Ok(Expression::parse_with(text, &Context { variables: Some(declared?), ..Context::default() })?)
}

fn over(text: &str, ranges: &[(f64, f64)]) -> Result<Critical, Failed> {
    with_size(text, ranges, None)
}

fn with_size(text: &str, ranges: &[(f64, f64)], size: Option<usize>) -> Result<Critical, Failed> {
    let mut search = Search::over(ranges.to_vec());
    if let Some(size) = size {
        search.sizes.fill(size);
    }
    let cpu = Cpu::new(Some(2))?;
    Ok(find(&parse(text, ranges.len())?, &search, &cpu, Precision::F64, &cpu)?)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// The point at a place.
fn at<'a>(found: &'a Critical, x: &[f64], tolerance: f64) -> Result<&'a Point, Failed> {
    let point = found.points.iter().find(|point| distance(&point.x, x) <= tolerance);
    point.ok_or_else(|| format!("no point at {x:?} in {found:#?}").into())
}

/// x, y, f, the eigenvalues, the kind.
type Known = ([f64; 2], f64, [f64; 2], Kind);

/// All points and no others; each within its own error of its place, which is small.
fn are(found: &Critical, known: &[Known]) -> Check {
    require(found.points.len() == known.len() && found.continua.is_empty(), || format!("{found:#?}"))?;
    for (x, f, eigenvalues, kind) in known {
        let point = at(found, x, 1e-9)?;
        let told = || format!("{point:?} at {x:?}, f = {f}, {eigenvalues:?}");
        let place = point.x.iter().zip(x).zip(&point.error).all(|((a, b), error)| {
            // The numbers below are themselves rounded to f64.
            let apart = (a - b).abs();
            apart <= 1e-12 * b.abs().max(1e-3) && apart <= error + f64::EPSILON * b.abs() && *error <= 1e-12
        });
        require(place, told)?;
        let (f_right, kind_right) = ((point.f - f).abs() <= 1e-12 * f.abs().max(1.0), point.kind == *kind);
        require(f_right && kind_right && distance(&point.eigenvalues, eigenvalues) <= 1e-10, told)?;
        require(point.index == Some(if *kind == Kind::Saddle { -1 } else { 1 }), told)?;
    }
    require(found.points.is_sorted_by(|a, b| a.f <= b.f + 1e-12), || format!("{found:#?}"))?;
    require(found.turns == Some(1) && found.index_sum() == Some(1), || format!("{:?}", found.turns))
}

/// Places, f and eigenvalues by mpmath's `findroot` on the gradient with 40 digits, rounded; the four minima and the maximum are
/// those of Himmelblau, Applied nonlinear programming, 1972.
#[rustfmt::skip]
fn himmelblau() -> Check {
    use Kind::{Maximum, Minimum, Saddle};
    let known: [Known; 9] = [
        ([-3.779310253377747, -3.2831859912861696], 0.0, [70.71435474424425, 133.78561521306708], Minimum),
        ([-3.0730257507643897, -0.08135304428796751], 104.0151629175581, [-39.65149625621665, 72.43524806811875], Saddle),
        ([-2.805118086952745, 3.131312518250573], 0.0, [64.8403727706842, 80.55007177893319], Minimum),
        ([-0.2708445906673476, -0.9230385564799815], 181.6165215225827, [-45.60522929278952, -16.066019667290867], Maximum),
        ([-0.12796134673068008, -1.9537149802445763], 178.33723920192747, [-50.610239320365764, 20.284049975935076], Saddle),
        ([0.08667750455539636, 2.884254701174776], 67.71915008752615, [-31.706622362774343, 75.507609238232], Saddle),
        ([3.0, 2.0], 0.0, [25.715728752538098, 82.2842712474619], Minimum),
        ([3.385154183607021, 0.07385187983774928], 13.31192627040559, [-14.135178485450488, 97.5478781026018], Saddle),
        ([3.5844283403304917, -1.8481265269644036], 0.0, [28.690677156755243, 105.41890833631605], Minimum),
    ];
    are(&over(HIMMELBLAU, &[(-6.0, 6.0); 2])?, &known)
}

/// In the same way; the six minima are those of Dixon and Szego, Towards global optimisation 2, 1978. f(-x) = f(x).
#[rustfmt::skip]
fn camel() -> Check {
    use Kind::{Maximum, Minimum, Saddle};
    let half: [Known; 7] = [
        ([0.08984201310031806, -0.7126564030207396], -1.0316284534898774, [7.682251413369077, 16.49319523222773], Minimum),
        ([1.1092053368047865, -0.7682680925095399], 0.5437186009781851, [-7.902619119987387, 20.366739739128], Saddle),
        ([1.2302298765166526, 0.16233458445899496], 2.496295351023577, [-8.014907156539829, -5.953724166834645], Maximum),
        ([1.2960702671671092, 0.6050843880386585], 2.22947081802986, [-6.177182126967409, 9.637588488012842], Saddle),
        ([1.6071047529201972, 0.5686514548841314], 2.1042503103112584, [7.121512120207152, 10.02160251618325], Minimum),
        ([1.6380679841897785, 0.22867406904439408], 2.2293571975307147, [-5.545775017246524, 12.436664436358388], Saddle),
        ([1.703606714969981, -0.7960835686726251], -0.21546382438371764, [18.81713863516046, 22.697515006928896], Minimum),
    ];
    let all = half.iter().flat_map(|(x, f, values, kind)| [(*x, *f, *values, *kind), ([-x[0], -x[1]], *f, *values, *kind)]);
    let centre = ([0.0, 0.0], 0.0, [-8.06225774829855, 8.06225774829855], Saddle);
    are(&over(CAMEL, &[(-2.0, 2.0), (-1.5, 1.5)])?, &all.chain([centre]).collect::<Vec<Known>>())
}

/// sin x cos y: extrema where cos x = sin y = 0, saddles where sin x = cos y = 0.
fn lattice() -> Check {
    let found = over("sin(x) cos(y)", &[(-7.0, 7.5), (-5.0, 8.0)])?;
    let multiples = |offset: f64, (lo, hi): (f64, f64)| -> Vec<f64> {
        (-9..=9).map(|k| offset + f64::from(k) * PI).filter(|x| (lo..=hi).contains(x)).collect()
    };
    let mut count = 0;
    for (x_offset, y_offset) in [(FRAC_PI_2, 0.0), (0.0, FRAC_PI_2)] {
        for x in multiples(x_offset, (-7.0, 7.5)) {
            for y in multiples(y_offset, (-5.0, 8.0)) {
                count += 1;
                let point = at(&found, &[x, y], 4e-15)?;
                let f = x.sin() * y.cos();
                let kind = if x_offset == 0.0 {
                    Kind::Saddle
                } else if f > 0.0 {
                    Kind::Maximum
                } else {
                    Kind::Minimum
                };
                require(point.kind == kind && (point.f - f).abs() < 1e-14, || format!("{kind:?}: {point:?}"))?;
            }
        }
    }
    require(found.points.len() == count && found.index_sum() == found.turns, || format!("{found:#?}"))
}

/// The index of Re z^k is 1 - k; of x^3 + y^2 it is 0, of x^4 + y^4 it is 1.
fn degenerate() -> Check {
    let cases: [(&str, usize, [f64; 2], i64); 16] = [
        ("x^3 - 3x y^2", 2, [0.0, 0.0], -2),
        ("(x - 0.7)^3 - 3(x - 0.7) (y + 0.21)^2", 2, [0.7, -0.21], -2),
        ("x^4 - 6x^2 y^2 + y^4", 2, [0.0, 0.0], -3),
        ("x^5 - 10x^3 y^2 + 5x y^4", 2, [0.0, 0.0], -4),
        ("x^3 + y^2", 2, [0.0, 0.0], 0),
        ("x^4 + y^4", 2, [0.0, 0.0], 1),
        ("x^4 - y^2", 2, [0.0, 0.0], -1),
        ("-x^4 - y^2", 2, [0.0, 0.0], 1),
        ("(x + y)^4 + (x - y - 0.3)^2", 2, [0.15, -0.15], 1),
        ("(x - 0.3)^6 + (y + 0.1)^2 exp(x)", 2, [0.3, -0.1], 1),
        ("(y - x^2) (y - 3x^2)", 2, [0.0, 0.0], -1),
        ("x^3", 1, [0.0, 0.0], 0),
        ("x^4", 1, [0.0, 0.0], 1),
        ("-(x - 0.7)^6", 1, [0.7, 0.0], -1),
        ("x - sin(x)", 1, [0.0, 0.0], 0),
        ("cos(x) + x^2/2", 1, [0.0, 0.0], 1),
    ];
    for (text, n, x, index) in cases {
        let found = over(text, &[(-1.1, 1.3), (-1.0, 1.2)][..n])?;
        let told = || format!("{text}: {found:#?}");
        require(found.points.len() == 1 && found.continua.is_empty(), told)?;
        let point = at(&found, &x[..n], 1e-4)?;
        let zero = point.eigenvalues.contains(&0.0);
        require(point.kind == Kind::Degenerate && zero && point.index == Some(index), told)?;
        let near = point.x.iter().zip(&x).zip(&point.error).all(|((a, b), error)| (a - b).abs() <= *error);
        require(near && found.index_sum() == found.turns, told)?;
    }
    Ok(())
}

fn border() -> Check {
    let f = "(x - 1)^2 + (y + 0.5)^2";
    for (ranges, count) in [
        ([(1.0, 2.0), (-1.0, 1.0)], 1),
        ([(0.0, 1.0), (-0.5, 1.0)], 1),
        ([(0.3, 1.0), (-0.7, -0.5)], 1),
        ([(1.0 + 1e-12, 2.0), (-1.0, 1.0)], 0),
        ([(-1.0, 1.0 - 1e-12), (-1.0, 1.0)], 0),
        ([(-1.0, 2.0), (-0.4, 1.0)], 0),
    ] {
        let found = over(f, &ranges)?;
        require(found.points.len() == count, || format!("{ranges:?}: {found:#?}"))?;
        let inside = |point: &Point| point.x.iter().zip(&ranges).all(|(x, (lo, hi))| (lo..=hi).contains(&x));
        require(found.points.iter().all(inside), || format!("{found:#?}"))?;
    }
    Ok(())
}

/// What there is beside them is.
fn kinks() -> Check {
    let cases: [(&str, Ranges<'_>, usize); 11] = [
        ("abs(x)", &[(-1.0, 1.0)], 0),
        ("abs(x^2 - 1)", &[(-2.0, 2.0)], 1),
        ("sqrt(x^2 + y^2)", &[(-1.0, 1.0), (-1.0, 1.0)], 0),
        ("abs(x) + y^2", &[(-1.0, 1.0), (-1.0, 1.0)], 0),
        ("max(x, y) + x^2 + y^2", &[(-1.0, 1.0), (-1.0, 1.0)], 0),
        ("x^1.5", &[(-1.0, 1.0)], 0),
        ("x^1.5 (x - 1)^2", &[(-2.0, 2.0)], 2),
        ("1/(x^2 + y^2)", &[(-1.0, 1.0), (-1.0, 1.0)], 0),
        ("ln(x) - x", &[(-3.0, 3.0)], 1),
        ("1/x + x", &[(-3.0, 3.0)], 2),
        ("floor(x/2) + y^2 + cos(x)", &[(0.5, 2.0), (-1.0, 1.0)], 0),
    ];
    for (text, ranges, count) in cases {
        for size in [None, Some(101)] {
            let found = with_size(text, ranges, size)?;
            let right = found.points.len() == count && found.continua.is_empty();
            require(right, || format!("{text}, {size:?}: {found:#?}"))?;
        }
    }
    Ok(())
}

fn continua() -> Check {
    use Shape::{Area, Line};
    let square = [(-3.0, 3.0); 2];
    // The shape and extent of each, f, and how many isolated points there are beside them.
    let cases: [Continuum<'_>; 11] = [
        ("(x - y)^2", &square, 1, Line, &[-3.0, 3.0, -3.0, 3.0], 0),
        ("(x - 2y)^4", &square, 1, Line, &[-3.0, 3.0, -1.5, 1.5], 0),
        ("(x^2 + y^2 - 1)^2", &square, 1, Line, &[-1.0, 1.0, -1.0, 1.0], 1),
        ("x^2 y^2", &square, 1, Line, &[-3.0, 3.0, -3.0, 3.0], 0),
        ("x^2", &square, 1, Line, &[0.0, 0.0, -3.0, 3.0], 0),
        ("5", &square, 1, Area, &[-3.0, 3.0, -3.0, 3.0], 0),
        ("max(x, 0)^2", &square, 1, Area, &[-3.0, 0.0, -3.0, 3.0], 0),
        ("(sin(x) - y)^2", &square, 1, Line, &[-3.0, 3.0, -1.0, 1.0], 0),
        ("sin(x + y)", &square, 4, Line, &[], 0),
        ("max(x, 0)^2", &[(-3.0, 3.0)], 1, Line, &[-3.0, 0.0], 0),
        ("max(x^2 - 1, 0)^2 + x^2 max(x - 2, 0)^3", &[(-3.0, 3.0)], 1, Line, &[-1.0, 1.0], 0),
    ];
    for (text, ranges, count, shape, extent, points) in cases {
        let found = over(text, ranges)?;
        let told = || {
            let found: Vec<_> = found.continua.iter().map(|one| (one.shape, one.f, &one.extent)).collect();
            format!("{text}: {found:?}")
        };
        require(found.continua.len() == count && found.points.len() == points, || {
            format!("{} {:#?}", told(), found.points)
        })?;
        for one in &found.continua {
            let ends: Vec<f64> = one.extent.iter().flat_map(|(lo, hi)| [*lo, *hi]).collect();
            let cell = 6.0 / (Search::over(ranges.to_vec()).sizes[0] - 1) as f64;
            let fits = extent.is_empty() || distance(&ends, extent) <= 1.01 * cell;
            require(one.shape == shape && fits && one.gradient_norm <= 1e-9, told)?;
            require(found.index_sum().is_none(), told)?;
        }
    }
    Ok(())
}

/// Waves in a bowl that is steeper than they are at the border: minima + maxima - saddles = 1 (Morse), of one variable
/// minima - maxima = 1. With a grid that is too coarse for the waves it is not.
fn indices() -> Check {
    let wave = |seed: u64, k: u64| {
        let number = |part: u64, size: f64| size * (2.0 * uniform(seed, k, part) - 1.0);
        format!("{:.4} sin({:.4} x + {:.4} y + {:.4})", number(0, 0.6), number(1, 3.0), number(2, 3.0), number(3, 3.0))
    };
    let (mut coarse, mut all) = (0, 0);
    for seed in 0..40 {
        let waves: Vec<String> = (0..5).map(|k| wave(seed, k)).collect();
        let text = format!("0.8(x^2 + y^2) + {}", waves.join(" + "));
        let found = over(&text, &[(-6.0, 6.0); 2])?;
        let (minima, maxima) = (found.count(Kind::Minimum) as i64, found.count(Kind::Maximum) as i64);
        let saddles = found.count(Kind::Saddle) as i64;
        let told = || format!("{text}: {found:#?}");
        require(found.count(Kind::Degenerate) == 0 && minima + maxima - saddles == 1, told)?;
        require(found.turns == Some(1) && found.index_sum() == Some(1), told)?;
        all += found.points.len();
        let found = with_size(&text, &[(-6.0, 6.0); 2], Some(4))?;
        coarse += usize::from(found.index_sum() != Some(1));
        let line = text.replace('y', "(0.3)");
        let found = over(&line, &[(-6.0, 6.0)])?;
        let sum = found.count(Kind::Minimum) as i64 - found.count(Kind::Maximum) as i64;
        require(sum == 1 && found.turns == Some(1) && found.index_sum() == Some(1), || format!("{line}: {found:#?}"))?;
    }
    require(all > 80 && coarse > 0, || format!("{all} points, {coarse} coarse grids wrong: the test sees nothing"))
}

fn negated() -> Check {
    let ranges = [(-2.0, 2.1), (-1.5, 1.3)];
    for text in [CAMEL, "sin(3x) cos(2y) + x y/5", "x^3 - 3x y^2", "exp(-x^2 - y^2) x"] {
        let (up, down) = (over(text, &ranges)?, over(&format!("-({text})"), &ranges)?);
        require(up.points.len() == down.points.len() && !up.points.is_empty(), || {
            format!("{text}: {up:#?} {down:#?}")
        })?;
        for point in &up.points {
            let other = at(&down, &point.x, 1e-12)?;
            let kind = match point.kind {
                Kind::Minimum => Kind::Maximum,
                Kind::Maximum => Kind::Minimum,
                same => same,
            };
            require(other.kind == kind && other.index == point.index, || format!("{point:?} {other:?}"))?;
        }
    }
    Ok(())
}

/// The same function with its variables and its value in other units.
fn units() -> Check {
    let plain = over(CAMEL, &[(-2.0, 2.0), (-1.5, 1.5)])?;
    for (a, b, c) in [(1e6, 1e-6, 1.0), (1e-9, 1.0, 1e30), (1.0, 1.0, 1e-200)] {
        let text = CAMEL.replace('x', "(x/a)").replace('y', "(y/b)");
        let text = format!("{c:e} ({})", text.replace('a', &format!("{a:e}")).replace('b', &format!("{b:e}")));
        let found = over(&text, &[(-2.0 * a, 2.0 * a), (-1.5 * b, 1.5 * b)])?;
        require(found.points.len() == plain.points.len(), || format!("{text}: {found:#?}"))?;
        for point in &found.points {
            let other = at(&plain, &[point.x[0] / a, point.x[1] / b], 1e-12)?;
            require(other.kind == point.kind && other.index == point.index, || format!("{point:?} {other:?}"))?;
        }
    }
    Ok(())
}

/// A minimum at e and a maximum at -e, far within one cell of the grid.
fn meeting() -> Check {
    for e in [1e-2, 1e-4, 1e-6, 1e-8] {
        let text = format!("(x - 0.1)^3/3 - {e:e}^2 (x - 0.1)");
        let found = over(&text, &[(-3.0, 3.0)])?;
        require(found.points.len() == 2 && found.turns == Some(0), || format!("{text}: {found:#?}"))?;
        for (way, kind) in [(1.0, Kind::Minimum), (-1.0, Kind::Maximum)] {
            let point = at(&found, &[0.1 + way * e], 1e-7 * e + 1e-15)?;
            require(point.kind == kind, || format!("{text}: {found:#?}"))?;
        }
    }
    // The derivative stays above zero: nothing is critical, however near it comes.
    for e in [1e-2, 1e-4, 1e-6, 1e-8] {
        let found = over(&format!("(x - 0.1)^3/3 + {e:e}^2 (x - 0.1)"), &[(-3.0, 3.0)])?;
        require(found == Critical { turns: Some(0), ..Critical::default() }, || format!("{e}: {found:#?}"))?;
    }
    Ok(())
}

fn other_dimensions() -> Check {
    // x^3 - 3x has two critical points, so that two and three such have 4 and 8, a product of signs each.
    let found = over("x^3 - 3x + y^3 - 3y + z^3 - 3z", &[(-2.0, 2.1); 3])?;
    require(found.points.len() == 8 && found.turns.is_none(), || format!("{found:#?}"))?;
    for k in 0..8 {
        let x: Vec<f64> = (0..3).map(|i| if k >> i & 1 == 0 { 1.0 } else { -1.0 }).collect();
        let point = at(&found, &x, 1e-13)?;
        let mut values: Vec<f64> = x.iter().map(|x| 6.0 * x).collect();
        values.sort_by(f64::total_cmp);
        let index: f64 = x.iter().product();
        let right = distance(&point.eigenvalues, &values) < 1e-11 && point.index == Some(index as i64);
        require(right, || format!("{point:?}"))?;
    }
    let found = over("x sin(x)", &[(0.1, 50.0)])?;
    // tan x = -x has one root in every ((k - 1/2) pi, k pi).
    require(found.points.len() == 16, || format!("{found:#?}"))?;
    let right = |point: &Point| (point.x[0].tan() + point.x[0]).abs() < 1e-9 && point.kind != Kind::Degenerate;
    require(found.points.iter().all(right), || format!("{found:#?}"))
}

fn engines() -> Check {
    let cpu = Cpu::new(Some(1))?;
    let f = parse(HIMMELBLAU, 2)?;
    let search = Search::over(vec![(-6.0, 6.0); 2]);
    let double = find(&f, &search, &cpu, Precision::F64, &cpu)?;
    for (precision, found) in [
        (Precision::F32, find(&f, &search, &cpu, Precision::F32, &cpu)?),
        (Precision::F64, find(&f, &search, &Reference, Precision::F64, &Reference)?),
    ] {
        require(found.points.len() == 9, || format!("{precision:?}: {found:#?}"))?;
        for point in &found.points {
            let other = at(&double, &point.x, 1e-13)?;
            require(other.kind == point.kind, || format!("{precision:?}: {point:?} {other:?}"))?;
        }
    }
    Ok(())
}

fn refused() -> Check {
    let cpu = Cpu::new(Some(1))?;
    let ask = |text: &str, search: &Search| -> Result<String, Failed> {
        match find(&Expression::parse(text)?, search, &cpu, Precision::F64, &cpu) {
            Ok(found) => Err(format!("{text}: {found:?}").into()),
            Err(error) => Ok(error.to_string()),
        }
    };
    let many = ask("a + b + c + d + h", &Search::over(vec![(0.0, 1.0); 5]))?;
    require(many.contains("1 to 4 variables") && many.contains("has 5"), || many.clone())?;
    let one = ask("x^2", &Search { ranges: vec![(0.0, 1.0)], sizes: vec![1] })?;
    require(one.contains("at least 2"), || one.clone())?;
    let crowded = ask("0 x", &Search { ranges: vec![(0.0, 1.0)], sizes: vec![1 << 19] })?;
    require(crowded.contains("more than 262144 points"), || crowded.clone())
}

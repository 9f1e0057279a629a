//! Lines against circles, saddles and jumps, whose distances are known.

use super::super::Picture;
use super::*;

/// A function of x and y with its derivatives.
type Function = fn(f64, f64) -> (f64, f64, f64);

/// The lines of `f` on a plot whose pixels are `unit` long, 0 in the middle of it, and the plot.
fn lines(f: Function, levels: &[f64]) -> (Vec<Inked>, Layout, f64) {
    let mut picture = Picture::new(500, 450);
    (picture.x_range, picture.y_range) = ((-100.0, 100.0), (-100.0, 100.0));
    picture.equal_aspect = true;
    let layout = picture.layout().unwrap();
    let (x, y) = (layout.x_centres(), layout.y_centres());
    let all: Vec<(f64, f64, f64)> = y.iter().flat_map(|y| x.iter().map(move |x| f(*x, *y))).collect();
    let slopes = Slopes {
        values: all.iter().map(|v| v.0).collect(),
        dx: all.iter().map(|v| v.1).collect(),
        dy: all.iter().map(|v| v.2).collect(),
        columns: x.len(),
        rows: y.len(),
    };
    let levels = levels.iter().map(|value| Level { value: *value, label: String::new() }).collect();
    let contours = Contours::new(Arc::new(slopes), levels);
    let unit = 200.0 / f64::from(layout.width);
    (contours.inked(&Pixels::new(&contours.slopes, &layout), &layout, 0..u32::MAX), layout, unit)
}

/// Where a pixel's centre is, in data units.
fn place(pixel: &Inked, layout: &Layout, unit: f64) -> (f64, f64) {
    let (x, y) = (f64::from(pixel.x - layout.left) + 0.5, f64::from(pixel.y - layout.top) + 0.5);
    (x * unit - 100.0, 100.0 - y * 200.0 / f64::from(layout.height))
}

#[test]
fn a_circle_has_its_radius_and_one_width_whatever_the_slope() {
    type Profile = fn(f64) -> f64;
    // Flat, steep, with a steepness that varies by powers, and with a slope that is no number outside.
    let bowls: [(Function, Profile); 5] = [
        (|x, y| (x * x + y * y, 2.0 * x, 2.0 * y), |r| r * r),
        (|x, y| (1e-9 * (x * x + y * y), 2e-9 * x, 2e-9 * y), |r| 1e-9 * r * r),
        (
            |x, y| {
                let s = x * x + y * y;
                (s.powi(4), 8.0 * x * s.powi(3), 8.0 * y * s.powi(3))
            },
            |r| r.powi(8),
        ),
        (|x, y| (x.hypot(y), x / x.hypot(y), y / x.hypot(y)), |r| r),
        (
            |x, y| {
                let z = (8100.0 - x * x - y * y).sqrt();
                (z, -x / z, -y / z)
            },
            |r| (8100.0 - r * r).sqrt(),
        ),
    ];
    for (k, (f, value)) in bowls.into_iter().enumerate() {
        for radius in [5.0, 10.0, 40.0, 89.0] {
            // Known: one unit from where its slope has no bounds, the bend that pixels tell is too small by far.
            if k == 4 && radius > 80.0 {
                continue;
            }
            let (inked, layout, unit) = lines(f, &[value(radius)]);
            let width = layout.sizes.line_width();
            let mut ink = 0.0;
            for pixel in &inked {
                let (x, y) = place(pixel, &layout, unit);
                let off = (x.hypot(y) - radius).abs() / unit;
                assert!(off < 0.5 * width + 0.55, "bowl {k}, radius {radius}: {off} pixels off");
                let expected = (0.5 * width + 0.5 - off).clamp(0.0, 1.0);
                assert!((f64::from(pixel.cover) - expected).abs() < 0.25, "bowl {k}, {radius}: {} {off}", pixel.cover);
                ink += f64::from(pixel.cover);
            }
            let thick = ink / (std::f64::consts::TAU * radius / unit);
            assert!((thick / width - 1.0).abs() < 0.08, "bowl {k}, radius {radius}: {thick} for {width}");
        }
    }
}

#[test]
fn labels_of_a_coarse_grid_stand_on_the_lines() {
    let f: Function = |x, y| (x * x + 2.0 * y * y, 2.0 * x, 4.0 * y);
    let mut picture = Picture::new(1500, 1350);
    (picture.x_range, picture.y_range, picture.equal_aspect) = ((-100.0, 100.0), (-100.0, 100.0), true);
    let layout = picture.layout().unwrap();
    let some = |places: Vec<f64>| places.into_iter().skip(2).step_by(5).collect::<Vec<f64>>();
    let (x, y) = (some(layout.x_centres()), some(layout.y_centres()));
    let all: Vec<(f64, f64, f64)> = y.iter().flat_map(|y| x.iter().map(move |x| f(*x, *y))).collect();
    let column = |pick: fn(&(f64, f64, f64)) -> f64| all.iter().map(pick).collect::<Vec<f64>>();
    let (values, dx, dy) = (column(|v| v.0), column(|v| v.1), column(|v| v.2));
    let slopes = Slopes { values, dx, dy, columns: x.len(), rows: y.len() };
    let levels = [2000.0, 5000.0, 9000.0].map(|value| Level { value, label: format!("{value}") }).to_vec();
    let contours = Contours::new(Arc::new(slopes), levels.clone());
    let labels = contours.place_labels(&layout);
    assert!(labels.len() >= 3, "{labels:?}");
    let unit = 200.0 / f64::from(layout.width);
    for label in labels {
        let (px, py) = label.middle();
        let (x, y) = ((px - f64::from(layout.left)) * unit - 100.0, 100.0 - (py - f64::from(layout.top)) * unit);
        let (value, dx, dy) = f(x, y);
        let off = (value - levels[label.level].value).abs() / dx.hypot(dy) / unit;
        // A quarter of the letters' height.
        assert!(off < 6.0, "{off} pixels off at {x} {y}");
    }
}

#[test]
fn lines_cross_at_a_saddle_without_a_blot_and_do_not_break_at_an_inflection() {
    let (inked, layout, unit) = lines(|x, y| (x * y, y, x), &[0.0]);
    for pixel in &inked {
        let (x, y) = place(pixel, &layout, unit);
        assert!(x.abs().min(y.abs()) / unit < 1.2, "{x} {y} is off both axes");
    }
    let (inked, layout, _) = lines(|x, _| (x.powi(3), 3.0 * x * x, 0.0), &[0.0]);
    for row in layout.top..layout.top + layout.height {
        let cover: f32 = inked.iter().filter(|pixel| pixel.y == row).map(|pixel| pixel.cover).sum();
        assert!((f64::from(cover) - layout.sizes.line_width()).abs() < 0.5, "row {row}: {cover}");
    }
}

#[test]
fn poles_jumps_plateaus_and_undefined_values_have_no_line() {
    let none: [Function; 4] = [
        |x, _| (x.signum(), 0.0, 0.0),
        |x, y| (y.atan2(x) + 20.0 * x.signum(), 0.0, 0.0),
        |_, _| (0.5, 0.0, 0.0),
        |_, _| (f64::NAN, f64::NAN, f64::NAN),
    ];
    for (k, f) in none.into_iter().enumerate() {
        assert!(lines(f, &[0.0, 0.5]).0.is_empty(), "function {k}");
    }
    // 1/x is 0.5 at x = 2, and nowhere else.
    let (inked, layout, unit) = lines(|x, _| (1.0 / x, -1.0 / (x * x), 0.0), &[0.0, 0.5]);
    assert!(!inked.is_empty());
    assert!(inked.iter().all(|pixel| (place(pixel, &layout, unit).0 - 2.0).abs() / unit < 1.2));
}

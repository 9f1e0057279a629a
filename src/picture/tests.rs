//! Whole pictures over awkward inputs: no panic, and the right pixels where one can say which they are.

use super::*;
use crate::points::Values;
use std::sync::Arc;

const AWKWARD: [f64; 9] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0, -1e300, 1e-310, f64::MAX];

fn colouring(values: &[f64]) -> Colouring {
    Colouring::fit(ColourMap::sequential(), Scale::Linear, Limits::Auto, values).unwrap()
}

fn heat(values: Vec<f64>, columns: usize, rows: usize) -> Layer {
    let colouring = colouring(&values);
    Layer::from(Heat::new(values, columns, rows, colouring, "f").unwrap())
}

/// Awkward values with awkward slopes.
fn awkward_slopes() -> Slopes {
    let all = |shift: usize| (0..81).map(|k| AWKWARD[(k + shift * (k / 9)) % 9]).collect();
    Slopes { values: all(1), dx: all(2), dy: all(4), columns: 9, rows: 9 }
}

fn no_slopes() -> Slopes {
    Slopes { values: Vec::new(), dx: Vec::new(), dy: Vec::new(), columns: 0, rows: 0 }
}

fn awkward_levels() -> Vec<Level> {
    let level = |value: f64| Level { value, label: plain(value) };
    [-1e300, -0.5, 0.0, 1e-310, 0.5, 1.0, f64::MAX].map(level).to_vec()
}

fn hillshade(slopes: Slopes, light: Light, relief: Option<f64>) -> Layer {
    Layer::from(Hillshade::new(Arc::new(slopes), light, relief, relief.is_some()))
}

fn race(points: &[(f64, f64)], lines: bool) -> Race {
    let runner = |colour| Runner { paths: vec![points.to_vec(), Vec::new()], colour, label: "rule ".repeat(9) };
    Race { runners: RUNNER_COLOURS.map(runner).to_vec(), lines, iterates: true }
}

/// One layer of each kind, filled with awkward numbers.
fn awkward_layers() -> Vec<Layer> {
    let pairs: Vec<(f64, f64)> = AWKWARD.iter().flat_map(|x| AWKWARD.iter().map(|y| (*x, *y))).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let arrows = |colour, length, pivot| {
        let (label, swapped) = ("∇f".to_owned(), (y.clone(), x.clone()));
        Layer::from(Arrows { x: x.clone(), y: y.clone(), u: swapped.0, v: swapped.1, colour, length, pivot, label })
    };
    let streamlines = |colour, separation| {
        let (lines, magnitudes) = (vec![pairs.clone(), Vec::new()], vec![x.clone(), Vec::new()]);
        Layer::from(Streamlines { lines, magnitudes, colour, separation, label: "lines".to_owned() })
    };
    let label = || "label ".repeat(30);
    vec![
        heat(x.clone(), 9, 9),
        heat(Vec::new(), 0, 0),
        arrows(ArrowColour::Plain(BLACK), ArrowLength::Linear, Pivot::Tail),
        arrows(ArrowColour::OnHeat, ArrowLength::Root, Pivot::Middle),
        arrows(ArrowColour::Magnitude(colouring(&x)), ArrowLength::Equal, Pivot::Tail),
        arrows(ArrowColour::OnHeat, ArrowLength::PixelsPerUnit(f64::NAN), Pivot::Middle),
        streamlines(ArrowColour::OnHeat, 20.0),
        streamlines(ArrowColour::OnLight, 20.0),
        arrows(ArrowColour::OnLight, ArrowLength::Root, Pivot::Middle),
        streamlines(ArrowColour::Magnitude(colouring(&x)), f64::NAN),
        Layer::from(Curve { x: x.clone(), y: y.clone(), colour: BLACK, dashed: true, label: label() }),
        Layer::from(Curve { x: Vec::new(), y: Vec::new(), colour: BLACK, dashed: false, label: label() }),
        Layer::from(Paths {
            paths: vec![pairs.clone(), Vec::new(), vec![(0.5, 0.5)]],
            colour: RED,
            iterates: true,
            ends: true,
            label: label(),
        }),
        Layer::from(race(&pairs, true)),
        Layer::from(race(&pairs, false)),
        Layer::from(Race { runners: Vec::new(), lines: true, iterates: true }),
        Layer::from(Attraction::new(&[0, 7, u32::MAX, 1_000], &[0, u32::MAX, 3, 5], 2, 2).unwrap()),
        Layer::from(Attraction::new(&[], &[], 0, 0).unwrap()),
        Layer::from(Numbers { points: pairs[..30].to_vec() }),
        Layer::from(Numbers { points: pairs.clone() }),
        Layer::from(Points { points: pairs, colour: RED, radius: f64::NAN, hollow: true, label: label() }),
        Layer::from(Contours::new(Arc::new(awkward_slopes()), awkward_levels())),
        Layer::from(Contours::new(Arc::new(no_slopes()), awkward_levels())),
        Layer::from(Bands::new(Arc::new(awkward_slopes()), colouring(&x).stepped(awkward_levels()), "f")),
        Layer::from(Bands::new(Arc::new(no_slopes()), colouring(&[]).stepped(awkward_levels()), "f")),
        hillshade(awkward_slopes(), Light::From { azimuth: 315.0, altitude: 45.0 }, None),
        hillshade(awkward_slopes(), Light::Around { altitude: 0.0 }, Some(f64::MAX)),
        hillshade(no_slopes(), Light::Around { altitude: 90.0 }, None),
    ]
}

#[test]
fn awkward_numbers_are_drawn_without_a_panic_at_every_size() {
    let sizes = [(1, 1), (1, 700), (700, 1), (15, 16), (40, 30), (95, 95), (200, 150), (333, 222)];
    let ranges = [(0.0, 1.0), (5.0, 5.0 + 1e-12), (-1e300, 1e300), (2.0, 2.0), (-1.7e308, 1.7e308), (0.0, 1e-310)];
    for (width, height) in sizes {
        for range in ranges {
            let mut picture = Picture::new(width, height);
            (picture.x_range, picture.y_range) = (range, range);
            picture.title = "a title that is far too long for any picture, even for this one ".repeat(4);
            (picture.colour_bar, picture.bar_label, picture.equal_aspect) = (true, true, width > 100);
            picture.layers = awkward_layers();
            let bitmap = picture.draw().unwrap();
            assert_eq!(bitmap.rgba.len(), (width * height * 4) as usize);
            assert!(bitmap.rgba.chunks(4).all(|pixel| pixel[3] == 255), "{width} {height} is see-through");
        }
    }
}

#[test]
fn a_heat_pixel_is_the_colour_of_its_value_and_row_0_is_at_the_bottom() {
    let mut picture = Picture::new(300, 200);
    picture.grid = false;
    let layout = picture.layout().unwrap();
    let (w, h) = (layout.width as usize, layout.height as usize);
    let values: Vec<f64> = (0..w * h).map(|i| i as f64).collect();
    let colouring = Colouring::fit(ColourMap::sequential(), Scale::Linear, Limits::Full, &values).unwrap();
    let expected = colouring.clone();
    picture.layers.push(Layer::from(Heat::new(values, w, h, colouring, "").unwrap()));
    let bitmap = picture.draw().unwrap();
    for (column, row) in [(0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1), (w / 2, h / 3)] {
        let (x, y) = (layout.left as usize + column, layout.top as usize + h - 1 - row);
        let at = (y * 300 + x) * 4;
        assert_eq!(bitmap.rgba[at..at + 4], expected.pixel((row * w + column) as f64), "{column} {row}");
    }
}

#[test]
fn the_border_of_a_picture_stays_white() {
    for (width, height) in [(200, 150), (800, 600), (150, 900)] {
        for range in [(-3.0, 3.0), (0.0, 1e300), (5.0, 5.0 + 1e-12), (-123_456.7, 1e5)] {
            let mut picture = Picture::new(width, height);
            picture.title = "sin(x) ".repeat(60);
            picture.x_label = "a long name of an axis ".repeat(9);
            picture.y_label = picture.x_label.clone();
            (picture.x_range, picture.y_range) = (range, range);
            (picture.colour_bar, picture.bar_label) = (true, true);
            picture.layers.push(heat(vec![range.0, range.1, 0.0, 1e9], 2, 2));
            let bitmap = picture.draw().unwrap();
            let white = |x: u32, y: u32| {
                let at = ((y * width + x) * 4) as usize;
                bitmap.rgba[at..at + 3] == [255; 3]
            };
            assert!((0..width).all(|x| white(x, 0) && white(x, height - 1)), "{width} {height} {range:?}");
            assert!((0..height).all(|y| white(0, y) && white(width - 1, y)), "{width} {height} {range:?}");
        }
    }
}

#[test]
fn layers_whose_arrays_differ_are_refused() {
    assert!(matches!(Heat::new(vec![1.0], 2, 3, colouring(&[1.0]), ""), Err(PictureError::Length { .. })));
    let none = Vec::new;
    let label = String::new;
    let bad = [
        Layer::from(Curve { x: vec![1.0], y: none(), colour: BLACK, dashed: false, label: label() }),
        Layer::from(Arrows {
            x: vec![1.0],
            y: vec![1.0],
            u: vec![1.0],
            v: none(),
            colour: ArrowColour::OnHeat,
            length: ArrowLength::Linear,
            pivot: Pivot::Tail,
            label: label(),
        }),
        Layer::from(Contours::new(Arc::new(Slopes { dy: none(), ..awkward_slopes() }), Vec::new())),
        hillshade(Slopes { rows: 8, ..awkward_slopes() }, Light::Around { altitude: 45.0 }, None),
    ];
    for layer in bad {
        let mut picture = Picture::new(100, 100);
        picture.layers.push(layer);
        assert!(matches!(picture.draw(), Err(PictureError::Length { .. })), "{picture:?}");
    }
}

#[test]
fn a_pole_breaks_the_curve_and_a_steep_line_does_not() {
    let dark_in_the_middle = |f: fn(f64) -> f64| {
        let mut picture = Picture::new(300, 300);
        (picture.x_range, picture.y_range, picture.grid) = ((-1.0, 1.0), (-10.0, 10.0), false);
        let x: Vec<f64> = (0..200).map(|i| (f64::from(i) - 99.5) / 100.0).collect();
        let y = x.iter().map(|x| f(*x)).collect();
        picture.layers.push(Layer::from(Curve { x, y, colour: BLACK, dashed: false, label: String::new() }));
        let layout = picture.layout().unwrap();
        let bitmap = picture.draw().unwrap();
        let row = (layout.top + layout.height / 2) * 300;
        // Only near x = 0: the curves that are far from zero there come back to it further out.
        let middle = layout.left + layout.width / 2;
        (middle - 7..middle + 7).any(|x| bitmap.rgba[((row + x) * 4) as usize] < 128)
    };
    assert!(!dark_in_the_middle(|x| 0.05 / x));
    assert!(!dark_in_the_middle(|x| -0.02 / x));
    assert!(dark_in_the_middle(|x| 9.0 * (300.0 * x).sin()));
    assert!(dark_in_the_middle(|x| 1e9 * x));
}

/// A picture in bands against the whole, whose data may all be looked at: each layer alone, then all.
#[test]
fn bands_put_together_are_the_picture() {
    let mut picture = Picture::new(300, 250);
    (picture.x_range, picture.y_range, picture.title) = ((-3.0, 3.0), (-2.0, 2.0), "bands".to_owned());
    (picture.colour_bar, picture.bar_label) = (true, true);
    let layout = picture.layout().unwrap();
    let (x, y) = (layout.x_centres(), layout.y_centres());
    let (whole, coarse) = (slopes_of(&x, &y), slopes_of(&some(&x), &some(&y)));
    let colours = colouring(&whole.values);
    // Where the legend finds room is decided by the slopes that are held.
    picture.legend = false;
    for which in [0..1, 1..2, 2..3, 3..4, 4..5, 0..3] {
        // Neither curves nor descents come in bands, but they are drawn on them.
        let others = || awkward_layers().into_iter().skip(2).take(8);
        picture.layers = quantity_layers(&whole, &colours, false).drain(which.clone()).chain(others()).collect();
        let expected = picture.draw().unwrap();
        picture.layers = quantity_layers(&coarse, &colours, true).drain(which.clone()).chain(others()).collect();
        assert_eq!(picture.small().draw().unwrap().width, 300);
        let missing = Band { heat: Some(Strip::default()), ..Band::default() };
        assert!(matches!(picture.draw_band(30..60, &missing), Err(PictureError::Length { .. })));
        let mut rgba = Vec::new();
        for first in (0..250).step_by(37) {
            let rows = first..first + 37;
            rgba.extend(picture.draw_band(rows.clone(), &band(&layout, rows, &x, &y)).unwrap().rgba);
        }
        assert_eq!(rgba.len(), expected.rgba.len());
        // Curved outlines are cut where they cross from band to band, which moves a few pixels of their borders a little.
        // The relief that fewer slopes decide is a little different.
        let differences: Vec<u8> = rgba.iter().zip(&expected.rgba).map(|(a, b)| a.abs_diff(*b)).collect();
        let clear = differences.iter().filter(|d| **d > 8).count();
        assert!(clear < 60, "{which:?}: {clear} bytes of {}", differences.len());
    }
}

fn some(places: &[f64]) -> Vec<f64> {
    places.chunks_exact(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
}

/// A quantity with its gradient at these places.
fn slopes_of(x: &[f64], y: &[f64]) -> Slopes {
    let of = |f: fn(f64, f64) -> f64| y.iter().flat_map(|y| x.iter().map(move |x| f(*x, *y))).collect();
    Slopes {
        values: of(|x, y| x * y + x.sin()),
        dx: of(|x, y| y + x.cos()),
        dy: of(|x, _| x),
        columns: x.len(),
        rows: y.len(),
    }
}

/// Five layers of one quantity.
fn quantity_layers(slopes: &Slopes, colouring: &Colouring, banded: bool) -> Vec<Layer> {
    let heat = Heat::new(slopes.values.clone(), slopes.columns, slopes.rows, colouring.clone(), "f").unwrap();
    let lines = slopes.values.iter().map(|v| v.rem_euclid(1.0) as f32).collect();
    let levels: Vec<Level> = [-4.0, -2.0, 0.0, 2.0, 4.0].map(|value| Level { value, label: String::new() }).to_vec();
    let shared = Arc::new(slopes.clone());
    vec![
        if banded { heat.in_bands() } else { heat }.into(),
        if banded { Lines::in_bands(false) } else { Lines::new(lines, false) }.into(),
        hillshade(slopes.clone(), Light::From { azimuth: 30.0, altitude: 50.0 }, Some(0.3)),
        Layer::from(Contours::new(Arc::clone(&shared), levels)),
        Layer::from(Hillshade::new(shared, Light::Around { altitude: 45.0 }, None, true)),
    ]
}

/// What the five show on these rows.
fn band(layout: &Layout, rows: std::ops::Range<u32>, x: &[f64], y: &[f64]) -> Band {
    let rows = layout.field_rows(rows);
    let around = rows.start.saturating_sub(layout.halo())..(rows.end + layout.halo()).min(y.len());
    let slopes = slopes_of(x, &y[around.clone()]);
    let values: Vec<f32> = slopes.values.iter().map(|v| *v as f32).collect();
    let columns = [slopes.values, slopes.dx, slopes.dy].map(Values::F64);
    let lines = slopes_of(x, &y[rows.clone()]).values.iter().map(|v| v.rem_euclid(1.0) as f32).collect();
    Band {
        heat: Some(Strip { first: around.start, values }),
        lines: Some(Strip { first: rows.start, values: lines }),
        slopes: Some(SlopeStrip { first: around.start, columns }),
    }
}

/// Arrows and streamlines contrast with what lies below them, on light and on dark colours.
#[test]
fn what_lies_on_colours_is_seen() {
    let luma = |p: &[u8]| 0.3 * f64::from(p[0]) + 0.59 * f64::from(p[1]) + 0.11 * f64::from(p[2]);
    for (map, colour) in [
        (ColourMap::diverging(), ArrowColour::OnLight),
        (ColourMap::ground(), ArrowColour::OnLight),
        (ColourMap::sequential(), ArrowColour::OnHeat),
    ] {
        assert_eq!(map.is_light(), matches!(colour, ArrowColour::OnLight), "{map:?}");
        let colouring = Colouring::new(map, Scale::Linear, -1.0, 1.0).unwrap();
        for value in [-0.4, 0.0, 0.4] {
            let ground = luma(&colouring.pixel(value));
            let heat = Layer::from(Heat::new(vec![value], 1, 1, colouring.clone(), "").unwrap());
            let arrow = Arrows {
                x: vec![0.5],
                y: vec![0.5],
                u: vec![1.0],
                v: vec![0.0],
                colour: colour.clone(),
                length: ArrowLength::PixelsPerUnit(240.0),
                pivot: Pivot::Middle,
                label: String::new(),
            };
            let lines = Streamlines {
                lines: vec![vec![(0.1, 0.3), (0.9, 0.3)]],
                magnitudes: Vec::new(),
                colour: colour.clone(),
                separation: 20.0,
                label: String::new(),
            };
            for layer in [Layer::from(arrow), Layer::from(lines)] {
                let mut picture = Picture { bare: true, grid: false, ..Picture::new(800, 800) };
                picture.layers = vec![heat.clone(), layer];
                assert_eq!(picture.colour_map(), Some(map));
                let bitmap = picture.draw().unwrap();
                let seen = bitmap.rgba.chunks(4).filter(|p| (luma(p) - ground).abs() > 60.0).count();
                assert!(seen > 40, "{map:?} {value}: {seen} pixels");
            }
        }
    }
}

/// Two pictures over one x axis have their plots at the same columns, whatever the widths of their labels.
#[test]
fn stacked_plots_stand_below_each_other() {
    let upper = Picture { y_range: (0.0, 1e5), title: "f".to_owned(), ..Picture::new(400, 220) };
    let lower = Picture { y_range: (-1.0, 1.0), ..Picture::new(400, 100) };
    let whole = upper.draw_above(&lower).unwrap();
    assert_eq!((whole.width, whole.height), (400, 320));
    // The frame's left line is the first column that is dark over most of a plot's height.
    let first = |rows: std::ops::Range<usize>| {
        let dark = |x: usize| rows.clone().filter(|y| whole.rgba[4 * (y * 400 + x)] < 100).count();
        (0..400).find(|x| 2 * dark(*x) > rows.len()).unwrap()
    };
    assert_eq!(first(40..200), first(230..280));
    assert!(upper.draw_above(&Picture { height: u32::MAX, ..lower }).is_err());
}

//! Against analytic truth: rays through planes and spheres, known projections, symmetry, and what must be hidden.

use super::raster::{FAR, Samples};
use super::*;
use crate::points::Points;
use std::convert::Infallible;

/// A function with its derivatives.
type Function = fn(f64, f64) -> [f64; 3];

fn sheet(f: Function, range: (f64, f64), points: usize) -> Sheet {
    let axis = Points::linspace(range.0, range.1, points);
    let evaluate = |points: Points| {
        let all: Vec<[f64; 3]> = (0..points.len()).map(|k| points.point(k)).map(|p| f(p[0], p[1])).collect();
        let column = |k: usize| all.iter().map(|v| v[k]).collect::<Vec<f64>>();
        Ok::<_, Infallible>([column(0), column(1), column(2), column(0)])
    };
    Sheet::new(axis.clone(), axis, evaluate).unwrap()
}

fn surface(f: Function, range: (f64, f64), z_range: (f64, f64), view: View) -> Surface {
    let sheet = sheet(f, range, 301);
    let colouring = Colouring::fit(super::super::ColourMap::sequential(), Scale::Linear, Limits::Full, &sheet.shown());
    Surface {
        sheet: Arc::new(sheet),
        colouring: colouring.unwrap(),
        label: "f".to_owned(),
        view,
        light: Light::From { azimuth: 180.0, altitude: 50.0 },
        z_range,
        names: ["x", "y", "f"].map(str::to_owned),
        grid: true,
        contours: None,
        arrows: None,
    }
}

/// A stage of `scale` pixels a unit in the middle of a square of pixels.
fn stage(surface: &Surface, scale: f64, pixels: usize) -> Stage {
    let sheet = &surface.sheet;
    let mut stage = Stage::new(surface.view, scale, [sheet.x_range(), sheet.y_range(), surface.z_range]).unwrap();
    stage.centre = (0.5 * pixels as f64, 0.5 * pixels as f64);
    stage
}

/// The depth of each sample, in rows.
fn depths(surface: &Surface, stage: &Stage, pixels: usize) -> Vec<f32> {
    let mesh = Mesh::new(&surface.sheet, stage, |_| [0.0; 3]);
    let mut samples = Samples::new(pixels, 0, pixels);
    mesh.triangles(f32::NEG_INFINITY, f32::INFINITY, |corners| samples.triangle(corners));
    samples.depth
}

/// The ray through a sample: a place on it, and the way towards the viewer, in the box.
fn ray(stage: &Stage, at: usize, pixels: usize) -> (stage::Place, stage::Place) {
    let side = pixels * raster::SAMPLES;
    let pixel = |k: usize| (k as f64 + 0.5) / raster::SAMPLES as f64;
    let (x, y) = (pixel(at % side) - stage.centre.0, stage.centre.1 - pixel(at / side));
    ([0, 1, 2].map(|k| (x * stage.right[k] + y * stage.up[k]) / stage.scale), stage.towards)
}

const VIEWS: [View; 6] = [
    View { azimuth: -60.0, elevation: 30.0 },
    View { azimuth: 200.0, elevation: 8.0 },
    View { azimuth: 45.0, elevation: 89.0 },
    View { azimuth: 0.0, elevation: 45.0 },
    View { azimuth: 110.0, elevation: -35.0 },
    View { azimuth: -90.0, elevation: 90.0 },
];

#[test]
fn directions_are_those_of_the_view() {
    for view in VIEWS {
        let [right, up, towards] = view.axes();
        for (a, b, product) in [(right, right, 1.0), (up, up, 1.0), (right, up, 0.0), (up, towards, 0.0)] {
            assert!((stage::dot(a, b) - product).abs() < 1e-12, "{view:?}");
        }
        // A right-handed system: nothing is mirrored.
        let cross = [
            right[1] * up[2] - right[2] * up[1],
            right[2] * up[0] - right[0] * up[2],
            right[0] * up[1] - right[1] * up[0],
        ];
        assert!((stage::dot(cross, towards) - 1.0).abs() < 1e-12, "{view:?}");
    }
    // From above with the x axis to the right, the box is the flat picture.
    let above = surface(|x, y| [x * y, y, x], (-2.0, 2.0), (-4.0, 4.0), VIEWS[5]);
    let stage = stage(&above, 100.0, 200);
    for (x, y, pixel) in [(-2.0, -2.0, (50.0, 150.0)), (2.0, -2.0, (150.0, 150.0)), (-2.0, 2.0, (50.0, 50.0))] {
        let found = stage.pixel(stage.place([x, y, 1.0]));
        assert!((found.0 - pixel.0).hypot(found.1 - pixel.1) < 1e-9, "{x} {y}: {found:?}");
    }
    // From the side, the height is up, as large as the box is high.
    let level = surface(|x, y| [x * y, y, x], (-2.0, 2.0), (-4.0, 4.0), View { azimuth: -90.0, elevation: 0.0 });
    let stage = self::stage(&level, 100.0, 200);
    let [low, high] = [-4.0, 4.0].map(|z| stage.pixel(stage.place([2.0, 1.0, z])));
    assert!((low.0 - 150.0).abs() < 1e-9 && (low.1 - 137.5).abs() < 1e-9 && (high.1 - 62.5).abs() < 1e-9);
}

#[test]
fn pixels_of_the_base_plane_are_found_again() {
    for view in VIEWS {
        let surface = surface(|x, y| [x * y, y, x], (-2.0, 3.0), (-4.0, 4.0), view);
        let stage = stage(&surface, 300.0, 500);
        let back = stage.on_base().unwrap();
        for (x, y) in [(-2.0, -2.0), (0.3, 2.9), (1.0, -1.5)] {
            let mut place = stage.place([x, y, 0.0]);
            place[2] = stage.base();
            let found = back(stage.pixel(place));
            assert!((found.0 - x).hypot(found.1 - y) < 1e-9, "{view:?} {x} {y}: {found:?}");
        }
    }
    let edge = surface(|x, y| [x * y, y, x], (-2.0, 3.0), (-4.0, 4.0), View { azimuth: 10.0, elevation: 0.0 });
    assert!(stage(&edge, 300.0, 500).on_base().is_none());
}

#[test]
fn a_plane_is_where_its_rays_meet_it() {
    for view in VIEWS {
        // In the box, of sides 1, 1 and 0.75 over -1 to 1: w = 0.375 (0.4 * 2u - 0.3 * 2v).
        let surface = surface(|x, y| [0.4 * x - 0.3 * y, 0.4, -0.3], (-1.0, 1.0), (-1.0, 1.0), view);
        let (a, b) = (0.3, -0.225);
        let stage = stage(&surface, 150.0, 240);
        let mut hits = 0;
        for (at, depth) in depths(&surface, &stage, 240).into_iter().enumerate() {
            let (from, way) = ray(&stage, at, 240);
            let t = (a * from[0] + b * from[1] - from[2]) / (way[2] - a * way[0] - b * way[1]);
            let (u, v) = (from[0] + t * way[0], from[1] + t * way[1]);
            let inside = 0.5 - u.abs().max(v.abs());
            // At the border itself rounding decides.
            if inside.abs() > 1e-3 {
                assert_eq!(depth > FAR, inside > 0.0, "{view:?}: {u} {v}");
            }
            if depth > FAR {
                hits += 1;
                assert!(
                    (f64::from(depth) - t * stage.scale).abs() < 0.02,
                    "{view:?}: {depth}, not {}",
                    t * stage.scale
                );
            }
        }
        assert!(hits > 10_000, "{view:?}: {hits}");
    }
}

#[test]
fn half_a_ball_hides_its_far_side_and_ends_at_its_own_rim() {
    let ball: Function = |x, y| {
        let z = (1.0 - x * x - y * y).sqrt();
        [z, -x / z, -y / z]
    };
    for view in VIEWS {
        let surface = surface(ball, (-1.25, 1.25), (0.0, 1.0), view);
        let stage = stage(&surface, 200.0, 240);
        let (mut wrong, mut all) = (0, 0);
        for (at, depth) in depths(&surface, &stage, 240).into_iter().enumerate() {
            let (from, way) = ray(&stage, at, 240);
            // In data units: x = 2.5u, y = 2.5v, z = w / 0.75 + 0.5.
            let (p, d) =
                ([2.5 * from[0], 2.5 * from[1], from[2] / 0.75 + 0.5], [2.5 * way[0], 2.5 * way[1], way[2] / 0.75]);
            let (dd, pd, pp) = (stage::dot(d, d), stage::dot(p, d), stage::dot(p, p));
            let root = (pd * pd - dd * (pp - 1.0)).sqrt();
            let upper = |t: &f64| p[2] + t * d[2] >= 0.0;
            // The nearer first: what is farther away is hidden by it.
            let truth = [(root - pd) / dd, (-root - pd) / dd].into_iter().filter(upper).find(|t| t.is_finite());
            all += usize::from(truth.is_some());
            let agree = match truth {
                Some(t) => (f64::from(depth) - t * stage.scale).abs() < 1.5,
                None => depth == FAR,
            };
            wrong += usize::from(!agree);
        }
        // Along the outline the mesh is off by a part of a pixel, which is many in depth.
        assert!(all > 50_000 && wrong * 100 < all, "{view:?}: {wrong} of {all} samples");
    }
    let sheet = sheet(ball, (-1.25, 1.25), 301);
    let rims: Vec<f64> = sheet.spots[301 * 301..].iter().map(|spot| spot.x.hypot(spot.y)).collect();
    assert!(rims.len() > 500 && rims.iter().all(|r| (r - 1.0).abs() < 1e-8), "{} rims", rims.len());
}

#[test]
fn jumps_and_poles_have_no_wall_and_steep_slopes_have_one() {
    // Seen from the horizon, nearly along the jump: between the two levels is nothing, or the wall of a slope.
    let level = View { azimuth: -75.0, elevation: 0.0 };
    let between = |f: Function| {
        let surface = surface(f, (-1.0, 1.0), (-2.0, 2.0), level);
        let stage = stage(&surface, 150.0, 200);
        let depth = depths(&surface, &stage, 200);
        let row = 100 * raster::SAMPLES * 200 * raster::SAMPLES;
        depth[row..row + 200 * raster::SAMPLES].iter().any(|depth| *depth > FAR)
    };
    assert!(!between(|x, _| [if x < 0.01 { -1.0 } else { 1.0 }, 0.0, 0.0]));
    assert!(!between(|x, _| [x.signum(), 0.0, 0.0]));
    assert!(!between(|x, _| [0.7 / (x - 0.003), -0.7 / (x - 0.003).powi(2), 0.0]));
    assert!(!between(|x, _| [1.1 / x, -1.1 / (x * x), 0.0]));
    assert!(between(|x, _| [(1e4 * x).tanh(), 1e4 / (1e4 * x).cosh().powi(2), 0.0]));
    assert!(between(|x, _| [x.cbrt(), 1.0 / (3.0 * x.cbrt().powi(2)), 0.0]));
}

#[test]
fn what_leaves_the_box_is_cut_off_there() {
    let surface = surface(|x, y| [4.0 * (x * x + y * y), 8.0 * x, 8.0 * y], (-1.0, 1.0), (0.0, 3.0), VIEWS[0]);
    let level = Surface { view: View { azimuth: -90.0, elevation: 0.0 }, ..surface };
    let stage = stage(&level, 200.0, 240);
    let depth = depths(&level, &stage, 240);
    let rows: Vec<usize> = (0..depth.len()).filter(|at| depth[*at] > FAR).map(|at| at / (240 * 4)).collect();
    // The box is 0.75 * 200 pixels high around the middle: samples 180 to 780.
    assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&180), Some(&779)));
}

/// The picture of a surface.
fn bitmap(surface: Surface) -> super::super::Bitmap {
    let mut picture = super::super::Picture::new(300, 280);
    (picture.axes, picture.grid) = (false, false);
    picture.layers.push(surface.into());
    picture.draw().unwrap()
}

#[test]
fn a_mirrored_function_has_a_mirrored_picture() {
    let waves: Function = |x, y| [x.sin() * y.cos(), x.cos() * y.cos(), -x.sin() * y.sin()];
    let mirrored: Function = |x, y| [-x.sin() * y.cos(), -x.cos() * y.cos(), x.sin() * y.sin()];
    for (azimuth, elevation) in [(-90.0, 30.0), (-90.0, 75.0), (-90.0, -20.0)] {
        let view = View { azimuth, elevation };
        let [one, other] = [waves, mirrored].map(|f| {
            let surface = surface(f, (-3.0, 3.0), (-1.1, 1.1), view);
            let stage = stage(&surface, 150.0, 200);
            let shade = Shade::new(&surface.colouring, surface.light, view, &stage);
            let mesh = Mesh::new(&surface.sheet, &stage, |spot| shade.colour(spot));
            raster::draw(&mesh, &[], 200, 200)
        });
        let far = |a: &[u8; 4], b: &[u8; 4]| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 3);
        let differ = (0..200 * 200).filter(|k| far(&one[*k], &other[k / 200 * 200 + 199 - k % 200])).count();
        let drawn = one.iter().filter(|pixel| pixel[3] > 0).count();
        assert!(drawn > 5000 && differ * 200 < drawn, "{view:?}: {differ} of {drawn}");
        // A comparison that can fail.
        assert!((0..200 * 200).filter(|k| far(&one[*k], &other[*k])).count() * 4 > drawn);
    }
}

#[test]
fn arrows_before_a_ridge_are_seen_and_those_behind_it_are_not() {
    let ridge: Function = |x, y| {
        let f = (-60.0 * y * y).exp();
        [f + 0.1 * x, 0.1, -120.0 * y * f]
    };
    let with = |y: Option<f64>| {
        let mut surface = surface(ridge, (-1.0, 1.0), (-0.1, 1.1), View { azimuth: -90.0, elevation: 12.0 });
        surface.arrows = y.map(|y| Arrows {
            x: vec![0.0],
            y: vec![y],
            u: vec![ridge(0.0, y)[1]],
            v: vec![ridge(0.0, y)[2]],
            colour: super::super::ArrowColour::OnHeat,
            length: super::super::ArrowLength::PixelsPerUnit(200.0),
            pivot: super::super::Pivot::Tail,
            label: String::new(),
        });
        bitmap(surface)
    };
    let plain = with(None);
    let changed = |y: f64| with(Some(y)).rgba.chunks(4).zip(plain.rgba.chunks(4)).filter(|(a, b)| a != b).count();
    assert!(changed(-0.6) > 30, "{}", changed(-0.6));
    assert_eq!(changed(0.5), 0);
    assert!(changed(0.0) > 30, "on the ridge: {}", changed(0.0));
}

#[test]
fn awkward_functions_and_sizes_are_drawn_without_a_panic() {
    let awkward: [Function; 6] = [
        |_, _| [f64::NAN; 3],
        |_, _| [5.0, 0.0, 0.0],
        |x, y| [1e300 * x, 1e300, y],
        |x, _| [if (x * 40.0).sin() > 0.0 { f64::INFINITY } else { x }, f64::NAN, f64::INFINITY],
        |x, y| [(x * 1e9).sin() * y, f64::MAX, f64::MIN],
        |x, _| [1e-310 * x, 0.0, 0.0],
    ];
    for f in awkward {
        let heights = sheet(f, (-1.0, 1.0), 31).heights();
        for view in VIEWS {
            let z_range = Surface::z_range(&heights, view, true);
            for (width, height) in [(1, 1), (40, 30), (95, 95), (300, 100)] {
                let mut picture = super::super::Picture::new(width, height);
                (picture.axes, picture.colour_bar, picture.bar_label) = (false, true, true);
                let sheet = Arc::new(sheet(f, (-1.0, 1.0), 31));
                let mut surface = Surface { sheet, ..surface(|x, y| [x * y, y, x], (-1.0, 1.0), z_range, view) };
                let (x, y) = surface.base(&picture.layout().unwrap()).unwrap();
                let (columns, nan) = (x.len(), vec![f64::NAN; x.len()]);
                let slopes = Slopes { values: x, dx: y, dy: nan, columns, rows: 1 };
                surface.contours = Some((vec![Level { value: 0.1, label: "0.1".to_owned() }], slopes));
                let all = vec![0.1, f64::NAN, 1e300, 0.3];
                surface.arrows = Some(Arrows {
                    x: vec![0.0, 0.5, -0.5, 7.0],
                    y: vec![0.0, 0.5, f64::NAN, 0.1],
                    u: all.clone(),
                    v: all,
                    colour: super::super::ArrowColour::OnHeat,
                    length: super::super::ArrowLength::Root,
                    pivot: super::super::Pivot::Middle,
                    label: String::new(),
                });
                picture.layers.push(surface.into());
                assert!(picture.draw().unwrap().rgba.chunks(4).all(|pixel| pixel[3] == 255));
            }
        }
    }
}

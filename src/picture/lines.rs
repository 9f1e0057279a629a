//! Lines of data points made ready for the canvas.
//!
//! In: points in pixels, some of them far outside, infinite or NaN. Out: runs of points on or near the plot rectangle
//! that a polyline can be drawn through: broken where a point is missing, cut where the line leaves.

use super::layout::Layout;

/// A point in pixels.
pub(super) type Pixel = (f64, f64);

/// Points closer than this to the one before are skipped: no pen shows them.
const FINE: f64 = 0.2;

/// The visible runs of the line through `points`, each of two points or more, or of one where a point stands alone.
pub(super) fn runs(points: &[Pixel], layout: &Layout, margin: f64) -> Vec<Vec<Pixel>> {
    let (left, top, right, bottom) = layout.edges();
    let window = (left - margin, top - margin, right + margin, bottom + margin);
    let mut runs: Vec<Vec<Pixel>> = Vec::new();
    let mut joined = false;
    for pair in points.windows(2) {
        let Some((a, b)) = clip(tame(pair[0]), tame(pair[1]), window) else {
            joined = false;
            continue;
        };
        match runs.last_mut() {
            Some(run) if joined && run.last().is_some_and(|last| near(*last, a)) => {
                if !near(a, b) {
                    run.push(b);
                }
            }
            _ => runs.push(vec![a, b]),
        }
        // The next segment goes on from here only if this one was not cut at its end.
        joined = near(b, tame(pair[1]));
    }
    runs.iter().map(|run| thinned(run)).collect()
}

/// The same line with at most four points for each half of a pixel column that it runs along: first, lowest, highest,
/// last. A million samples of a fast oscillation are drawn as the band that they fill.
fn thinned(run: &[Pixel]) -> Vec<Pixel> {
    let column = |p: &Pixel| (p.0 * 2.0).floor();
    let mut thin = Vec::with_capacity(run.len().min(1 << 14));
    for group in run.chunk_by(|a, b| column(a) == column(b)) {
        if group.len() <= 4 {
            thin.extend_from_slice(group);
            continue;
        }
        let by_height = |a: &usize, b: &usize| group[*a].1.total_cmp(&group[*b].1);
        let mut kept = [0, group.len() - 1, 0, 0];
        kept[2] = (0..group.len()).min_by(by_height).unwrap_or(0);
        kept[3] = (0..group.len()).max_by(by_height).unwrap_or(0);
        kept.sort_unstable();
        thin.extend(kept.iter().map(|i| group[*i]));
    }
    thin.dedup();
    thin
}

fn near(a: Pixel, b: Pixel) -> bool {
    (a.0 - b.0).abs() < FINE && (a.1 - b.1).abs() < FINE
}

/// Brings finite places near enough for the arithmetic; NaN and infinities stay and break the line.
pub(super) fn tame((x, y): Pixel) -> Pixel {
    let near = |v: f64| if v.is_finite() { v.clamp(-1e9, 1e9) } else { f64::NAN };
    (near(x), near(y))
}

/// The part of the segment within the window (left, top, right, bottom): Liang and Barsky's method.
pub(super) fn clip(a: Pixel, b: Pixel, window: (f64, f64, f64, f64)) -> Option<(Pixel, Pixel)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return None;
    }
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    let sides = [(-dx, a.0 - window.0), (dx, window.2 - a.0), (-dy, a.1 - window.1), (dy, window.3 - a.1)];
    for (speed, room) in sides {
        if speed == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if speed < 0.0 {
            from = from.max(room / speed);
        } else {
            to = to.min(room / speed);
        }
    }
    let at = |t: f64| (a.0 + dx * t, a.1 + dy * t);
    (from <= to).then(|| (if from > 0.0 { at(from) } else { a }, if to < 1.0 { at(to) } else { b }))
}

/// Points along a line, close enough to tell whether it passes under a legend.
pub(super) fn ink(points: &[Pixel], layout: &Layout) -> Vec<Pixel> {
    let step = 0.02 * f64::from(layout.width.min(layout.height)).max(1.0);
    let mut ink = Vec::new();
    for run in runs(points, layout, 0.0) {
        for pair in run.windows(2) {
            let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let parts = (dx.hypot(dy) / step).ceil().clamp(1.0, 200.0) as usize;
            ink.extend(
                (0..parts).map(|i| (i as f64 + 0.5) / parts as f64).map(|t| (pair[0].0 + dx * t, pair[0].1 + dy * t)),
            );
        }
    }
    ink
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::frame::Frame;
    use super::*;

    fn layout() -> Layout {
        let frame = Frame {
            width: 80,
            height: 80,
            title: "",
            x_label: "",
            y_label: "",
            x_range: (0.0, 1.0),
            y_range: (0.0, 1.0),
            logarithmic: (false, false),
            equal_aspect: false,
            axes: true,
            colour_bar: false,
            bar_label: false,
            bare: false,
            part: None,
        };
        frame.layout().unwrap()
    }

    #[test]
    fn lines_break_at_gaps_and_are_cut_at_the_border() {
        let l = layout();
        let gap = [(10.0, 10.0), (20.0, 20.0), (f64::NAN, 5.0), (30.0, 30.0), (40.0, 40.0)];
        assert_eq!(runs(&gap, &l, 0.0), [vec![(10.0, 10.0), (20.0, 20.0)], vec![(30.0, 30.0), (40.0, 40.0)]]);
        let through = runs(&[(-1e300, 40.0), (1e300, 40.0)], &l, 0.0);
        let (left, _, right, _) = l.edges();
        assert_eq!(through.len(), 1);
        assert!((through[0][0].0 - left).abs() < 1e-3 && (through[0][1].0 - right).abs() < 1e-3, "{through:?}");
        assert!(runs(&[(-10.0, -10.0), (-5.0, 100.0)], &l, 0.0).is_empty());
        assert!(runs(&[], &l, 0.0).is_empty() && runs(&[(1.0, 1.0)], &l, 0.0).is_empty());
    }

    #[test]
    fn a_fast_oscillation_keeps_its_height_and_few_points() {
        let wave = |i: i32| (10.0 + f64::from(i) / 2000.0, 40.0 + 20.0 * (f64::from(i) * 0.7).sin());
        let runs = runs(&(0..100_000).map(wave).collect::<Vec<_>>(), &layout(), 0.0);
        let points: Vec<Pixel> = runs.concat();
        assert!(points.len() < 500, "{}", points.len());
        let highest = points.iter().map(|p| p.1).fold(0.0, f64::max);
        assert!(highest > 59.9, "{highest}");
    }

    #[test]
    fn a_line_that_leaves_and_returns_is_two_runs() {
        let l = layout();
        let runs = runs(&[(40.0, 40.0), (40.0, -100.0), (50.0, -100.0), (50.0, 40.0)], &l, 2.0);
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().flatten().all(|p| p.1 >= -2.0), "{runs:?}");
    }
}

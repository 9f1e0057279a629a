//! How many paths run through each pixel: lines added up instead of drawn over each other.
//!
//! In: where very many paths go, step by step, in data units. Out: a number for each pixel of the plot, for a heat layer: the length of path in it, in pixels, so that a path counts alike wherever it runs, whether its steps are long or
//! short. A segment is cut into pieces shorter than a pixel, and each is shared out over the four pixels around its middle
//! by its distance from theirs, which makes lines smooth. Sums are of whole numbers, so that they are the same whatever the
//! order and the threads; memory is eight bytes a pixel and thread, however many paths there are.

use super::layout::Layout;
use super::lines::{Pixel, clip, tame};
use super::scale::Span;
use std::panic::resume_unwind;

/// Places are whole numbers of this part of a pixel, which has so many bits.
const BITS: u32 = 24;
const UNIT: f64 = (1 << BITS) as f64;
/// Bits of a place within its pixel that weights have, and of the length of a piece.
const FINE: u32 = 16;
const PARTS: f64 = (1 << 20) as f64;
/// The longest piece, in pixels, and the shortest move: less waits for more, for most steps of a descent are at its end.
const PIECE: f64 = 1.0;
const MOVE: f64 = 0.05;
/// Pixels kept around the plot, so that what is shared out needs no look where it falls.
const AROUND: usize = 2;
/// Pixels of all threads together: more threads than these have room for are not used.
const MOST: usize = 1 << 26;
/// Paths that are worth a thread.
const FEW: usize = 1 << 10;
/// Sides of the squares in whose order paths are followed, in pixels.
const TILE: f64 = 16.0;

/// Lengths of paths at the pixels of a plot.
#[derive(Clone, Debug)]
pub struct Density {
    layout: Layout,
    /// Where the paths are that are followed now, those side by side one after the other: their pixels are in the cache.
    places: Vec<Pixel>,
    /// Which of the paths each is.
    order: Vec<usize>,
    /// Of each thread, row by row from the bottom, with [`AROUND`] more on each side.
    sums: Vec<Vec<u64>>,
}

impl Density {
    /// Nothing yet, on this plot, whose axes are linear, with up to so many threads.
    pub fn new(layout: &Layout, threads: usize) -> Density {
        let pixels = (layout.width as usize + 2 * AROUND) * (layout.height as usize + 2 * AROUND);
        let threads = threads.min(MOST / pixels).max(1);
        Density { layout: layout.clone(), places: Vec::new(), order: Vec::new(), sums: vec![vec![0; pixels]; threads] }
    }

    /// So many other paths begin, at places in data units.
    pub fn start(&mut self, count: usize, at: impl Fn(usize) -> (f64, f64)) {
        let ground = Ground::of(&self.layout);
        let places: Vec<Pixel> = (0..count).map(|k| ground.place(at(k))).collect();
        let tile = |(x, y): Pixel| ((y / TILE) as i32, (x / TILE) as i32);
        self.order = (0..count).collect();
        self.order.sort_by_cached_key(|k| tile(places[*k]));
        self.places = self.order.iter().map(|k| places[*k]).collect();
    }

    /// Each path goes straight on to a place in data units. What is not finite or not on the plot is left out.
    pub fn step(&mut self, at: impl Fn(usize) -> (f64, f64) + Sync) {
        let used = self.sums.len().min(self.places.len().div_ceil(FEW)).max(1);
        let share = self.places.len().div_ceil(used).max(1);
        let (layout, ground, order, at) = (&self.layout, Ground::of(&self.layout), &self.order, &at);
        let work = |first: usize, places: &mut [Pixel], sums: &mut [u64]| {
            let mut sheet = Sheet { width: layout.width as usize, height: layout.height as usize, sums };
            for (place, k) in places.iter_mut().zip(&order[first..]) {
                let next = ground.place(at(*k));
                // NaN counts as a move.
                if !((next.0 - place.0).abs() < MOVE && (next.1 - place.1).abs() < MOVE) {
                    sheet.add(*place, next);
                    *place = next;
                }
            }
        };
        std::thread::scope(|scope| {
            let mut parts = self.places.chunks_mut(share).zip(&mut self.sums).enumerate();
            let mine = parts.next();
            let work = &work;
            let threads: Vec<_> =
                parts.map(|(k, (places, sums))| scope.spawn(move || work(k * share, places, sums))).collect();
            if let Some((_, (places, sums))) = mine {
                work(0, places, sums);
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        });
    }

    /// The length of path in each pixel, in pixels: [`Layout::width`] in a row, the lowest row first.
    pub fn values(&self) -> Vec<f64> {
        let (width, height) = (self.layout.width as usize, self.layout.height as usize);
        let place = |row: usize, column: usize| (row + AROUND) * (width + 2 * AROUND) + column + AROUND;
        let all = (0..height).flat_map(|row| (0..width).map(move |column| place(row, column)));
        all.map(|k| self.sums.iter().map(|sums| sums[k]).sum::<u64>() as f64 / PARTS).collect()
    }
}

/// From data units to pixels of the plot, from its left and its lower edge.
#[derive(Clone, Copy, Debug)]
struct Ground {
    origin: Pixel,
    pixels_per_unit: Pixel,
}

impl Ground {
    fn of(layout: &Layout) -> Ground {
        let per_unit = |pixels: u32, span: Span| f64::from(pixels) / span.width();
        Ground {
            origin: (layout.x.lo, layout.y.lo),
            pixels_per_unit: (per_unit(layout.width, layout.x), per_unit(layout.height, layout.y)),
        }
    }

    fn place(&self, (x, y): (f64, f64)) -> Pixel {
        let (origin, scale) = (self.origin, self.pixels_per_unit);
        tame(((x - origin.0) * scale.0, (y - origin.1) * scale.1))
    }
}

/// The pixels of one thread.
struct Sheet<'a> {
    width: usize,
    height: usize,
    sums: &'a mut [u64],
}

impl Sheet<'_> {
    fn add(&mut self, from: Pixel, to: Pixel) {
        // A pixel outside still has a share in the border.
        let (right, top) = (self.width as f64 + 1.0, self.height as f64 + 1.0);
        let inside = |(x, y): Pixel| x >= -1.0 && x <= right && y >= -1.0 && y <= top;
        let (a, b) = match inside(from) && inside(to) {
            true => (from, to),
            false => match clip(from, to, (-1.0, -1.0, right, top)) {
                Some(cut) => cut,
                None => return,
            },
        };
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length = (dx * dx + dy * dy).sqrt();
        let pieces = (length / PIECE) as u32 + 1;
        let share = 1.0 / f64::from(pieces);
        let part = (length * share * PARTS) as u64;
        // The middle of the first piece, from the centre of the lowest and leftmost pixel that is kept.
        let around = AROUND as f64 - 0.5;
        let fixed = |v: f64| (v * UNIT) as i64;
        let (step_x, step_y) = (fixed(dx * share), fixed(dy * share));
        let (mut x, mut y) = (fixed(a.0 + around + 0.5 * dx * share), fixed(a.1 + around + 0.5 * dy * share));
        for _ in 0..pieces {
            self.share_out(x as u64, y as u64, part);
            (x, y) = (x + step_x, y + step_y);
        }
    }

    /// Adds to the four pixels around a place, by how near it is to their centres.
    fn share_out(&mut self, x: u64, y: u64, part: u64) {
        let (column, row) = ((x >> BITS) as usize, (y >> BITS) as usize);
        let fraction = |v: u64| (v >> (BITS - FINE)) & ((1 << FINE) - 1);
        let (right, up) = (fraction(x), fraction(y));
        let (left, down) = ((1 << FINE) - right, (1 << FINE) - up);
        // Rounded to the nearest part.
        let weighed = |a: u64, b: u64| (part * a * b + (1 << (2 * FINE - 1))) >> (2 * FINE);
        let stride = self.width + 2 * AROUND;
        let below = row * stride + column;
        for (first, height) in [(below, down), (below + stride, up)] {
            if let [one, next] = &mut self.sums[first..first + 2] {
                *one += weighed(left, height);
                *next += weighed(right, height);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Picture;
    use super::*;

    /// A plot whose data units are pixels from its lower left corner.
    fn density(threads: usize) -> (Density, f64, f64) {
        let mut picture = Picture::new(140, 120);
        let layout = picture.layout().unwrap();
        let (width, height) = (f64::from(layout.width), f64::from(layout.height));
        (picture.x_range, picture.y_range) = ((0.0, width), (0.0, height));
        let layout = picture.layout().unwrap();
        let (width, height) = (f64::from(layout.width), f64::from(layout.height));
        (picture.x_range, picture.y_range) = ((0.0, width), (0.0, height));
        (Density::new(&picture.layout().unwrap(), threads), width, height)
    }

    #[test]
    fn a_path_counts_by_its_length_however_it_is_cut() {
        let (empty, width, height) = density(1);
        let (a, b) = ((8.3, 9.9), (width - 7.7, height - 11.2));
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        for steps in [1, 7, 1000] {
            let mut density = empty.clone();
            let at = |k: usize| {
                let t = k as f64 / steps as f64;
                (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t)
            };
            density.start(1, |_| at(0));
            (1..=steps).for_each(|k| density.step(|_| at(k)));
            let values = density.values();
            assert!((values.iter().sum::<f64>() / length - 1.0).abs() < 1e-3, "{steps}");
            // Away from the ends every column of pixels has the same length of it.
            let columns = width as usize;
            let slope = length / (b.0 - a.0);
            for column in 12..columns - 12 {
                let sum: f64 = values.iter().skip(column).step_by(columns).sum();
                assert!((sum / slope - 1.0).abs() < 0.2, "{steps}: {sum} for {slope} in column {column}");
            }
        }
    }

    #[test]
    fn sums_do_not_depend_on_threads_or_order() {
        let spread = |k: usize, salt: u64| {
            let at = |part| crate::random::uniform(5, k as u64, salt + part) * 200.0 - 40.0;
            (at(0), at(1))
        };
        let count = 20_000;
        let sums = |threads: usize, turn: usize| {
            let (mut density, ..) = density(threads);
            let who = |k: usize| (k + turn) % count;
            density.start(count, |k| spread(who(k), 0));
            density.step(|k| spread(who(k), 2));
            density.values()
        };
        let one = sums(1, 0);
        assert!(one.iter().all(|v| *v > 0.0));
        assert_eq!(one, sums(7, 0));
        assert_eq!(one, sums(3, 1234));
        assert_ne!(one, sums(1, 0).iter().map(|v| v + 1.0 / PARTS).collect::<Vec<f64>>());
    }

    #[test]
    fn what_is_not_on_the_plot_is_left_out() {
        let (mut density, width, height) = density(2);
        let awkward = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0, 3.0];
        let all: Vec<(f64, f64)> = awkward.iter().flat_map(|x| awkward.iter().map(|y| (*x, *y))).collect();
        density.start(all.len() - 1, |k| all[k]);
        density.step(|k| all[k + 1]);
        let most = density.values().into_iter().fold(0.0, f64::max);
        assert!(most < 100.0, "{most}");
        let before = density.values();
        density.start(1, |_| (width + 5.0, 1.0));
        density.step(|_| (width + 5.0, height));
        density.start(0, |_| (1.0, 1.0));
        density.step(|_| (5.0, 5.0));
        assert_eq!(before, density.values());
    }
}

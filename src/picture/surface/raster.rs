//! Triangles to pixels, hidden parts left out.
//!
//! In: triangles in pixels, with a depth and a colour at each corner, and inks that lie on planes. Out: red, green, blue
//! and opacity of each pixel. Each pixel has 4 x 4 samples, each sample the depth of what is nearest to the viewer
//! (Catmull's z-buffer, 1974); a pixel is the mean of its samples. The samples of a few rows are held at a time, on
//! each core.

use std::sync::Mutex;

use super::mesh::Mesh;

/// Samples of a pixel along each side.
pub(super) const SAMPLES: usize = 4;
/// Rows of pixels whose samples are held at a time.
const ROWS: usize = 24;

/// A corner of a triangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Corner {
    /// Pixels from the left and from the top.
    pub x: f32,
    pub y: f32,
    /// Pixels towards the viewer.
    pub depth: f32,
    /// Red, green, blue, 0 to 255.
    pub colour: [f32; 3],
}

/// A triangle of one colour, laid upon what is seen: drawn where nothing is nearer than its plane, and hiding nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    pub corners: [(f64, f64); 3],
    /// Depth at a pixel (x, y): the sum of the first, x times the second and y times the third.
    pub plane: [f64; 3],
    pub colour: [u8; 3],
}

/// The samples of some rows of pixels.
pub(super) struct Samples {
    /// Samples in a row.
    width: usize,
    height: usize,
    /// The sample that the first is of the whole picture, downwards.
    first: f32,
    pub depth: Vec<f32>,
    colour: Vec<[u8; 4]>,
}

/// Nothing is seen there.
pub(super) const FAR: f32 = f32::NEG_INFINITY;

impl Samples {
    /// Of `rows` rows of `width` pixels from row `first` on.
    pub(super) fn new(width: usize, first: usize, rows: usize) -> Samples {
        let (width, height) = (width * SAMPLES, rows * SAMPLES);
        let count = width * height;
        Samples { width, height, first: (first * SAMPLES) as f32, depth: vec![FAR; count], colour: vec![[0; 4]; count] }
    }

    /// The rows from `first` on, with nothing on them.
    fn clear(&mut self, first: usize) {
        self.first = (first * SAMPLES) as f32;
        self.depth.fill(FAR);
        self.colour.fill([0; 4]);
    }

    /// Calls `paint` for each sample in a triangle: its place, and its shares of the second and the third corner.
    fn scan(&mut self, corners: [(f32, f32); 3], mut paint: impl FnMut(&mut Samples, usize, f32, f32)) {
        let scale = SAMPLES as f32;
        let [a, b, c] = corners.map(|(x, y)| (x * scale - 0.5, y * scale - 0.5 - self.first));
        let (ab, ac) = ((b.0 - a.0, b.1 - a.1), (c.0 - a.0, c.1 - a.1));
        let area = ab.0 * ac.1 - ab.1 * ac.0;
        if !(area.abs() > 1e-9 && area.is_finite()) {
            return;
        }
        // One more on either side than needed is no harm, and sooner found than the least whole number above.
        let ends = |v: [f32; 3], most: usize| {
            let (lo, hi) = (v[0].min(v[1]).min(v[2]), v[0].max(v[1]).max(v[2]));
            (lo.max(0.0) as usize, ((hi + 1.0).max(0.0) as usize).min(most))
        };
        let (left, right) = ends([a.0, b.0, c.0], self.width);
        let (top, bottom) = ends([a.1, b.1, c.1], self.height);
        // The shares of b and c grow by these to the right, and by those downwards.
        let inverse = 1.0 / area;
        let (b_right, b_down) = (ac.1 * inverse, -ac.0 * inverse);
        let (c_right, c_down) = (-ab.1 * inverse, ab.0 * inverse);
        // Neighbours share their border: what rounding leaves between them belongs to both.
        let least = -1e-4;
        for row in top..bottom {
            let (x, y) = (left as f32 - a.0, row as f32 - a.1);
            let (mut to_b, mut to_c) = (x * b_right + y * b_down, x * c_right + y * c_down);
            for column in left..right {
                if to_b >= least && to_c >= least && to_b + to_c <= 1.0 - least {
                    paint(self, row * self.width + column, to_b, to_c);
                }
                to_b += b_right;
                to_c += c_right;
            }
        }
    }

    pub(super) fn triangle(&mut self, [a, b, c]: [&Corner; 3]) {
        let mix = |of: f32, to_b: f32, b: f32, to_c: f32, c: f32| of + to_b * (b - of) + to_c * (c - of);
        self.scan([(a.x, a.y), (b.x, b.y), (c.x, c.y)], |samples, at, to_b, to_c| {
            let depth = mix(a.depth, to_b, b.depth, to_c, c.depth);
            if depth > samples.depth[at] {
                samples.depth[at] = depth;
                let [red, green, blue] =
                    [0, 1, 2].map(|k| mix(a.colour[k], to_b, b.colour[k], to_c, c.colour[k]) as u8);
                samples.colour[at] = [red, green, blue, 255];
            }
        });
    }

    pub(super) fn ink(&mut self, ink: &Ink) {
        let (x, y) = (ink.corners.map(|p| p.0), ink.corners.map(|p| p.1));
        let depth = [0, 1, 2].map(|k| (ink.plane[0] + ink.plane[1] * x[k] + ink.plane[2] * y[k]) as f32);
        let [red, green, blue] = ink.colour;
        self.scan([0, 1, 2].map(|k| (x[k] as f32, y[k] as f32)), |samples, at, to_b, to_c| {
            if depth[0] + to_b * (depth[1] - depth[0]) + to_c * (depth[2] - depth[0]) >= samples.depth[at] {
                samples.colour[at] = [red, green, blue, 255];
            }
        });
    }

    /// The means of the samples of each pixel.
    fn resolve(&self, pixels: &mut [[u8; 4]]) {
        let width = self.width / SAMPLES;
        for (place, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (place % width * SAMPLES, place / width * SAMPLES);
            let mut sums = [0_u32; 4];
            for row in y..y + SAMPLES {
                for sample in &self.colour[row * self.width + x..][..SAMPLES] {
                    (0..4).for_each(|k| sums[k] += u32::from(sample[k]));
                }
            }
            let mean = |k: usize| sums[k].checked_div(sums[3] / 255).unwrap_or(0) as u8;
            *pixel = [mean(0), mean(1), mean(2), (sums[3] / (SAMPLES * SAMPLES) as u32) as u8];
        }
    }
}

/// The pixels of a mesh, and of inks upon it in this order: `height` rows of `width`.
pub(super) fn draw(mesh: &Mesh, inks: &[Ink], width: usize, height: usize) -> Vec<[u8; 4]> {
    let mut pixels = vec![[0; 4]; width * height];
    let bands: Vec<(usize, &mut [[u8; 4]])> = pixels.chunks_mut(width * ROWS).enumerate().collect();
    let bands = Mutex::new(bands);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(height.div_ceil(ROWS)) {
            scope.spawn(|| {
                let mut samples = Samples::new(width, 0, ROWS);
                // The lock is held for the taking alone, so that no thread can leave it poisoned.
                while let Some((band, pixels)) = bands.lock().ok().and_then(|mut bands| bands.pop()) {
                    let first = band * ROWS;
                    samples.clear(first);
                    let (top, bottom) = (first as f32, (first + ROWS) as f32);
                    mesh.triangles(top, bottom, |corners| samples.triangle(corners));
                    let near = |ink: &&Ink| {
                        let y = ink.corners.map(|corner| corner.1 as f32);
                        y.iter().any(|y| *y > top - 1.0) && y.iter().any(|y| *y < bottom + 1.0)
                    };
                    inks.iter().filter(near).for_each(|ink| samples.ink(ink));
                    samples.resolve(pixels);
                }
            });
        }
    });
    pixels
}

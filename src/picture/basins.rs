//! The layers of basins of attraction: a colour for each minimum, light where few steps lead there and dark where many
//! do, compared with others of its basin; and the numbers of the minima.
//!
//! In: for each pixel of the plot rectangle the number of its basin and its steps, row by row from the bottom. Out: the
//! plot filled, with the shares of the basins in the place of a colour bar; discs with numbers at the minima.

use super::canvas::Canvas;
use super::colour::NAN_COLOUR;
use super::error::PictureError;
use super::layer::{Band, Drawn, Layer};
use super::layout::Layout;
use super::legend::{Entry, Mark};
use super::lines::Pixel;
use super::maps::Rgba;
use super::marks::COUNTS;
use super::shapes::{Across, Along, INK, Lettering, Pen, WHITE};
use super::shares::{Part, Shares};

/// The first colours: those of Okabe and Ito without black, which cannot be made darker, in an order in which neighbours
/// differ most.
const COLOURS: [[u8; 3]; 7] = [
    [0x00, 0x72, 0xB2],
    [0xE6, 0x9F, 0x00],
    [0x00, 0x9E, 0x73],
    [0xCC, 0x79, 0xA7],
    [0x56, 0xB4, 0xE9],
    [0xD5, 0x5E, 0x00],
    [0xF0, 0xE4, 0x42],
];

/// How much of the way to white goes the pixel of the fewest steps, and to black that of the most.
const LIGHTEST: f64 = 0.5;
const DARKEST: f64 = 0.62;
/// Shades of a colour.
const SHADES: usize = 64;
/// The shade of the bar, and of pixels that all take the same steps: the colour itself.
const MIDDLE: usize = SHADES / 2;

/// The colour of a basin, by its number from 0. Beyond those that anyone tells apart the hue goes on by the golden angle,
/// at three lightnesses of Oklch (B. Ottosson, "A perceptual color space for image processing", 2020).
pub fn basin_colour(basin: usize) -> Rgba {
    if let Some([r, g, b]) = COLOURS.get(basin) {
        return [*r, *g, *b, 255];
    }
    let hue = (basin as f64 * 137.507_764).to_radians();
    let (l, chroma) = ([0.72, 0.58, 0.84][basin % 3], 0.12);
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let cube = |x: f64| x * x * x;
    let long = cube(l + 0.396_337_777_4 * a + 0.215_803_757_3 * b);
    let medium = cube(l - 0.105_561_345_8 * a - 0.063_854_172_8 * b);
    let short = cube(l - 0.089_484_177_5 * a - 1.291_485_548 * b);
    let linear = [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701 * short,
    ];
    let channel = |v: f64| (255.0 * v.clamp(0.0, 1.0).powf(1.0 / 2.2)).round() as u8;
    [channel(linear[0]), channel(linear[1]), channel(linear[2]), 255]
}

/// Basins of attraction over the plot rectangle.
#[derive(Clone, Debug)]
pub struct Attraction {
    /// For each pixel its basin and its shade; none where no minimum was reached.
    pixels: Vec<Option<(u32, u8)>>,
    columns: usize,
    rows: usize,
    /// Pixels of each basin.
    counts: Vec<u64>,
}

impl Attraction {
    /// `basins` has for each of `rows` rows of `columns` points, from the smallest y upwards, the number of its basin from
    /// 0, or `u32::MAX` where no minimum was reached; `steps` how many steps led there.
    ///
    /// # Errors
    /// [`PictureError::Length`] unless there are `columns * rows` of both.
    pub fn new(basins: &[u32], steps: &[u32], columns: usize, rows: usize) -> Result<Attraction, PictureError> {
        let expected = columns.saturating_mul(rows);
        if let Some(found) = [basins.len(), steps.len()].into_iter().find(|found| *found != expected) {
            return Err(PictureError::Length { what: "basins", found, expected });
        }
        let reached = |basin: &u32| *basin != u32::MAX;
        let count = basins.iter().filter(|basin| reached(basin)).max().map_or(0, |last| *last as usize + 1);
        let mut all: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (basin, steps) in basins.iter().zip(steps).filter(|(basin, _)| reached(basin)) {
            all[*basin as usize].push(*steps);
        }
        let counts = all.iter().map(|steps| steps.len() as u64).collect();
        let shades: Vec<Shade> = all.into_iter().map(Shade::of).collect();
        let pixel = |basin: u32, steps: u32| shades.get(basin as usize).map(|shade| (basin, shade.at(steps)));
        let pixels = basins.iter().zip(steps).map(|(basin, steps)| pixel(*basin, *steps)).collect();
        Ok(Attraction { pixels, columns, rows, counts })
    }

    /// Pixels from which no minimum was reached.
    fn lost(&self) -> u64 {
        self.pixels.len() as u64 - self.counts.iter().sum::<u64>()
    }

    fn share(&self, pixels: u64) -> f64 {
        pixels as f64 / self.pixels.len().max(1) as f64
    }
}

/// From the steps of a basin's pixels to their shades: by how many of them take fewer, so that each shade has as much of
/// the basin.
struct Shade(Vec<u32>);

impl Shade {
    fn of(mut all: Vec<u32>) -> Shade {
        all.sort_unstable();
        Shade(all)
    }

    fn at(&self, steps: u32) -> u8 {
        let fewer = self.0.partition_point(|other| *other < steps);
        let no_more = self.0.partition_point(|other| *other <= steps);
        let place = 0.5 * (fewer + no_more) as f64 / self.0.len().max(1) as f64;
        (place * (SHADES - 1) as f64).round() as u8
    }
}

/// A colour in a shade, 0 the lightest.
fn shaded(colour: Rgba, shade: usize) -> Rgba {
    let place = shade as f64 / (SHADES - 1) as f64;
    let middle = MIDDLE as f64 / (SHADES - 1) as f64;
    let channel = |part: u8| {
        let part = f64::from(part);
        let bent = match place < middle {
            true => part + (255.0 - part) * LIGHTEST * (1.0 - place / middle),
            false => part * (1.0 - DARKEST * (place - middle) / (1.0 - middle)),
        };
        bent.round() as u8
    };
    [channel(colour[0]), channel(colour[1]), channel(colour[2]), 255]
}

impl Drawn for Attraction {
    fn fills(&self) -> bool {
        true
    }

    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let colours: Vec<Rgba> = (0..self.counts.len())
            .flat_map(|basin| (0..SHADES).map(move |shade| shaded(basin_colour(basin), shade)))
            .collect();
        let (width, height) = (layout.width as usize, layout.height as usize);
        for row in layout.field_rows(canvas.rows()) {
            let y = layout.top + layout.height - 1 - row as u32;
            let start = row * self.rows / height * self.columns;
            let Some(cells) = self.pixels.get(start..start + self.columns).filter(|cells| !cells.is_empty()) else {
                continue;
            };
            for (i, pixel) in canvas.row_mut(layout.left, y, layout.width).chunks_exact_mut(4).enumerate() {
                let cell = cells[i * self.columns / width];
                pixel.copy_from_slice(
                    &cell.map_or(NAN_COLOUR, |(basin, shade)| colours[basin as usize * SHADES + usize::from(shade)]),
                );
            }
        }
    }

    fn shares(&self) -> Option<Shares> {
        let part = |(basin, count): (usize, &u64)| Part {
            colour: basin_colour(basin),
            share: self.share(*count),
            number: (basin + 1).to_string(),
        };
        let mut parts: Vec<Part> = self.counts.iter().enumerate().map(part).collect();
        parts.push(Part { colour: NAN_COLOUR, share: self.share(self.lost()), number: String::new() });
        parts.retain(|part| part.share > 0.0);
        Some(Shares { parts, label: "share of the pixels".to_owned() })
    }

    /// Says what the grey is, where there is some.
    fn entries(&self, _layout: &Layout) -> Vec<Entry> {
        let lost = self.lost();
        let entry = || Entry { mark: Mark::Square(NAN_COLOUR), words: "not converged".to_owned() };
        (lost > 0).then(entry).into_iter().collect()
    }
}

impl From<Attraction> for Layer {
    fn from(layer: Attraction) -> Layer {
        Layer::new(layer)
    }
}

/// Discs with the numbers 1, 2, ... at places; without the numbers where they are very many.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// In data units; what does not lie on the plot is left out, and keeps its number.
    pub points: Vec<(f64, f64)>,
}

/// Radius of a disc on a picture of unit size, with a number and without, and how many have one.
const RADIUS: f64 = 9.0;
const DOT: f64 = 3.0;
const NUMBERED: usize = 40;

impl Numbers {
    fn pixels(&self, layout: &Layout) -> Vec<(usize, Pixel)> {
        let all = self.points.iter().map(|(x, y)| layout.to_pixel(*x, *y)).enumerate();
        all.filter(|(_, at)| layout.shows(*at)).collect()
    }
}

impl Drawn for Numbers {
    fn draw(&self, canvas: &mut Canvas, layout: &Layout, _band: &Band) {
        let unit = layout.sizes.unit;
        let numbered = self.points.len() <= NUMBERED;
        let radius = if numbered { (RADIUS * unit).max(6.0) } else { (DOT * unit).max(1.5) };
        for (k, at) in self.pixels(layout) {
            canvas.disc(at, radius, WHITE);
            canvas.ring(at, radius, Pen::solid(INK, (1.2 * unit).max(0.8)));
            if numbered {
                let size = if k < 9 { 1.4 } else { 1.15 } * radius;
                canvas.text(&(k + 1).to_string(), at.0, at.1, Lettering::new(size, Along::Centre, Across::Middle));
            }
        }
    }

    fn ink(&self, layout: &Layout) -> Vec<Pixel> {
        self.pixels(layout).into_iter().flat_map(|(_, at)| [at; COUNTS]).collect()
    }
}

impl From<Numbers> for Layer {
    fn from(layer: Numbers) -> Layer {
        Layer::new(layer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::Picture;
    use super::*;

    /// How light a colour is.
    fn light([r, g, b, _]: Rgba) -> f64 {
        0.3 * f64::from(r) + 0.59 * f64::from(g) + 0.11 * f64::from(b)
    }

    #[test]
    fn colours_differ_and_shades_darken() {
        let distance =
            |a: Rgba, b: Rgba| (0..3).map(|k| (f64::from(a[k]) - f64::from(b[k])).powi(2)).sum::<f64>().sqrt();
        for basin in 0..40 {
            let colour = basin_colour(basin);
            let shades: Vec<f64> = (0..SHADES).map(|shade| light(shaded(colour, shade))).collect();
            assert!(
                shades.windows(2).all(|pair| pair[0] >= pair[1]) && shades[0] > shades[SHADES - 1] + 50.0,
                "{basin}"
            );
            assert!(distance(shaded(colour, MIDDLE), colour) < 6.0, "{basin}");
            assert!((0..basin).all(|other| distance(basin_colour(other), colour) > 8.0), "{basin}: {colour:?}");
            assert!(distance(colour, NAN_COLOUR) > 30.0, "{basin}: {colour:?} is the colour of no basin");
        }
    }

    /// Two basins of a picture, the second with steps that grow to the right; a corner that did not converge.
    #[test]
    fn pixels_have_the_colour_of_their_basin_and_the_shade_of_their_steps() {
        let mut picture = Picture { legend: false, grid: false, ..Picture::new(300, 300) };
        let layout = picture.layout().unwrap();
        let (width, height) = (layout.width as usize, layout.height as usize);
        let place = |k: usize| (k % width, k / width);
        let basin = |k: usize| match place(k) {
            (0..9, 0..9) => u32::MAX,
            (x, _) => u32::from(x >= width / 2),
        };
        let steps = |k: usize| if basin(k) == 1 { place(k).0 as u32 } else { 7 };
        let all = 0..width * height;
        let (basins, steps): (Vec<u32>, Vec<u32>) = all.map(|k| (basin(k), steps(k))).unzip();
        picture.layers.push(Attraction::new(&basins, &steps, width, height).unwrap().into());
        let bitmap = picture.draw().unwrap();
        let at = |x: usize, y: usize| {
            let (column, row) = (layout.left as usize + x, (layout.top + layout.height) as usize - 1 - y);
            let start = 4 * (row * 300 + column);
            [0, 1, 2, 3].map(|k| bitmap.rgba[start + k])
        };
        assert_eq!((at(3, 3), at(8, 8)), (NAN_COLOUR, NAN_COLOUR));
        assert_eq!(at(9, 3), shaded(basin_colour(0), MIDDLE));
        assert_eq!(at(width / 2 - 1, height - 1), at(3, 20));
        let row: Vec<f64> = (width / 2..width).map(|x| light(at(x, 50))).collect();
        assert!(row.windows(2).all(|pair| pair[0] >= pair[1]) && row[0] > row[row.len() - 1] + 80.0, "{row:?}");
        assert!(Attraction::new(&basins, &steps[1..], width, height).is_err());
    }
}

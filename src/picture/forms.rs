//! Forms of marks that are told apart without colour: triangles, crosses, diamonds, dots, strokes around a place.
//!
//! In: a place and a size in pixels. Out: the mark with a light border, so that it is seen on any colour.

use super::canvas::Canvas;
use super::shapes::{INK, Pen, WHITE};

/// The form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A dark triangle that stands on its tip: the lowest point is here.
    Down,
    /// A light triangle, its tip above.
    Up,
    /// A cross.
    Cross,
    /// A diamond, half dark, half light.
    Diamond,
    /// A small dot.
    Dot,
    /// Four strokes around the place, which stays free for what else is there.
    Around,
}

/// How far a triangle's corners are from its centre, and the arms of the others, for a mark of radius 1.
const CORNER: f64 = 1.25;
const ARM: f64 = 0.8;
const POINT: f64 = 1.15;
const SMALL: f64 = 0.42;
const FREE: f64 = 0.9;
const FAR: f64 = 1.8;

impl Form {
    /// Draws it around a place.
    pub(super) fn draw(self, canvas: &mut Canvas, (x, y): (f64, f64), radius: f64) {
        let border = (0.28 * radius).max(0.6);
        let corner = |degrees: f64, reach: f64| {
            let angle = degrees.to_radians();
            (x + reach * radius * angle.cos(), y - reach * radius * angle.sin())
        };
        let corners = |from: f64, count: usize, reach: f64| -> Vec<(f64, f64)> {
            (0..count).map(|k| corner(from + 360.0 * k as f64 / count as f64, reach)).collect()
        };
        match self {
            Form::Down => filled(canvas, &corners(-90.0, 3, CORNER), INK, WHITE, border),
            Form::Up => filled(canvas, &corners(90.0, 3, CORNER), WHITE, INK, border),
            Form::Diamond => {
                let all = corners(90.0, 4, POINT);
                filled(canvas, &all, WHITE, INK, border);
                canvas.polygon(&[all[0], all[1], all[2]], INK);
            }
            Form::Cross => {
                let arms = corners(45.0, 4, ARM);
                for pen in [Pen::solid(WHITE, 3.4 * border), Pen::solid(INK, 1.6 * border)] {
                    canvas.polyline(&[arms[0], arms[2]], pen);
                    canvas.polyline(&[arms[1], arms[3]], pen);
                }
            }
            Form::Around => {
                for pen in [Pen::solid(WHITE, 3.4 * border), Pen::solid(INK, 1.6 * border)] {
                    for degrees in [0.0, 90.0, 180.0, 270.0] {
                        canvas.polyline(&[corner(degrees, FREE), corner(degrees, FAR)], pen);
                    }
                }
            }
            Form::Dot => {
                canvas.disc((x, y), SMALL * radius + 0.6 * border, WHITE);
                canvas.disc((x, y), SMALL * radius, INK);
            }
        }
    }
}

fn filled(canvas: &mut Canvas, corners: &[(f64, f64)], inside: [u8; 4], outline: [u8; 4], border: f64) {
    canvas.polygon_outline(corners, Pen::solid(outline, 2.0 * border));
    canvas.polygon(corners, inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 24;
    const ALL: [Form; 6] = [Form::Down, Form::Up, Form::Cross, Form::Diamond, Form::Dot, Form::Around];

    /// The grey of each pixel of a form on a ground.
    fn drawn(form: Option<Form>, ground: u8) -> Vec<f64> {
        let mut canvas = Canvas::new(SIDE, SIDE, 0..SIDE).expect("it is small");
        canvas.fill_rect(0.0, 0.0, f64::from(SIDE), f64::from(SIDE), [ground, ground, ground, 255]);
        if let Some(form) = form {
            form.draw(&mut canvas, (12.0, 12.0), 6.0);
        }
        let grey = |p: &[u8]| (f64::from(p[0]) + f64::from(p[1]) + f64::from(p[2])) / 765.0;
        canvas.into_bitmap().rgba.chunks_exact(4).map(grey).collect()
    }

    /// Pixels that differ clearly.
    fn differ(a: &[f64], b: &[f64]) -> usize {
        a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > 0.4).count()
    }

    #[test]
    fn forms_are_seen_on_any_ground_and_told_apart_in_grey() {
        for ground in [0, 128, 255] {
            for (k, form) in ALL.iter().enumerate() {
                let one = drawn(Some(*form), ground);
                let seen = differ(&one, &drawn(None, ground));
                assert!(seen >= 8, "{form:?} on {ground}: {seen} pixels");
                for other in &ALL[..k] {
                    let apart = differ(&one, &drawn(Some(*other), ground));
                    assert!(apart >= 20, "{form:?} and {other:?} on {ground}: {apart} pixels");
                }
            }
        }
    }
}

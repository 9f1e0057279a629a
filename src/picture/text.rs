//! Words on a picture: their outlines, their widths, and formulas as people write them.
//!
//! In: strings and sizes in pixels (the em, as in CSS). Out: paths for the canvas, widths for the layout. The font is
//! part of the program (a subset of DejaVu Sans), so a picture looks the same on every machine and none is missing.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, OutlineCurve};
use tiny_skia::{Path, PathBuilder, Point};

static FONT_BYTES: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");

/// The height of a capital letter or a digit, as a share of the size.
pub(super) const CAP_HEIGHT: f64 = 0.73;

/// Parsed at first use. The bytes are ours, so None never happens; it would only leave the words out.
fn font() -> Option<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(FONT_BYTES).ok()).as_ref()
}

fn scale(font: &FontRef<'_>, size: f64) -> f64 {
    size / f64::from(font.units_per_em().unwrap_or(2048.0))
}

/// The width of `text` in pixels at `size`.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let Some(font) = font() else { return 0.0 };
    let advance: f32 = text.chars().map(|c| font.h_advance_unscaled(font.glyph_id(c))).sum();
    f64::from(advance) * scale(font, size)
}

/// The outlines of `text` with the start of its baseline at (0, 0), x to the right, y down, in pixels.
/// None where there is no ink.
pub(super) fn outline(text: &str, size: f64) -> Option<Path> {
    let font = font()?;
    let scale = scale(font, size) as f32;
    let mut builder = PathBuilder::new();
    let mut pen = 0.0;
    for glyph in text.chars().map(|c| font.glyph_id(c)) {
        if let Some(outline) = font.outline(glyph) {
            trace(&mut builder, &outline.curves, |p| Point::from_xy((pen + p.x) * scale, -p.y * scale));
        }
        pen += font.h_advance_unscaled(glyph);
    }
    builder.finish()
}

/// Adds one glyph's closed contours; a new one starts where a curve does not start at the end of the last.
fn trace(builder: &mut PathBuilder, curves: &[OutlineCurve], place: impl Fn(ab_glyph::Point) -> Point) {
    let mut at = None;
    for curve in curves {
        let (OutlineCurve::Line(start, end)
        | OutlineCurve::Quad(start, _, end)
        | OutlineCurve::Cubic(start, _, _, end)) = *curve;
        if at != Some(start) {
            if at.is_some() {
                builder.close();
            }
            let p = place(start);
            builder.move_to(p.x, p.y);
        }
        let e = place(end);
        match *curve {
            OutlineCurve::Line(..) => builder.line_to(e.x, e.y),
            OutlineCurve::Quad(_, c, _) => {
                let c = place(c);
                builder.quad_to(c.x, c.y, e.x, e.y);
            }
            OutlineCurve::Cubic(_, c, d, _) => {
                let (c, d) = (place(c), place(d));
                builder.cubic_to(c.x, c.y, d.x, d.y, e.x, e.y);
            }
        }
        at = Some(end);
    }
    builder.close();
}

/// Makes `text` fit into `room` pixels: first smaller, down to 3/4 of `size`, then cut, with an ellipsis.
/// Gives the text and its size. Line breaks become spaces.
pub(super) fn fit(text: &str, size: f64, room: f64) -> (String, f64) {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let wide = width(&text, size);
    if wide <= room {
        return (text, size);
    }
    let size = size * (room / wide).max(0.75);
    if width(&text, size) <= room * 1.0001 {
        return (text, size);
    }
    let mut used = width("…", size);
    let mut short: String = text
        .chars()
        .take_while(|c| {
            used += width(c.encode_utf8(&mut [0; 4]), size);
            used <= room
        })
        .collect();
    short.truncate(short.trim_end().len());
    if !short.is_empty() {
        short.push('…');
    }
    (short, size)
}

/// `number` as superscript characters.
pub(super) fn superscript(number: &str) -> String {
    number
        .chars()
        .map(|c| SUPERSCRIPTS.iter().find(|(plain, _)| *plain == c).map_or(c, |(_, raised)| *raised))
        .collect()
}

const SUPERSCRIPTS: [(char, char); 12] = [
    ('0', '⁰'),
    ('1', '¹'),
    ('2', '²'),
    ('3', '³'),
    ('4', '⁴'),
    ('5', '⁵'),
    ('6', '⁶'),
    ('7', '⁷'),
    ('8', '⁸'),
    ('9', '⁹'),
    ('-', '⁻'),
    ('−', '⁻'),
];

/// A formula as it is printed: `x^2` and `x^(-1)` with whole powers raised, `*` as a raised dot, a minus sign for
/// `-`, `√(` for `sqrt(`, `π` for `pi`, `≤` and `≥`. Everything else stays as it is.
pub fn typeset(formula: &str) -> String {
    let source: Vec<char> = formula.replace("**", "^").chars().collect();
    let mut out = String::with_capacity(formula.len());
    let mut i = 0;
    while let Some(&c) = source.get(i) {
        let rest = &source[i..];
        let (text, used) = match c {
            '^' => power(&rest[1..]).map_or(("^".to_owned(), 1), |(power, used)| (superscript(&power), used + 1)),
            '*' => ("·".to_owned(), 1),
            '-' => ("−".to_owned(), 1),
            '<' if rest.get(1) == Some(&'=') => ("≤".to_owned(), 2),
            '>' if rest.get(1) == Some(&'=') => ("≥".to_owned(), 2),
            _ if is_word(c) => {
                let used = rest.iter().take_while(|c| is_word(**c)).count();
                (word(rest[..used].iter().collect()), used)
            }
            _ => (c.to_string(), 1),
        };
        out.push_str(&text);
        i += used;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// A word of a formula; a number such as `1e-3` ends before its sign and keeps its text.
fn word(word: String) -> String {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, name) = word.split_at(word.len() - digits);
    match name {
        "pi" => format!("{number}π"),
        "sqrt" => format!("{number}√"),
        _ => word,
    }
}

/// A whole power at the start of `rest`, bare or in parentheses: its digits and how many characters it takes.
/// None where raising it would change what the formula says (`x^2.5`, `x^1e3`, `2^3^2`).
fn power(rest: &[char]) -> Option<(String, usize)> {
    let inside = usize::from(rest.first() == Some(&'('));
    let sign = usize::from(matches!(rest.get(inside), Some('-' | '−')));
    let digits = rest[inside + sign..].iter().take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let end = inside + sign + digits;
    let number: String = rest[inside..end].iter().collect();
    let exponent = matches!(rest.get(end), Some('e' | 'E'))
        && rest[end + 1..].iter().find(|c| !matches!(c, '+' | '-')).is_some_and(char::is_ascii_digit);
    match (inside == 1, rest.get(end)) {
        (true, Some(')')) if rest.get(end + 1) != Some(&'^') => Some((number, end + 1)),
        (false, next) if !exponent && !matches!(next, Some('.' | '^')) => Some((number, end)),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_there_with_every_character_we_set() {
        let font = font().expect("the embedded font parses");
        for c in "AZaz09 ~éαωΔ−⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₉←→↑↓∂∇√·×≤≥∞‖…|π°±".chars()
        {
            assert_ne!(font.glyph_id(c).0, 0, "{c}");
        }
        assert!(outline("x", 12.0).is_some() && outline("", 12.0).is_none() && outline(" ", 12.0).is_none());
        assert!(FONT_BYTES.len() < 100_000);
    }

    #[test]
    fn formulas_are_set_as_people_write_them() {
        let table = [
            ("x^2 + y^2", "x² + y²"),
            ("3x^2 + 8xy - 3y^5", "3x² + 8xy − 3y⁵"),
            ("x^10*y^(-1)", "x¹⁰·y⁻¹"),
            ("x**2", "x²"),
            ("x^-2", "x⁻²"),
            ("x^(12)y", "x¹²y"),
            ("x^2.5", "x^2.5"),
            ("2^3^2", "2^3²"),
            ("2^(3)^2", "2^(3)²"),
            ("x^1e3", "x^1e3"),
            ("x^2e", "x²e"),
            ("x^(y+1)", "x^(y+1)"),
            ("x^n", "x^n"),
            ("sqrt(x) + 2pi x", "√(x) + 2π x"),
            ("spin(pi)", "spin(π)"),
            ("x <= 2", "x ≤ 2"),
            ("^", "^"),
            ("x^", "x^"),
            ("x^(", "x^("),
            ("x^(-", "x^(−"),
            ("", ""),
        ];
        for (formula, wanted) in table {
            assert_eq!(typeset(formula), wanted, "{formula}");
        }
    }

    #[test]
    fn text_fits_into_its_room() {
        let long = "sin(x) cos(y) + ".repeat(50);
        for room in [0.0, 1.0, 20.0, 300.0, 1e9] {
            let (text, size) = fit(&long, 17.0, room);
            assert!(width(&text, size) <= room + 0.1, "{room}: {text}");
            assert!(size >= 17.0 * 0.74);
        }
        assert_eq!(fit("short", 12.0, 500.0), ("short".to_owned(), 12.0));
    }
}

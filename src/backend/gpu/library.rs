//! The shaders' mathematics, of which a shader gets only what it calls.
//!
//! Flows in: `shaders/math32.wgsl` and `math64.wgsl`, and a text that calls some of their functions. Flows out: the
//! functions and constants that the text needs, directly or through others. A driver compiles everything that it
//! is given, and the whole library takes it longer than most expressions.
//!
//! The library is WGSL that is also Rust, so its numbers carry no suffix. Here they get the one of the format:
//! without it WGSL would round a literal twice in f32 (to f64, then to f32), and naga takes a `select` between two
//! literals for f32 even where the result is f64.

use crate::real::Precision;
use std::collections::{HashMap, HashSet};

/// A top-level function or constant.
struct Item<'t> {
    name: &'t str,
    text: &'t str,
}

/// The items of the library of this format that `caller` needs, in the library's order, literals suffixed.
pub(super) fn needed_by(caller: &str, precision: Precision) -> String {
    let library = match precision {
        Precision::F32 => include_str!("../../../shaders/math32.wgsl"),
        Precision::F64 => include_str!("../../../shaders/math64.wgsl"),
    };
    closure(library, caller).into_iter().map(|item| suffixed(item, precision) + "\n").collect()
}

/// The texts of the items of `library` that `caller` needs.
fn closure<'t>(library: &'t str, caller: &'t str) -> Vec<&'t str> {
    let items = items(library);
    let by_name: HashMap<&str, usize> = items.iter().enumerate().map(|(k, item)| (item.name, k)).collect();
    let mut needed = HashSet::new();
    let mut texts = vec![caller];
    while let Some(text) = texts.pop() {
        for place in words(text).filter_map(|word| by_name.get(word)) {
            if needed.insert(*place) {
                texts.push(items[*place].text);
            }
        }
    }
    items.iter().enumerate().filter(|(k, _)| needed.contains(k)).map(|(_, item)| item.text).collect()
}

/// The items of a text: each begins at the left border with `fn` or `const`, and ends with the line that begins with
/// a brace or, for a constant, ends with a semicolon.
fn items(library: &str) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in library.split_inclusive('\n') {
        if line.starts_with("fn ") || line.starts_with("const ") {
            start = Some(at);
        }
        at += line.len();
        let constant = start.is_some_and(|from| library[from..].starts_with("const "));
        let closed = line.starts_with('}') || constant && line.trim_end().ends_with(';');
        if closed && let Some(from) = start.take() {
            items.extend(item(&library[from..at]));
        }
    }
    items
}

fn item(text: &str) -> Option<Item<'_>> {
    words(text).nth(1).map(|name| Item { name, text })
}

/// Identifiers and keywords of a text, comments left out.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// The text with `f` or `lf` behind every number that has a point or an exponent.
pub(super) fn suffixed(text: &str, precision: Precision) -> String {
    let suffix = match precision {
        Precision::F32 => "f",
        Precision::F64 => "lf",
    };
    let mut result = String::with_capacity(text.len() + text.len() / 8);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, real) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '0'..='9' => number(rest),
            'a'..='z' | 'A'..='Z' | '_' => (count(rest, |c| c.is_ascii_alphanumeric() || c == '_'), false),
            other => (other.len_utf8(), false),
        };
        result += &rest[..length];
        if real {
            result += suffix;
        }
        rest = &rest[length..];
    }
    result
}

/// The length of the number that begins the text, and whether it is a real number without a suffix.
fn number(text: &str) -> (usize, bool) {
    if text.starts_with("0x") {
        return (count(text, |c| c.is_ascii_alphanumeric()), false);
    }
    let digits = |from: usize| from + count(&text[from..], |c| c.is_ascii_digit());
    let whole = digits(0);
    let mut end = if text[whole..].starts_with('.') { digits(whole + 1) } else { whole };
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        end = digits(end + 1 + sign);
    }
    let real = end > whole && !text[end..].starts_with(|c: char| c.is_ascii_alphabetic());
    (end, real)
}

/// How many bytes at the beginning are ASCII that fits.
fn count(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "// a\nconst K: R = 0.5;\nconst L: R = 2.0;\n\nfn f(x: R) -> R {\n\n    return g(x) * K; // h\n}\n\
                           fn g(x: R) -> R {\n    return x;\n}\n// last\nfn h(x: R) -> R {\n    return f(x);\n}\n";

    #[test]
    fn only_what_is_called_is_taken() {
        let taken = closure(LIBRARY, "fn op(a: R) -> R { return f(a); }");
        assert_eq!(taken.iter().map(|text| words(text).nth(1).unwrap_or("")).collect::<Vec<_>>(), ["K", "f", "g"]);
        assert!(closure(LIBRARY, "a + b").is_empty());
        assert_eq!(closure(LIBRARY, "h(a)").len(), 4);
    }

    #[test]
    fn literals_get_the_suffix_of_the_format() {
        let text = "select(0.0, -1.5e-3, a2 < 0x1e3) + 1u + 2 // 3.0";
        assert_eq!(suffixed(text, Precision::F64), "select(0.0lf, -1.5e-3lf, a2 < 0x1e3) + 1u + 2 // 3.0");
        assert_eq!(suffixed("log2(1e5) - 7.", Precision::F32), "log2(1e5f) - 7.f");
        assert_eq!(suffixed("0.5f + 2.0lf", Precision::F64), "0.5f + 2.0lf");
    }
}

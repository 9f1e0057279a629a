//! How names are spelt: their letters, their order, how far they are from one another, and how they are declared.
//!
//! Flows in: names. Flows out: what can be said of them without knowing what they mean; [`Declared`]. Who should not
//! use it: anyone but `names.rs` and what comes after; `parse.rs` hands [`Declared`] on.

use super::lex::{ParseError, is_letter};
use std::fmt;
use std::str::FromStr;

/// A declared variable, written `x`, or `x[5]` for `x[1]` to `x[5]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Declared {
    /// A letter, then letters, digits and `_`.
    pub name: String,
    /// The number of components of an indexed variable, at most [`Declared::LIMIT`].
    pub components: Option<usize>,
}

impl Declared {
    /// The most components of an indexed variable, and the most variables of a text.
    pub const LIMIT: usize = 100_000;

    /// What the variable adds to the list of variables: its name, or `x[1]`, `x[2]`, ...
    pub fn components(&self) -> impl Iterator<Item = String> + '_ {
        let single = self.components.is_none().then(|| self.name.clone());
        single.into_iter().chain((1..=self.components.unwrap_or(0)).map(|k| format!("{}[{k}]", self.name)))
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.components.map_or(Ok(()), |n| write!(f, "[{n}]"))
    }
}

/// Fails if the text is no name, or the number of components is not from 1 to [`Declared::LIMIT`].
impl FromStr for Declared {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Declared, ParseError> {
        let (name, index) = text.split_once('[').map_or((text, None), |(name, index)| (name, Some(index)));
        if !is_name(name.trim()) {
            let error = ParseError::new(text, 0..name.len(), "expected the name of a variable");
            return Err(error.hint("a variable is declared as `x`, `width` or `x[5]`"));
        }
        let name = name.trim().to_owned();
        let Some(index) = index else { return Ok(Declared { name, components: None }) };
        let number = index.trim_end().strip_suffix(']').and_then(|number| number.trim().parse::<usize>().ok());
        match number {
            Some(n) if (1..=Declared::LIMIT).contains(&n) => Ok(Declared { name, components: Some(n) }),
            _ => {
                let limit = format!("expected a number of components from 1 to {} and `]`", Declared::LIMIT);
                Err(ParseError::new(text, text.len() - index.len()..text.len(), limit)
                    .hint(format!("`{name}[5]` declares {name}[1] to {name}[5]")))
            }
        }
    }
}

/// A letter, then letters, digits and `_`; none of the words that are operators.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(is_letter)
        && name.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '_')
        && !matches!(name, "and" | "or" | "not")
}

/// Whether an undeclared name is a variable: a letter, digits, and perhaps `_` with digits, or with a name.
pub(super) fn is_free(name: &str) -> bool {
    let rest = name.trim_start_matches(is_letter);
    let one_letter = name.chars().count() == rest.chars().count() + 1;
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let subscript = |text: &str| digits(text) || text.starts_with(is_letter);
    one_letter && (rest.is_empty() || rest.strip_prefix('_').is_some_and(subscript))
}

/// The first letter of a name with its digits: `x`, `x2`, `x_2`.
pub(super) fn piece(name: &str) -> &str {
    let letter = name.chars().next().map_or(0, char::len_utf8);
    let digits = |from: usize| name[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = letter + digits(letter);
    if name[length..].starts_with('_') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    &name[..length]
}

/// The letters of a name with their digits, as far as it is made of them.
pub(super) fn pieces(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let next = rest.starts_with(is_letter).then(|| piece(rest))?;
        rest = &rest[next.len()..];
        Some(next)
    })
}

/// A part of a name: digits count as a number, letters go by the alphabet, small before large.
pub(super) type Chunk = (usize, String);

pub(super) fn natural(name: &str) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut digits = String::new();
    for c in name.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            let number = digits.trim_start_matches('0').to_owned();
            chunks.push((1 + number.len(), format!("{number} {}", digits.len())));
            digits.clear();
        }
        let order =
            if c == '\0' { String::new() } else { format!("{} {}", c.to_lowercase(), u8::from(c.is_uppercase())) };
        chunks.push((usize::from(c != '\0') * usize::MAX, order));
    }
    chunks
}

/// Insertions, deletions, replacements and swaps of neighbours between two names.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Names of other languages, and what to write.
const FOREIGN: [(&str, &str); 22] = [
    ("arcsin", "asin"),
    ("arccos", "acos"),
    ("arctan", "atan"),
    ("arctan2", "atan2"),
    ("arsinh", "asinh"),
    ("arcosh", "acosh"),
    ("artanh", "atanh"),
    ("cot", "1/tan"),
    ("sec", "1/cos"),
    ("csc", "1/sin"),
    ("cosine", "cos"),
    ("tangent", "tan"),
    ("tg", "tan"),
    ("lg", "log10"),
    ("lb", "log2"),
    ("sgn", "sign"),
    ("signum", "sign"),
    ("fabs", "abs"),
    ("heaviside", "step"),
    ("logistic", "sigmoid"),
    ("power", "pow"),
    ("product", "prod"),
];

/// What is written here for a name of another language.
pub(super) fn foreign(name: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name)).map(|(_, ours)| *ours)
}

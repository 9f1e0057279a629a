//! Text to tokens, and the error that shows its place in the text.
//!
//! Flows in: a text, and the table of operations for the operators. Flows out: [`Token`]s with their place in bytes,
//! ended by [`Kind::End`]. A character that means nothing ends them with [`Kind::Bad`], so that a mistake further left
//! is reported first. Who should not use it: anyone but `parse.rs`.

use crate::op::{Op, Operations, Syntax};
use std::fmt;
use std::ops::Range;

/// A mistake in a text: what is wrong, where, and often what was meant.
///
/// Printed, it is the message, the line with a caret under the place, and the hint, each on a line of its own and
/// without a newline at the end. Nothing of the text is printed raw that a terminal could obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    message: String,
    span: Range<usize>,
    excerpt: String,
    hint: String,
}

impl ParseError {
    /// A mistake at `span` (bytes) of `text`.
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> ParseError {
        let excerpt = excerpt(text, &span);
        ParseError(Box::new(Details { message: message.into(), span, excerpt, hint: String::new() }))
    }

    /// A mistake beside the text: in what it may refer to, or in its size.
    pub(super) fn beside(message: impl Into<String>) -> ParseError {
        ParseError(Box::new(Details {
            message: message.into(),
            span: 0..0,
            excerpt: String::new(),
            hint: String::new(),
        }))
    }

    /// The same with a last line that helps.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> ParseError {
        self.0.hint = hint.into();
        self
    }

    /// Where the mistake begins, in bytes from the start of the text; 0 for a mistake that is not in the text.
    pub fn position(&self) -> usize {
        self.0.span.start
    }

    /// The bytes of the text that the carets stand under; empty at the end of the text.
    pub fn span(&self) -> Range<usize> {
        self.0.span.clone()
    }

    /// What is wrong, in a line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What may have been meant, if there is something to say.
    pub fn suggestion(&self) -> Option<&str> {
        Some(self.0.hint.as_str()).filter(|hint| !hint.is_empty())
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.0.message, &self.0.excerpt, &self.0.hint];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        f.write_str(&parts.join("\n"))
    }
}

impl std::error::Error for ParseError {}

/// Columns of a line shown before and after the place of a mistake.
const AROUND: usize = 32;

/// The line around `span`, and the carets under it; nothing for a blank line.
fn excerpt(text: &str, span: &Range<usize>) -> String {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |length| span.start + length);
    let before: Vec<char> = text[start..span.start].chars().rev().take(AROUND + 1).collect();
    let marked = &text[span.start..span.end.clamp(span.start, end)];
    let after = &text[span.start + marked.len()..end];
    let mut line = String::from(if before.len() > AROUND { "..." } else { "" });
    line.extend(before.iter().take(AROUND).rev().map(|c| printable(*c)));
    let indent: usize = line.chars().map(columns).sum();
    let shown: String = marked.chars().take(AROUND).map(printable).collect();
    let carets: usize = shown.chars().map(columns).sum();
    line.push_str(&shown);
    line.extend(after.chars().take(AROUND).map(printable));
    if after.chars().nth(AROUND).is_some() || marked.chars().nth(AROUND).is_some() {
        line.push_str("...");
    }
    match line.trim_end() {
        "" => String::new(),
        line => format!("  {line}\n  {}{}", " ".repeat(indent), "^".repeat(carets.max(1))),
    }
}

/// The character, or a stand-in one column wide for those that a terminal acts on or that turn the line about.
pub(super) fn printable(c: char) -> char {
    match c {
        c if c.is_whitespace() => ' ',
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// Columns of a terminal that the character takes, nearly.
fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' => 2,
        '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// A token and its place in the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    /// A letter, then letters, digits and `_`.
    Name,
    /// An operator of the table; `+` and `-` also stand before an operand.
    Infix(Op),
    Not,
    /// A power in superscript digits.
    Superscript(f64),
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Comma,
    Semicolon,
    Assign,
    /// Nothing of the language; the error says what.
    Bad,
    End,
}

/// Other ways to write an operator, as pasted from a page.
const SPELLINGS: [(&str, &str); 14] = [
    ("**", "^"),
    ("×", "*"),
    ("·", "*"),
    ("⋅", "*"),
    ("∙", "*"),
    ("∗", "*"),
    ("÷", "/"),
    ("∕", "/"),
    ("−", "-"),
    ("–", "-"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("⩽", "<="),
];

/// The tokens of a text, and what is wrong with the last one if that is bad.
pub(super) fn lex(text: &str, operations: &Operations) -> (Vec<Token>, Option<ParseError>) {
    let lexer = Lexer { text, operators: operators(operations) };
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        match lexer.token(at, c) {
            Ok(token) => {
                at = token.end;
                tokens.push(token);
            }
            Err(error) => {
                tokens.push(Token { kind: Kind::Bad, start: at, end: at + c.len_utf8() });
                return (tokens, Some(error));
            }
        }
    }
    let end = text.trim_end().len();
    tokens.push(Token { kind: Kind::End, start: end, end });
    (tokens, None)
}

fn operators(operations: &Operations) -> Vec<(&'static str, Op)> {
    let mut all: Vec<(&'static str, Op)> = operations
        .iter()
        .filter_map(|op| match op.syntax {
            Syntax::Infix(symbol, _) => Some((symbol, op)),
            _ => None,
        })
        .collect();
    for (spelling, symbol) in SPELLINGS {
        all.extend(all.iter().find(|(other, _)| *other == symbol).map(|(_, op)| (spelling, *op)));
    }
    all.sort_by_key(|(symbol, _)| std::cmp::Reverse(symbol.len()));
    all
}

/// The longest name. A run of letters may be a product of one-letter names, but nobody means a thousand of them.
const NAME_LIMIT: usize = 100;

/// Whether a name may begin with it: Latin without accents, and Greek.
pub(super) fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || (('\u{370}'..='\u{3ff}').contains(&c) && c.is_alphabetic())
}

struct Lexer<'a> {
    text: &'a str,
    /// Symbol and operation, the longest symbol first.
    operators: Vec<(&'static str, Op)>,
}

impl Lexer<'_> {
    fn token(&self, start: usize, c: char) -> Result<Token, ParseError> {
        let rest = &self.text[start..];
        let (kind, length) = if c.is_ascii_digit() || c == '.' {
            self.number(start)?
        } else if is_letter(c) {
            let length = rest.find(|c| !is_letter(c) && !char::is_ascii_digit(&c) && c != '_').unwrap_or(rest.len());
            if length > NAME_LIMIT {
                let message = format!("a name of {length} bytes: the limit is {NAME_LIMIT}");
                return Err(ParseError::new(self.text, start..start + length, message));
            }
            (self.word(&rest[..length]), length)
        } else if superscript(c).is_some() {
            self.superscript(start)?
        } else {
            self.symbol(start, c)?
        };
        Ok(Token { kind, start, end: start + length })
    }

    fn word(&self, word: &str) -> Kind {
        match self.operators.iter().find(|(symbol, _)| *symbol == word) {
            _ if word == "not" => Kind::Not,
            Some((_, op)) => Kind::Infix(*op),
            None => Kind::Name,
        }
    }

    fn number(&self, start: usize) -> Result<(Kind, usize), ParseError> {
        let bytes = &self.text.as_bytes()[start..];
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut length = digits(0);
        if bytes.get(length) == Some(&b'.') {
            let fraction = digits(length + 1);
            if length + fraction == 0 {
                let error = ParseError::new(self.text, start..start + 1, "a `.` without digits");
                return Err(error.hint("a product is `*` or `·`, a decimal point has digits beside it: `0.5`"));
            }
            length += 1 + fraction;
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            length += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        let span = start..start + length;
        if bytes.get(length) == Some(&b'.') {
            let error = ParseError::new(self.text, span.end..span.end + 1, "a number has one `.`, before its exponent");
            return Err(error.hint("a product is written `*`"));
        }
        match self.text[span.clone()].parse::<f64>() {
            Ok(value) if value.is_finite() => Ok((Kind::Number(value), length)),
            _ => Err(ParseError::new(self.text, span, "the number is too large: the limit is 1.797e308")),
        }
    }

    /// `²`, `⁻¹`: a sign and digits.
    fn superscript(&self, start: usize) -> Result<(Kind, usize), ParseError> {
        let rest = &self.text[start..];
        let length = rest.find(|c| superscript(c).is_none()).unwrap_or(rest.len());
        let plain: String = rest[..length].chars().filter_map(superscript).collect();
        match plain.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok((Kind::Superscript(value), length)),
            _ => Err(ParseError::new(self.text, start..start + length, "expected a power such as `²` or `⁻¹`")),
        }
    }

    fn symbol(&self, start: usize, c: char) -> Result<(Kind, usize), ParseError> {
        let rest = &self.text[start..];
        if let Some((symbol, op)) = self.operators.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            return Ok((Kind::Infix(*op), symbol.len()));
        }
        let kind = match c {
            '(' => Kind::Open,
            ')' => Kind::Close,
            '[' => Kind::OpenIndex,
            ']' => Kind::CloseIndex,
            ',' => Kind::Comma,
            ';' => Kind::Semicolon,
            '=' => Kind::Assign,
            _ => return Err(self.stranger(start, c)),
        };
        Ok((kind, 1))
    }

    /// A character that means nothing here.
    fn stranger(&self, start: usize, c: char) -> ParseError {
        let shown = if printable(c) == c { format!("`{c}`") } else { format!("U+{:04X}", u32::from(c)) };
        let error = ParseError::new(self.text, start..start + c.len_utf8(), format!("unexpected character {shown}"));
        error.hint(match c {
            '|' => "an absolute value is `abs(x)`, a disjunction `a or b`",
            '&' => "a conjunction is `a and b`",
            '!' => "a negation is `not a`, a factorial `gamma(n + 1)`, unequal `!=`",
            '%' => "a remainder is `mod(a, b)`",
            '{' | '}' => "only ( ) group",
            '√' => "a square root is `sqrt(x)`",
            '_' => "a name begins with a letter",
            '₀'..='₉' => "an index is written `x1` or `x[1]`",
            '\'' | '"' | '`' | '’' => "quotes belong to the shell, a derivative is made by gradfield",
            _ => "",
        })
    }
}

/// The plain character of a superscript one.
fn superscript(c: char) -> Option<char> {
    Some(match c {
        '²' => '2',
        '³' => '3',
        '¹' => '1',
        '⁰' | '⁴'..='⁹' => char::from_digit(u32::from(c) - u32::from('⁰'), 10)?,
        '⁻' => '-',
        '⁺' => '+',
        _ => return None,
    })
}

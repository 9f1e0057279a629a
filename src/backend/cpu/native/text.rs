//! The text of a kernel, read: what the compiler makes loops of and the driver shaders, the code generator takes apart.
//!
//! Flows in: a row's expression and the mathematics in `shaders/math32.wgsl`, `math64.wgsl`, which keep to a small
//! common subset of Rust and WGSL (its rules are at their top). Flows out: [`Expr`] and [`Library`].
//!
//! Who should not use it: anyone but `native`.

use crate::real::Precision;
use std::collections::HashMap;
use std::sync::OnceLock;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    /// A number with a point or an exponent, as it is written: the format decides how it is rounded.
    Real(String),
    /// Any other number: bits.
    Bits(u64),
    Name(String),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(Infix, Box<Expr>, Box<Expr>),
    Call(String, Vec<Expr>),
}

/// What stands between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Infix {
    Or,
    Xor,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Each with its sign, and how tightly it binds. The texts put parentheses where Rust and WGSL differ.
const INFIX: [(&str, Infix, u8); 15] = [
    ("==", Infix::Equal, 1),
    ("!=", Infix::Unequal, 1),
    ("<=", Infix::LessOrEqual, 1),
    (">=", Infix::GreaterOrEqual, 1),
    ("<", Infix::Less, 1),
    (">", Infix::Greater, 1),
    ("|", Infix::Or, 2),
    ("^", Infix::Xor, 3),
    ("&", Infix::And, 4),
    ("<<", Infix::ShiftLeft, 5),
    (">>", Infix::ShiftRight, 5),
    ("+", Infix::Add, 6),
    ("-", Infix::Subtract, 6),
    ("*", Infix::Multiply, 7),
    ("/", Infix::Divide, 7),
];

/// A function: names for parts of it, in order, and its result.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<String>,
    pub(super) lets: Vec<(String, Expr)>,
    pub(super) result: Expr,
}

/// The functions and constants of one format.
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) functions: HashMap<String, Function>,
    pub(super) constants: HashMap<String, Expr>,
}

impl Library {
    /// The library of a format, read once.
    pub(super) fn of(precision: Precision) -> &'static Library {
        static LIBRARIES: [OnceLock<Library>; 2] = [OnceLock::new(), OnceLock::new()];
        match precision {
            Precision::F32 => {
                LIBRARIES[0].get_or_init(|| Library::read(include_str!("../../../../shaders/math32.wgsl")))
            }
            Precision::F64 => {
                LIBRARIES[1].get_or_init(|| Library::read(include_str!("../../../../shaders/math64.wgsl")))
            }
        }
    }

    /// What does not read as an item ends the reading: whoever calls a later function does without machine code.
    fn read(text: &str) -> Library {
        let mut library = Library::default();
        let mut reader = Reader::new(text);
        while reader.item(&mut library).is_some() {}
        library
    }
}

/// The expression that a row of the table holds.
pub(super) fn expression(text: &str) -> Option<Expr> {
    let mut reader = Reader::new(text);
    let expr = reader.expr(0)?;
    reader.at_end().then_some(expr)
}

/// Words, numbers and signs of a text, from the front.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Reader<'t> {
        let mut reader = Reader { rest: text };
        reader.skip();
        reader
    }

    /// Past white space and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix("//") {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => return,
            }
        }
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn advance(&mut self, length: usize) -> &'t str {
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.skip();
        token
    }

    /// Takes this sign, if it stands here.
    fn take(&mut self, sign: &str) -> Option<()> {
        self.rest.starts_with(sign).then(|| self.advance(sign.len())).map(|_| ())
    }

    fn word(&mut self) -> Option<&'t str> {
        let length = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        (length > 0 && !self.rest.starts_with(|c: char| c.is_ascii_digit())).then(|| self.advance(length))
    }

    /// A function or a constant.
    fn item(&mut self, library: &mut Library) -> Option<()> {
        match self.word()? {
            "const" => {
                let name = self.word()?;
                self.take(":")?;
                self.word()?;
                self.take("=")?;
                let value = self.expr(0)?;
                self.take(";")?;
                library.constants.insert(name.to_string(), value);
            }
            "fn" => {
                let name = self.word()?;
                let function = self.function()?;
                library.functions.insert(name.to_string(), function);
            }
            _ => return None,
        }
        Some(())
    }

    /// From the parameters to the closing brace.
    fn function(&mut self) -> Option<Function> {
        let (mut parameters, mut lets) = (Vec::new(), Vec::new());
        self.take("(")?;
        while self.take(")").is_none() {
            parameters.push(self.word()?.to_string());
            self.take(":")?;
            self.word()?;
            let _ = self.take(",");
        }
        self.take("->")?;
        self.word()?;
        self.take("{")?;
        loop {
            match self.word()? {
                "let" => {
                    let name = self.word()?.to_string();
                    self.take("=")?;
                    lets.push((name, self.expr(0)?));
                    self.take(";")?;
                }
                "return" => {
                    let result = self.expr(0)?;
                    self.take(";")?;
                    self.take("}")?;
                    return Some(Function { parameters, lets, result });
                }
                _ => return None,
            }
        }
    }

    /// An expression whose infixes bind at least as tightly as `least`.
    fn expr(&mut self, least: u8) -> Option<Expr> {
        let mut left = self.operand()?;
        while let Some((sign, infix, strength)) = self.infix().filter(|(_, _, strength)| *strength >= least) {
            self.advance(sign.len());
            let right = self.expr(strength + 1)?;
            left = Expr::Binary(infix, Box::new(left), Box::new(right));
        }
        Some(left)
    }

    /// The longest infix that stands here.
    fn infix(&self) -> Option<(&'static str, Infix, u8)> {
        INFIX.into_iter().filter(|(sign, ..)| self.rest.starts_with(sign)).max_by_key(|(sign, ..)| sign.len())
    }

    fn operand(&mut self) -> Option<Expr> {
        if self.take("-").is_some() {
            return Some(Expr::Negate(Box::new(self.operand()?)));
        }
        if self.take("!").is_some() {
            return Some(Expr::Not(Box::new(self.operand()?)));
        }
        if self.take("(").is_some() {
            let inner = self.expr(0)?;
            self.take(")")?;
            return Some(inner);
        }
        let Some(name) = self.word() else { return self.number() };
        if self.take("(").is_none() {
            return Some(Expr::Name(name.to_string()));
        }
        let mut arguments = Vec::new();
        while self.take(")").is_none() {
            arguments.push(self.expr(0)?);
            let _ = self.take(",");
        }
        Some(Expr::Call(name.to_string(), arguments))
    }

    fn number(&mut self) -> Option<Expr> {
        let mut length = 0;
        for (at, c) in self.rest.char_indices() {
            let exponent = !self.rest.starts_with("0x")
                && matches!(self.rest.as_bytes().get(at.wrapping_sub(1)), Some(b'e' | b'E'));
            if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent && (c == '-' || c == '+')) {
                break;
            }
            length = at + 1;
        }
        let digits = self.advance(length).replace('_', "");
        if let Some(hex) = digits.strip_prefix("0x") {
            return u64::from_str_radix(hex, 16).ok().map(Expr::Bits);
        }
        if digits.contains(['.', 'e', 'E']) { Some(Expr::Real(digits)) } else { digits.parse().ok().map(Expr::Bits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_read_to_its_end() {
        for (precision, text) in [
            (Precision::F32, include_str!("../../../../shaders/math32.wgsl")),
            (Precision::F64, include_str!("../../../../shaders/math64.wgsl")),
        ] {
            let count = |keyword: &str| text.lines().filter(|line| line.starts_with(keyword)).count();
            let library = Library::of(precision);
            assert_eq!((library.functions.len(), library.constants.len()), (count("fn "), count("const ")));
        }
    }

    #[test]
    fn precedence_is_rusts() {
        let sum = expression("a + 2.0 * -b - c").map(|expr| format!("{expr:?}"));
        let same = expression("(a + (2.0 * (-b))) - c").map(|expr| format!("{expr:?}"));
        assert!(sum.is_some());
        assert_eq!(sum, same);
        assert_eq!(expression("(a >> 1) << 31 | 3"), expression("((a >> 1) << 31) | 3"));
        assert_eq!(expression("1e-3"), Some(Expr::Real("1e-3".to_string())));
        assert_eq!(expression("0x7f"), Some(Expr::Bits(127)));
        assert_eq!(expression("a +"), None);
        assert_eq!(expression("a b"), None);
    }
}

//! Expressions: operators, calls, indices, sums.
//!
//! Flows in: the tokens of a text and the meaning of its names. Flows out: [`Value`]s in the graph under construction.
//! There is no syntax tree: a value is built as it is read, and the body of a sum is read once for each index.
//!
//! Operators wait on a list ([`Pending`]) until one that binds less tightly comes, as in Dijkstra's shunting yard; how
//! tightly, the table of operations says. So only parentheses, calls and brackets recurse, and their depth is limited.
//! Who should not use it: anyone but `parse.rs`, which reads the definitions around expressions.

use super::build::{Build, Value};
use super::graph::Graph;
use super::lex::{Kind, ParseError, Token, lex, printable};
use super::names::Names;
use crate::op::{Op, Operations, Syntax, ops};
use std::collections::HashSet;
use std::ops::Range;

/// The deepest nesting of parentheses, calls and brackets; and of signs, powers and `not` in a row.
pub(super) const DEPTH: usize = 200;
/// The most terms of all sums and products of a text together.
pub(super) const ITERATIONS: usize = 1_000_000;
/// The most work on a text: tokens read, again for each index of a sum, and nodes copied by calls.
pub(super) const WORK: usize = 20_000_000;
/// The most notes on a text.
const NOTES: usize = 16;

pub(super) type Outcome<T> = Result<T, ParseError>;

/// A text while it is read.
pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    bad: Option<ParseError>,
    pub(super) names: Names,
    pub(super) build: Build,
    pub(super) notes: Vec<String>,
    /// The token that is read, and where in it if it is a name read letter by letter.
    pub(super) at: usize,
    pub(super) inside: Option<usize>,
    /// The end of what was read last, in bytes.
    pub(super) last: usize,
    depth: usize,
    /// Above 0 while the value does not matter: the branch of an `if` not taken, the body of an empty sum.
    pub(super) idle: usize,
    pub(super) iterations: usize,
    tokens_read: usize,
    /// Names, by their token, that are known to be products of letters.
    pub(super) products: HashSet<usize>,
    pub(super) indices: Vec<(String, f64)>,
}

/// A value and its text, in bytes.
#[derive(Clone, Copy)]
struct Operand {
    value: Value,
    start: usize,
    end: usize,
}

/// An operator whose right operand is not known yet.
struct Pending {
    /// The operation; a prefix `+` has none.
    op: Option<Op>,
    level: u8,
    /// The left operand; a prefix has none.
    left: Option<Operand>,
    /// The text of the operator.
    symbol: Range<usize>,
    /// Whether it is the product of `1/2x`.
    note: bool,
}

/// An operator after an operand.
struct Infix {
    op: Op,
    symbol: Range<usize>,
    implicit: bool,
}

fn level(op: Op) -> u8 {
    match op.syntax {
        Syntax::Infix(_, level) | Syntax::Prefix(_, level) => level,
        _ => u8::MAX,
    }
}

fn is_comparison(op: Op) -> bool {
    [ops::LT, ops::LE, ops::GT, ops::GE, ops::EQ, ops::NE].contains(&op)
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        text: &'a str,
        operations: &Operations,
        names: impl FnOnce(&[Token]) -> Outcome<Names>,
    ) -> Outcome<Parser<'a>> {
        let (tokens, bad) = lex(text, operations);
        let names = names(&tokens)?;
        Ok(Parser {
            text,
            tokens,
            bad,
            names,
            build: Build::default(),
            notes: Vec::new(),
            at: 0,
            inside: None,
            last: 0,
            depth: 0,
            idle: 0,
            iterations: 0,
            tokens_read: 0,
            products: HashSet::new(),
            indices: Vec::new(),
        })
    }

    pub(super) fn token(&self) -> Token {
        let token = self.tokens[self.at];
        Token { start: self.inside.unwrap_or(token.start), ..token }
    }

    /// The kind of the token `ahead` of the one that is read; the last one again beyond the end.
    pub(super) fn ahead(&self, ahead: usize) -> Kind {
        self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn kind(&self) -> Kind {
        self.tokens[self.at].kind
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.token();
        self.last = token.end;
        self.inside = None;
        self.tokens_read += 1;
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn take(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, span, message)
    }

    /// The token that is read is not what should stand there.
    pub(super) fn unexpected(&self, expected: &str) -> ParseError {
        let token = self.token();
        let found = match token.kind {
            Kind::Bad if self.bad.is_some() => return self.bad.clone().expect("asked for in the guard"),
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", shorten(&self.text[token.span()])),
        };
        let error = self.error(token.span(), format!("expected {expected}, found {found}"));
        match token.kind {
            Kind::Assign => error.hint("a comparison is `==`; a definition is `name = ...;` before the expression"),
            Kind::OpenIndex => error.hint("only an indexed variable has `[ ]` (`x[1]`); ( ) group"),
            Kind::Close if self.depth == 0 => error.hint("no `(` is open here"),
            _ => error,
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if self.idle == 0 && !self.notes.contains(&note) && self.notes.len() <= NOTES {
            self.notes.push(if self.notes.len() < NOTES {
                note
            } else {
                "more readings like these are not listed".to_owned()
            });
        }
    }

    /// An expression, up to what cannot continue it.
    pub(super) fn expression(&mut self) -> Outcome<Value> {
        if self.depth > DEPTH {
            let message = format!("nested too deeply: {} levels, the limit is {DEPTH}", self.depth);
            return Err(self
                .error(self.token().span(), message)
                .hint("definitions before the expression take levels out: `r = ...;`"));
        }
        self.depth += 1;
        let value = self.operators();
        self.depth -= 1;
        value
    }

    fn operators(&mut self) -> Outcome<Value> {
        let mut pending: Vec<Pending> = Vec::new();
        loop {
            self.prefixes(&mut pending)?;
            let start = self.token().start;
            let value = self.operand()?;
            let value = self.superscript(value)?;
            let operand = Operand { value, start, end: self.last };
            match self.infix()? {
                Some(infix) => self.push(&mut pending, operand, infix)?,
                None => return self.reduce_all(pending, operand),
            }
            self.check(pending.len())?;
        }
    }

    /// The limits of size and work; `row` counts the operators that wait.
    pub(super) fn check(&self, row: usize) -> Outcome<()> {
        let work = self.tokens_read + self.build.copied();
        let (what, value, limit, hint) = if row > DEPTH {
            ("too many signs, powers or `not` in a row", row, DEPTH, "")
        } else if work > WORK {
            (
                "the sums and calls are too much work",
                work,
                WORK,
                "steps are tokens read for each index, and nodes copied by calls",
            )
        } else if self.build.size() > Graph::LIMIT {
            (
                "the expression is too large",
                self.build.size(),
                Graph::LIMIT,
                "nodes of its graph are counted, sums spelt out",
            )
        } else {
            return Ok(());
        };
        Err(self.error(self.token().span(), format!("{what}: {value}, the limit is {limit}")).hint(hint))
    }

    fn prefixes(&mut self, pending: &mut Vec<Pending>) -> Outcome<()> {
        loop {
            let op = match self.kind() {
                Kind::Not => Some(ops::NOT),
                Kind::Infix(op) if op == ops::SUB => Some(ops::NEG),
                Kind::Infix(op) if op == ops::ADD => None,
                _ => return Ok(()),
            };
            let level = level(op.unwrap_or(ops::NEG));
            if op == Some(ops::NOT) && pending.last().is_some_and(|top| top.level > level) {
                let error = self.unexpected("a number, a name or `(`");
                return Err(error.hint("`not` binds less tightly than the operator before it: write `(not ...)`"));
            }
            let span = self.advance().span();
            pending.push(Pending { op, level, left: None, symbol: span, note: false });
            self.check(pending.len())?;
        }
    }

    /// The operator after an operand, if the expression goes on.
    fn infix(&mut self) -> Outcome<Option<Infix>> {
        let token = self.token();
        let span = token.start..token.start;
        match token.kind {
            Kind::Infix(op) => Ok(Some(Infix { op, symbol: self.advance().span(), implicit: false })),
            Kind::Number(_) if self.tokens[self.at - 1].kind != Kind::Close => Err(self.second_number(token)),
            Kind::Number(_) | Kind::Name | Kind::Open => Ok(Some(Infix { op: ops::MUL, symbol: span, implicit: true })),
            _ => Ok(None),
        }
    }

    fn second_number(&self, token: Token) -> ParseError {
        let before = self.tokens[self.at - 1];
        let (left, right) = (shorten(&self.text[before.span()]), shorten(&self.text[token.span()]));
        match before.kind {
            Kind::Number(_) => {
                self.error(token.span(), "two numbers in a row").hint(format!("a product is `{left}*{right}`"))
            }
            Kind::Name => self
                .error(token.span(), "a number cannot follow a name after a space")
                .hint(format!("a product is `{right} {left}`, a variable `{left}{right}`")),
            _ => self.error(token.span(), "a number follows `)` or an operator only").hint("a product is `*`"),
        }
    }

    /// Puts an operator on the list, after the work of those that bind tighter.
    fn push(&mut self, pending: &mut Vec<Pending>, mut left: Operand, infix: Infix) -> Outcome<()> {
        let (op, level, mut note) = (infix.op, level(infix.op), false);
        while let Some(top) = pending.pop_if(|top| top.level > level || top.level == level && op != ops::POW) {
            if let (true, Some(first)) = (top.level == level && is_comparison(op), top.left) {
                return Err(self.chain([first, left], [&top.symbol, &infix.symbol]));
            }
            note = infix.implicit && top.op == Some(ops::DIV);
            left = self.reduce(top, left);
        }
        pending.push(Pending { op: Some(op), level, left: Some(left), symbol: infix.symbol, note });
        Ok(())
    }

    fn reduce_all(&mut self, mut pending: Vec<Pending>, mut operand: Operand) -> Outcome<Value> {
        while let Some(top) = pending.pop() {
            operand = self.reduce(top, operand);
        }
        self.check(0)?;
        Ok(operand.value)
    }

    fn reduce(&mut self, top: Pending, right: Operand) -> Operand {
        let start = top.left.map_or(top.symbol.start, |left| left.start);
        if let (true, Some(left)) = (top.note, top.left) {
            let whole = shorten(&self.text[start..right.end]);
            let (a, b) = (shorten(&self.text[start..left.end]), shorten(&self.text[right.start..right.end]));
            self.note(format!("`{whole}` is read as ({a})*{b}"));
        }
        let value = match (top.op, top.left) {
            (Some(op), Some(left)) => self.build.apply(op, &[left.value, right.value]),
            (Some(op), None) => self.build.apply(op, &[right.value]),
            (None, _) => right.value,
        };
        Operand { value, start, end: right.end }
    }

    /// `0 < x < 1`.
    fn chain(&self, operands: [Operand; 2], symbols: [&Range<usize>; 2]) -> ParseError {
        let [left, middle] = operands.map(|operand| shorten(&self.text[operand.start..operand.end]));
        let [first, second] = symbols.map(|span| &self.text[span.clone()]);
        let mut depth = 0;
        let mut right = self.tokens[self.at..].iter().take_while(|token| {
            let ends = match token.kind {
                Kind::Infix(op) => level(op) <= level(ops::LT),
                Kind::Comma | Kind::Semicolon | Kind::Assign => true,
                Kind::Close | Kind::CloseIndex => depth == 0,
                Kind::Bad | Kind::End => return false,
                _ => false,
            };
            depth += i32::from(matches!(token.kind, Kind::Open | Kind::OpenIndex));
            depth -= i32::from(matches!(token.kind, Kind::Close | Kind::CloseIndex));
            !ends || depth > 0
        });
        let start = right.next().map_or(symbols[1].end, |token| token.start);
        let end = right.last().map_or(self.tokens[self.at].end, |token| token.end);
        let right = shorten(&self.text[start.min(end)..end]);
        let hint = format!("write `{left} {first} {middle} and {middle} {second} {right}`");
        self.error(symbols[1].clone(), "comparisons do not chain").hint(hint)
    }
}

/// A piece of a text as it may stand in a message.
pub(super) fn shorten(text: &str) -> String {
    const LENGTH: usize = 40;
    let text = text.trim();
    let shown: String = text.chars().take(LENGTH).map(printable).collect();
    if text.chars().nth(LENGTH).is_some() { format!("{shown}...") } else { shown }
}

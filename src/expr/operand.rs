//! Operands: numbers, groups, names and indexed variables.
//!
//! Flows in: a [`Parser`] before an operand. Flows out: its value. Who should not use it: anyone but `grammar.rs`.

use super::build::Value;
use super::grammar::{Outcome, Parser, shorten};
use super::lex::{Kind, ParseError, Token};
use super::names::{Meaning, Refusal};
use super::spelling::{Declared, is_free, piece, pieces};
use crate::op::ops;
use std::ops::Range;

impl Parser<'_> {
    /// What stands between operators.
    pub(super) fn operand(&mut self) -> Outcome<Value> {
        match self.kind() {
            Kind::Number(value) => {
                self.advance();
                Ok(Value::Number(value))
            }
            Kind::Name => self.name(),
            Kind::Open => self.group(),
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    /// The power `²` after an operand.
    pub(super) fn superscript(&mut self, value: Value) -> Outcome<Value> {
        let Kind::Superscript(power) = self.kind() else { return Ok(value) };
        self.advance();
        match self.kind() {
            Kind::Superscript(_) => Err(self.unexpected("an operator")),
            Kind::Infix(op) if op == ops::POW => {
                let error = self.error(self.token().span(), "a power of a superscript power needs parentheses");
                Err(error.hint("write `(x²)^n`, or `x^(2^n)`"))
            }
            _ => Ok(self.build.apply(ops::POW, &[value, Value::Number(power)])),
        }
    }

    fn group(&mut self) -> Outcome<Value> {
        let before = self.at.checked_sub(1).map(|at| self.tokens[at]).filter(|token| token.kind == Kind::Name);
        let open = self.advance().span();
        let value = self.expression()?;
        match (self.kind(), before) {
            (Kind::Comma, Some(name)) => {
                let shown = shorten(&self.text[name.span()]);
                let error = self.error(name.span(), format!("`{shown}` is not a function"));
                Err(error.hint("a function is defined as `g(s, t) = ...;` before the expression"))
            }
            _ => self.close(Kind::Close, open).map(|()| value),
        }
    }

    /// The `)` or `]` for the one at `open`.
    pub(super) fn close(&mut self, close: Kind, open: Range<usize>) -> Outcome<()> {
        if self.take(close) {
            return Ok(());
        }
        if matches!(self.kind(), Kind::End | Kind::Semicolon) {
            let shown = self.text[open.clone()].to_owned();
            return Err(self.error(open, format!("this `{shown}` is not closed")));
        }
        Err(self.unexpected(if close == Kind::Close { "an operator or `)`" } else { "an operator or `]`" }))
    }

    fn name(&mut self) -> Outcome<Value> {
        let token = self.token();
        let text = self.text;
        if self.inside.is_none() {
            let whole = &text[token.span()];
            if self.names.get(whole).is_some() || self.names.free && is_free(whole) {
                return self.meaning(token.span(), self.at + 1);
            }
            self.split(token)?;
        }
        let span = token.start..token.start + piece(&text[token.span()]).len();
        let next = if span.end == token.end { self.at + 1 } else { self.at };
        self.meaning(span, next)
    }

    /// Makes sure that a name that is not known whole is a product of letters.
    fn split(&mut self, token: Token) -> Outcome<()> {
        if self.products.contains(&self.at) {
            return Ok(());
        }
        let text = self.text;
        let name = &text[token.span()];
        let called = self.ahead(1) == Kind::Open;
        match self.names.split(name, called) {
            Ok(wants_note) => {
                if wants_note {
                    let parts: Vec<&str> = pieces(name).collect();
                    self.note(format!("`{}` is read as {}", shorten(name), shorten(&parts.join("*"))));
                }
                self.products.insert(self.at);
                Ok(())
            }
            Err(refusal) => Err(self.refuse(token, called, refusal)),
        }
    }

    fn refuse(&self, token: Token, called: bool, refusal: Refusal) -> ParseError {
        let name = shorten(&self.text[token.span()]);
        let unknown = format!("unknown {} `{name}`", if called { "function" } else { "name" });
        let error = self.error(token.span(), unknown);
        match refusal {
            Refusal::Meant(advice) => error.hint(format!("did you mean `{}`?", shorten(&advice))),
            Refusal::Unknown if called && name == "mean" => {
                error.hint("a mean is of all rows of a table: `minimize \"mean((y - a x)^2)\" --data FILE`")
            }
            Refusal::Unknown if called => error.hint("a function is defined as `g(t) = ...;` before the expression"),
            Refusal::Unknown => match self.names.listed() {
                listed if listed.is_empty() => error,
                listed => error.hint(format!("the variables are {listed}")),
            },
            Refusal::Long => {
                error.hint(format!("names longer than a letter are declared: `--vars {name}` or `--set {name}=2`"))
            }
        }
    }

    /// The value of a name, or of a letter in a product of letters; `next` is the token after it.
    fn meaning(&mut self, span: Range<usize>, next: usize) -> Outcome<Value> {
        let text = self.text;
        let name = &text[span.clone()];
        let whole = next > self.at;
        if whole {
            self.advance();
        } else {
            self.inside = Some(span.end);
            self.last = span.end;
        }
        let Some(meaning) = self.names.get(name).cloned() else { return self.unknown(name, span) };
        match meaning {
            Meaning::Constant(value) | Meaning::Parameter(value) | Meaning::Index(value) => Ok(Value::Number(value)),
            Meaning::Definition(value) => Ok(self.build.outer(value)),
            Meaning::Argument(place) => Ok(self.build.argument(place)),
            Meaning::Variable(_) if self.names.free && whole && self.kind() == Kind::OpenIndex => {
                Err(self.error(span, format!("`{name}` is used both with and without an index")))
            }
            Meaning::Variable(place) => Ok(self.build.variable(place)),
            Meaning::Indexed(..) | Meaning::Family => self.component(span, meaning),
            Meaning::State => {
                let place = self.names.place(name, None);
                self.names.set(name, Meaning::Variable(place));
                Ok(self.build.variable(place))
            }
            Meaning::Unfinished => {
                let error = self.error(span, format!("the definition of `{name}` uses `{name}`"));
                Err(error.hint("a definition uses what stands before it; there is no recursion"))
            }
            Meaning::Function(op) => self.call(op, span),
            Meaning::Own(function) => self.call_own(&function, span),
            Meaning::Sum(Some(op)) if !self.is_counted() => self.call(op, span),
            Meaning::Sum(_) => self.repeat(ops::ADD, 0.0, span),
            Meaning::Product => self.repeat(ops::MUL, 1.0, span),
        }
    }

    /// A letter that is not known yet: a variable, or an error.
    fn unknown(&mut self, name: &str, span: Range<usize>) -> Outcome<Value> {
        if !self.names.free {
            let token = Token { kind: Kind::Name, start: span.start, end: span.end };
            return Err(self.refuse(token, false, Refusal::Unknown));
        }
        if self.names.was_index(name) {
            let error = self.error(span, format!("the index `{name}` is unknown outside of its sum"));
            return Err(error.hint("if a variable is meant, give the index another name"));
        }
        let adjacent = self.kind() == Kind::Open && self.token().start == span.end;
        if adjacent && !matches!(name, "x" | "y" | "z") {
            self.note(format!("`{name}(...)` is read as {name}*(...), for no function `{name}` is defined"));
        }
        if self.kind() == Kind::OpenIndex && self.inside.is_none() {
            self.names.set(name, Meaning::Family);
            return self.component(span, Meaning::Family);
        }
        let place = self.names.place(name, None);
        self.names.set(name, Meaning::Variable(place));
        Ok(self.build.variable(place))
    }

    /// `x[2]`, after its name.
    fn component(&mut self, span: Range<usize>, meaning: Meaning) -> Outcome<Value> {
        let name = self.text[span.clone()].to_owned();
        if self.kind() != Kind::OpenIndex || self.inside.is_some() {
            let message = format!("`{name}` is indexed: its components are `{name}[1]`, `{name}[2]`, ...");
            return Err(self.error(span, message));
        }
        let open = self.advance().span();
        let value = self.expression()?;
        let written = open.end..self.last;
        self.close(Kind::CloseIndex, open)?;
        let index = self.integer(value, written.clone(), "an index")?;
        let (first, count) = match meaning {
            Meaning::Indexed(first, count) => (Some(first), count),
            _ => (None, Declared::LIMIT),
        };
        if self.idle > 0 {
            return Ok(Value::Number(0.0));
        }
        if !(1.0..=count as f64).contains(&index) {
            let error =
                self.error(written, format!("`{name}[{index}]` is out of range: the index is from 1 to {count}"));
            let here: Vec<String> = self.indices.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            return Err(if here.is_empty() { error } else { error.hint(format!("here {}", here.join(", "))) });
        }
        let index = index as usize;
        let place = first.map_or_else(|| self.names.place(&name, Some(index)), |first| first + index as u32 - 1);
        Ok(self.build.variable(place))
    }

    /// A value that has to be an integer now.
    pub(super) fn integer(&self, value: Value, span: Range<usize>, what: &str) -> Outcome<f64> {
        match value {
            Value::Number(value) if value == value.round() && value.abs() < 9e15 => Ok(value),
            Value::Number(value) if value.abs() < 9e15 => {
                Err(self.error(span, format!("{what} is an integer, not {value}")))
            }
            Value::Number(value) => Err(self.error(span, format!("{what} is an integer up to 9e15, not {value:e}"))),
            Value::Node(_) => {
                let error = self.error(span, format!("{what} is an integer that is known beforehand"));
                Err(error.hint("it may use numbers, `--set` parameters and the indices of outer sums"))
            }
        }
    }
}

//! Calls of functions, and sums and products over an index.
//!
//! Flows in: a [`Parser`] after the name of a function. Flows out: the value of the call. Who should not use it: anyone
//! but `operand.rs`.

use super::build::{Function, Value};
use super::grammar::{DEPTH, ITERATIONS, Outcome, Parser, shorten};
use super::lex::{Kind, ParseError};
use super::names::Meaning;
use super::spelling::is_name;
use crate::op::{Op, Syntax, ops};
use std::ops::Range;

impl Parser<'_> {
    /// The `(` after the name of a function.
    fn open(&mut self, span: &Range<usize>) -> Outcome<Range<usize>> {
        if self.kind() == Kind::Open && self.inside.is_none() {
            return Ok(self.advance().span());
        }
        let name = shorten(&self.text[span.clone()]);
        let next = self.token();
        let example = match next.kind {
            Kind::Name | Kind::Number(_) => format!("{name}({})", shorten(&self.text[next.span()])),
            Kind::Infix(op) if op == ops::POW => format!("{name}(x)^2"),
            Kind::Superscript(_) => format!("{name}(x)²"),
            _ => format!("{name}(...)"),
        };
        let error = self.error(span.clone(), format!("the function `{name}` needs parentheses"));
        Err(error.hint(format!("did you mean `{example}`?")))
    }

    pub(super) fn call(&mut self, op: Op, span: Range<usize>) -> Outcome<Value> {
        let variadic = op.syntax == Syntax::Variadic;
        let (arguments, taken) = self.arguments(&span, op == ops::IF)?;
        let fits = if variadic { !arguments.is_empty() } else { arguments.len() == op.arity };
        if !fits {
            let wanted = if variadic { "at least 1 argument".to_owned() } else { plural(op.arity) };
            return Err(self.arity(span, &wanted, arguments.len()));
        }
        if let Some(branch) = taken {
            return Ok(arguments[branch]);
        }
        if variadic {
            let all = arguments.into_iter();
            return Ok(all.reduce(|a, b| self.build.apply(op, &[a, b])).expect("one argument at least, as checked"));
        }
        Ok(self.build.apply(op, &arguments))
    }

    pub(super) fn call_own(&mut self, function: &Function, span: Range<usize>) -> Outcome<Value> {
        let (arguments, _) = self.arguments(&span, false)?;
        if arguments.len() != function.arity {
            return Err(self.arity(span, &plural(function.arity), arguments.len()));
        }
        let value = self.build.call(function, &arguments);
        self.check(0)?;
        Ok(value)
    }

    fn arity(&self, span: Range<usize>, wanted: &str, found: usize) -> ParseError {
        let name = shorten(&self.text[span.clone()]);
        self.error(span, format!("`{name}` takes {wanted}, not {found}"))
    }

    /// The arguments of a call. Of an `if` on a number, the other branch is read for its mistakes only, and the one
    /// taken is told: its argument, from 0.
    fn arguments(&mut self, span: &Range<usize>, branches: bool) -> Outcome<(Vec<Value>, Option<usize>)> {
        let open = self.open(span)?;
        let (mut arguments, mut taken) = (Vec::new(), None);
        if self.take(Kind::Close) {
            return Ok((arguments, taken));
        }
        loop {
            let idle = usize::from(taken.is_some_and(|branch| branch != arguments.len()));
            self.idle += idle;
            arguments.push(self.expression()?);
            self.idle -= idle;
            if let (true, [Value::Number(condition)]) = (branches, arguments.as_slice()) {
                taken = Some(if *condition != 0.0 { 1 } else { 2 });
            }
            if !self.take(Kind::Comma) {
                self.close(Kind::Close, open)?;
                return Ok((arguments, taken));
            }
        }
    }

    /// Whether an index follows the name of a sum: `(i,`.
    pub(super) fn is_counted(&self) -> bool {
        self.kind() == Kind::Open && self.ahead(1) == Kind::Name && self.ahead(2) == Kind::Comma
    }

    /// `sum(i, from, to, body)` after its name; `op` joins the terms, `empty` is the value of none.
    pub(super) fn repeat(&mut self, op: Op, empty: f64, span: Range<usize>) -> Outcome<Value> {
        let mut total = None;
        let any = self.over_index(&span, |parser| {
            let term = parser.expression()?;
            total = Some(parser.build.fold(op, total, term));
            Ok(())
        })?;
        Ok(total.filter(|_| any).unwrap_or(Value::Number(empty)))
    }

    /// `each(i, from, to, body)` after its name: the values of the body, one for each index.
    pub(super) fn each(&mut self, values: &mut Vec<Value>, span: Range<usize>) -> Outcome<()> {
        if self.indices.len() >= DEPTH {
            return Err(self.error(span, format!("nested too deeply: the limit is {DEPTH} levels")));
        }
        let before = values.len();
        if !self.over_index(&span, |parser| parser.item(values))? {
            values.truncate(before);
        }
        Ok(())
    }

    /// `(i, from, to, body)`: reads the body for each index; where there is none, once for its mistakes alone, and false.
    fn over_index(&mut self, span: &Range<usize>, body: impl FnMut(&mut Self) -> Outcome<()>) -> Outcome<bool> {
        let open = self.open(span)?;
        let index = self.index(span)?;
        let from = self.bound(span)?;
        let to = self.bound(span)?;
        let count = (to - from + 1.0).max(0.0);
        if self.idle == 0 && self.iterations as f64 + count > ITERATIONS as f64 {
            let all = self.iterations as f64 + count;
            let message = format!("too many terms: {all} in all sums and products, the limit is {ITERATIONS}");
            return Err(self.error(span.clone(), message));
        }
        let nothing = count == 0.0 || self.idle > 0;
        self.iterations += if nothing { 0 } else { count as usize };
        self.idle += usize::from(nothing);
        let terms = if nothing { 1 } else { count as u64 };
        let old = self.names.set(&index, Meaning::Index(from));
        self.indices.push((index.clone(), from));
        self.terms(from, terms, body)?;
        self.indices.pop();
        self.names.restore(&index, old);
        self.idle -= usize::from(nothing);
        if self.kind() == Kind::Comma {
            return Err(self.form(self.token().span(), span));
        }
        self.close(Kind::Close, open)?;
        Ok(!nothing)
    }

    fn terms(&mut self, from: f64, terms: u64, mut body: impl FnMut(&mut Self) -> Outcome<()>) -> Outcome<()> {
        let start = self.at;
        for k in 0..terms {
            let value = from + k as f64;
            (self.at, self.inside) = (start, None);
            if let Some((name, index)) = self.indices.last_mut() {
                *index = value;
                self.names.set(name, Meaning::Index(value));
            }
            body(self)?;
        }
        Ok(())
    }

    /// The name of an index and the comma after it.
    fn index(&mut self, span: &Range<usize>) -> Outcome<String> {
        let token = self.token();
        let name = &self.text[token.span()];
        if token.kind != Kind::Name || !is_name(name) || self.ahead(1) != Kind::Comma {
            return Err(self.form(token.span(), span));
        }
        if let Some(known) = self.names.get(name) {
            let message = format!("the index `{name}` hides a name in use: it is {}", known.words());
            return Err(self.error(token.span(), message).hint("give the index another name"));
        }
        let name = name.to_owned();
        self.advance();
        self.advance();
        Ok(name)
    }

    /// A bound and the comma after it.
    fn bound(&mut self, span: &Range<usize>) -> Outcome<f64> {
        let start = self.token().start;
        let value = self.expression()?;
        let end = self.last;
        if !self.take(Kind::Comma) {
            return Err(self.form(self.token().span(), span));
        }
        self.integer(value, start..end, "a bound")
    }

    fn form(&self, at: Range<usize>, span: &Range<usize>) -> ParseError {
        let name = &self.text[span.clone()];
        if self.kind() == Kind::Bad {
            return self.unexpected("an operator");
        }
        self.error(at, format!("`{name}` is written `{name}(i, 1, n, ...)`: index, first, last, term"))
    }
}

fn plural(arguments: usize) -> String {
    format!("{arguments} argument{}", if arguments == 1 { "" } else { "s" })
}

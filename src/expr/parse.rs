//! From text to graph: the language of functions, and of the rules of optimisers.
//!
//! Flows in: a text, and the [`Context`] that says what it may refer to. Flows out: [`Parsed`], the graph of the
//! expression with its variables in order, or a [`ParseError`] that shows the place of the mistake. Nothing is
//! simplified beyond the folding of constants; an integer power stays a power.
//!
//! A text is definitions, each ended by `;`, and an expression: `r = sqrt(x^2 + y^2); sin(r)/r`. A definition is a
//! value or a function (`g(t) = t^2 - 1;`), and refers to what stands before it. Sizes are limited: the text to
//! 256 KiB, nesting to 200 levels, the terms of sums to a million, the graph to [`Graph::LIMIT`] nodes.
//!
//! Who should not use it: whoever wants an expression and its gradient; that is `Expression`.

use super::build::Value;
use super::grammar::{Outcome, Parser, shorten};
use super::graph::{Graph, Id};
use super::lex::Kind;
use super::names::{Meaning, Names};
use crate::op::Operations;
use std::collections::HashMap;
use std::ops::Range;

pub use super::lex::ParseError;
pub use super::names::Context;
pub use super::spelling::Declared;

/// What stands before the parentheses of several expressions of a list.
const EACH: &str = "each";

/// The longest text, in bytes.
const TEXT: usize = 256 * 1024;

/// A remark on how a text was read, where that may surprise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// A sentence, without a full stop: "`1/2x` is read as (1/2)*x".
    pub text: String,
}

/// An expression as a graph.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The graph, without nodes that the value does not need.
    pub graph: Graph,
    /// The names of its variables by place: `x`, or `x[1]`, `x[2]`, ...
    pub variables: Vec<String>,
    /// The expression's node.
    pub value: Id,
    /// What may surprise in the reading.
    pub notes: Vec<Note>,
}

/// Several expressions as one graph.
#[derive(Debug, Clone)]
pub struct ParsedList {
    /// The graph, without nodes that no value needs.
    pub graph: Graph,
    /// The names of its variables by place.
    pub variables: Vec<String>,
    /// The expressions' nodes, in the order of the text.
    pub values: Vec<Id>,
    /// What may surprise in the reading.
    pub notes: Vec<Note>,
}

/// A list of assignments as a graph.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The graph, without nodes that no assignment needs.
    pub graph: Graph,
    /// The names given, by place, and after them the state: names that are assigned, and read before that.
    pub variables: Vec<String>,
    /// What each assigned name holds at the end, in the order of first assignments.
    pub assigned: Vec<(String, Id)>,
    /// What may surprise in the reading.
    pub notes: Vec<Note>,
}

/// Reads definitions and an expression: `3x^2 + 8xy - 3y^5`, or `r = sqrt(x^2 + y^2); sin(r)/r`.
///
/// With declared variables, these are the variables, used or not, in their order. Without, the free names of the text
/// are: one letter, with digits or `_` (`x1`, `x_2`), in the order x, y, z, then alphabetical, `x2` before `x10`;
/// `x[1]` to the largest index used stand at the place of `x`.
///
/// # Errors
/// - A text that is not in the language, with the place and, where possible, what was meant.
/// - A name declared twice, or one that is a function or a constant; more variables than [`Declared::LIMIT`].
/// - A text over a limit of size (above); the message has the limit and the value.
pub fn parse(text: &str, context: &Context) -> Result<Parsed, ParseError> {
    let ParsedList { graph, variables, values, notes } =
        read(text, context, |parser| Ok(vec![parser.last_expression()?]))?;
    Ok(Parsed { graph, variables, value: values[0], notes })
}

/// Reads definitions and several expressions, each but the last ended by `;`: `-y; x`, or `r = hypot(x, y); -y/r; x/r`.
/// They have their variables in common, which are those of [`parse`]. `each(i, 1, n, ...)` stands for the n expressions that
/// its last argument is for the indices 1 to n.
///
/// # Errors
/// As [`parse`].
pub fn parse_list(text: &str, context: &Context) -> Result<ParsedList, ParseError> {
    read(text, context, |parser| parser.expressions())
}

/// Definitions, then what `ending` reads.
fn read(
    text: &str,
    context: &Context,
    ending: impl FnOnce(&mut Parser<'_>) -> Outcome<Vec<Value>>,
) -> Result<ParsedList, ParseError> {
    limit(text)?;
    let mut parser = Parser::new(text, &context.operations, |tokens| Names::new(context, text, tokens))?;
    while let Some(heading) = parser.heading() {
        parser.definition(heading)?;
    }
    let values = ending(&mut parser)?;
    let Parser { build, names, notes, .. } = parser;
    let (variables, places) = names.variables()?;
    let (graph, values) = build.finish(&values, &places);
    Ok(ParsedList { graph, variables, values, notes: notes.into_iter().map(|text| Note { text }).collect() })
}

/// Reads assignments, such as an optimiser's step: `v = beta v - lr g; x = x + v`.
///
/// `names` are variables, by place. A name on the left takes a new value that is read from there on, and may be
/// assigned again; one that is not among `names` and is read before it is assigned is state, a further variable that
/// holds what the last step assigned. No other names but constants and functions may be read.
///
/// # Errors
/// - A text that is not a list of assignments of expressions, with the place and, where possible, what was meant.
/// - A name given twice, or one that is a function or a constant.
/// - A text over a limit of size, as for [`parse`].
pub fn parse_rule(text: &str, names: &[String], operations: &Operations) -> Result<Rule, ParseError> {
    limit(text)?;
    let declared = names.iter().map(|name| Declared { name: name.clone(), components: None }).collect();
    let context = Context { variables: Some(declared), parameters: Vec::new(), operations: operations.clone() };
    let mut parser = Parser::new(text, operations, |tokens| Names::new(&context, text, tokens))?;
    parser.declare_state()?;
    let (mut assigned, mut values) = (Vec::new(), HashMap::new());
    while assigned.is_empty() || parser.kind() != Kind::End {
        let (name, value) = parser.assignment()?;
        if values.insert(name.clone(), value).is_none() {
            assigned.push(name);
        }
    }
    let Parser { build, names, notes, .. } = parser;
    let (variables, places) = names.variables()?;
    let values: Vec<Value> = assigned.iter().map(|name| values[name]).collect();
    let (graph, ids) = build.finish(&values, &places);
    let assigned = assigned.into_iter().zip(ids).collect();
    Ok(Rule { graph, variables, assigned, notes: notes.into_iter().map(|text| Note { text }).collect() })
}

fn limit(text: &str) -> Result<(), ParseError> {
    if text.len() > TEXT {
        let message = format!("the text is too long: {} bytes, the limit is {TEXT}", text.len());
        return Err(ParseError::beside(message).hint("`sum(i, 1, n, ...)` and definitions shorten a text"));
    }
    Ok(())
}

/// The left side of a definition, by its tokens.
struct Heading {
    name: Range<usize>,
    /// The parameters; `None` for a value.
    parameters: Option<Vec<Range<usize>>>,
}

impl Parser<'_> {
    /// The left side of a definition, if one stands here: `r =`, `g(s, t) =`.
    fn heading(&self) -> Option<Heading> {
        let rest = &self.tokens[self.at..];
        let name = rest.first().filter(|token| token.kind == Kind::Name)?.span();
        match rest.get(1)?.kind {
            Kind::Assign => return Some(Heading { name, parameters: None }),
            Kind::Open => {}
            _ => return None,
        }
        let mut parameters = Vec::new();
        for pair in rest[2..].chunks_exact(2) {
            match [pair[0].kind, pair[1].kind] {
                [Kind::Name, Kind::Comma] => parameters.push(pair[0].span()),
                [Kind::Name, Kind::Close] => {
                    parameters.push(pair[0].span());
                    let equals = rest.get(2 + 2 * parameters.len())?.kind == Kind::Assign;
                    return equals.then_some(Heading { name, parameters: Some(parameters) });
                }
                _ => return None,
            }
        }
        None
    }

    /// Skips the left side of a definition; it is known to be there.
    fn skip(&mut self, heading: &Heading) {
        let tokens = heading.parameters.as_ref().map_or(2, |parameters| 3 + 2 * parameters.len());
        (0..tokens).for_each(|_| {
            self.advance();
        });
    }

    fn definition(&mut self, heading: Heading) -> Outcome<()> {
        let name = self.text[heading.name.clone()].to_owned();
        self.may_define(&heading.name)?;
        self.skip(&heading);
        if matches!(self.kind(), Kind::Semicolon | Kind::End) {
            return Err(self.error(self.token().span(), format!("the definition of `{}` is empty", shorten(&name))));
        }
        self.names.set(&name, Meaning::Unfinished);
        let meaning = match &heading.parameters {
            None => Meaning::Definition(self.expression()?),
            Some(parameters) => self.function(parameters)?,
        };
        self.names.set(&name, meaning);
        if self.kind() == Kind::End {
            let error = self.error(self.token().span(), "the expression after the definitions is missing");
            let shown = shorten(&name);
            return Err(error.hint(match heading.parameters {
                None => format!("for `{shown}` itself leave out `{shown} =`, else add `; {shown}`"),
                Some(_) => format!("leave out what stands before `=`, or add `; {shown}(x)` or the like"),
            }));
        }
        if !self.take(Kind::Semicolon) {
            return Err(self.unexpected("an operator or `;`"));
        }
        Ok(())
    }

    /// A definition hides nothing.
    fn may_define(&self, span: &Range<usize>) -> Outcome<()> {
        let name = &self.text[span.clone()];
        let Some(known) = self.names.get(name) else { return Ok(()) };
        let error = self.error(span.clone(), format!("`{}` cannot be defined: it is {}", shorten(name), known.words()));
        Err(match known {
            known if known.is_variable() && self.names.free => {
                error.hint("it is used before; a definition stands before its use, with a name of its own")
            }
            _ => error.hint("give the definition another name"),
        })
    }

    /// The body of a function, after its left side.
    fn function(&mut self, parameters: &[Range<usize>]) -> Outcome<Meaning> {
        let mut hidden = Vec::new();
        for (place, span) in parameters.iter().enumerate() {
            let name = &self.text[span.clone()];
            if let Some(known) = self.names.get(name).filter(|known| !known.is_variable()) {
                let message = format!("the argument `{}` hides a name in use: it is {}", shorten(name), known.words());
                return Err(self.error(span.clone(), message).hint("give the argument another name"));
            }
            let name = name.to_owned();
            let old = self.names.set(&name, Meaning::Argument(place as u32));
            hidden.push((name, old));
        }
        self.build.begin(parameters.len());
        let value = self.expression()?;
        for (name, old) in hidden {
            self.names.restore(&name, old);
        }
        Ok(Meaning::Own(self.build.end(value).expect("begun above")))
    }

    /// Refuses an end, or a `;`, where an expression is to begin.
    fn begin_expression(&self) -> Outcome<()> {
        let token = self.token();
        let empty = match token.kind {
            Kind::End if self.at == 0 => "the expression is empty",
            Kind::End => "the expression after the definitions is missing",
            Kind::Semicolon => "an empty definition: nothing stands before this `;`",
            _ => return Ok(()),
        };
        Err(self.error(token.span(), empty))
    }

    fn nothing_follows(&self) -> ParseError {
        self.error(self.token().span(), "nothing follows this `;`").hint("leave it out")
    }

    /// The expressions that end a text.
    fn expressions(&mut self) -> Outcome<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            self.begin_expression()?;
            self.item(&mut values)?;
            match self.kind() {
                Kind::End => return Ok(values),
                Kind::Semicolon if self.ahead(1) == Kind::End => return Err(self.nothing_follows()),
                Kind::Semicolon => self.advance(),
                _ => return Err(self.unexpected("an operator, `;` or the end")),
            };
        }
    }

    /// An expression of a list, or `each(i, 1, n, ...)`, which stands for several.
    pub(super) fn item(&mut self, values: &mut Vec<Value>) -> Outcome<()> {
        let span = self.token().span();
        let called = self.kind() == Kind::Name && self.ahead(1) == Kind::Open;
        if called && self.text[span.clone()] == *EACH && self.names.get(EACH).is_none() {
            self.advance();
            return self.each(values, span);
        }
        values.push(self.expression()?);
        Ok(())
    }

    /// The expression that ends a text.
    fn last_expression(&mut self) -> Outcome<Value> {
        self.begin_expression()?;
        let value = self.expression()?;
        match self.kind() {
            Kind::End => Ok(value),
            Kind::Semicolon if self.ahead(1) == Kind::End => Err(self.nothing_follows()),
            Kind::Semicolon => {
                let error = self.error(self.token().span(), "more follows the expression");
                Err(error.hint("what stands before the last `;` are definitions: `name = ...;`"))
            }
            _ => Err(self.unexpected("an operator or the end")),
        }
    }

    // ---- Rules ----

    /// Makes known the names on the left, which may be read before they are assigned.
    fn declare_state(&mut self) -> Outcome<()> {
        for k in 0..self.tokens.len() - 1 {
            let begins = k == 0 || self.tokens[k - 1].kind == Kind::Semicolon;
            if !(begins && self.tokens[k].kind == Kind::Name && self.tokens[k + 1].kind == Kind::Assign) {
                continue;
            }
            let span = self.tokens[k].span();
            let name = &self.text[span.clone()];
            match self.names.get(name) {
                None => {
                    let name = name.to_owned();
                    self.names.set(&name, Meaning::State);
                }
                Some(known) if known.is_variable() => {}
                Some(known) => {
                    return Err(
                        self.error(span, format!("`{}` cannot be assigned: it is {}", shorten(name), known.words()))
                    );
                }
            }
        }
        Ok(())
    }

    /// `v = ...` with the `;` after it.
    fn assignment(&mut self) -> Outcome<(String, Value)> {
        let heading = self.heading().filter(|heading| heading.parameters.is_none());
        let Some(heading) = heading else { return Err(self.unexpected("an assignment `name = ...`")) };
        let name = self.text[heading.name.clone()].to_owned();
        self.skip(&heading);
        if matches!(self.kind(), Kind::Semicolon | Kind::End) {
            return Err(self.error(self.token().span(), format!("the assignment to `{}` is empty", shorten(&name))));
        }
        let value = self.expression()?;
        self.names.set(&name, Meaning::Definition(value));
        if self.kind() != Kind::End && !self.take(Kind::Semicolon) {
            return Err(self.unexpected("an operator or `;`"));
        }
        Ok((name, value))
    }
}

//! What the names of a text mean.
//!
//! Flows in: the [`Context`] of a text. Flows out: [`Names`], which tells the meaning of a name where it stands, how a
//! name that is not known whole splits into letters, which name may be meant by an unknown one, and at the end the
//! variables in order. Who should not use it: anyone but `parse.rs`, which hands [`Context`] on.

use super::build::{Function, Value};
use super::lex::{Kind, ParseError, Token, printable};
use super::spelling::{Chunk, Declared, distance, foreign, is_free, is_name, natural, pieces};
use crate::op::{Op, Operations, Syntax, ops};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// What a text may refer to beside its own definitions.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The variables in order; `None`: the free names of the text.
    pub variables: Option<Vec<Declared>>,
    /// Names that stand for a number.
    pub parameters: Vec<(String, f64)>,
    /// The functions and operators.
    pub operations: Operations,
}

/// What a name means where it stands.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    Constant(f64),
    Parameter(f64),
    /// The index of a sum or product, at its value.
    Index(f64),
    Function(Op),
    /// Of terms by an index; or, where the operations have a reduction of this name, of all rows.
    Sum(Option<Op>),
    Product,
    /// By its place in [`Names::variables`].
    Variable(u32),
    /// An indexed variable: the place of its first component and their number.
    Indexed(u32, usize),
    /// An indexed variable that nobody declared.
    Family,
    /// The variable of a rule that holds what the last step assigned, if the rule reads it.
    State,
    Definition(Value),
    Own(Rc<Function>),
    /// An argument of the function that is read, by its place.
    Argument(u32),
    /// The definition that is read.
    Unfinished,
}

impl Meaning {
    /// In words, after "is".
    pub(super) fn words(&self) -> &'static str {
        match self {
            Meaning::Constant(_) => "a constant",
            Meaning::Parameter(_) => "a parameter",
            Meaning::Index(_) => "an index",
            Meaning::Function(_) | Meaning::Sum(_) | Meaning::Product => "a function",
            Meaning::Variable(_) | Meaning::Indexed(..) | Meaning::Family | Meaning::State => "a variable",
            Meaning::Definition(_) | Meaning::Own(_) | Meaning::Unfinished => "defined already",
            Meaning::Argument(_) => "an argument",
        }
    }

    pub(super) fn is_function(&self) -> bool {
        matches!(self, Meaning::Function(_) | Meaning::Sum(_) | Meaning::Product | Meaning::Own(_))
    }

    pub(super) fn is_variable(&self) -> bool {
        matches!(self, Meaning::Variable(_) | Meaning::Indexed(..) | Meaning::Family | Meaning::State)
    }
}

/// A variable of a text, as it comes: its name, and the component counted from 1.
type Variable = (String, Option<usize>);

/// The names that are known, and the variables.
#[derive(Debug)]
pub(super) struct Names {
    known: HashMap<String, Meaning>,
    /// Whether unknown letters are variables.
    pub(super) free: bool,
    /// Names that the text uses on their own.
    alone: HashSet<String>,
    /// Names of indices so far.
    indices: HashSet<String>,
    variables: Vec<Variable>,
    places: HashMap<Variable, u32>,
}

impl Names {
    /// The names of a context, for a text of these tokens.
    pub(super) fn new(context: &Context, text: &str, tokens: &[Token]) -> Result<Names, ParseError> {
        let free = context.variables.is_none();
        let alone = tokens.iter().filter(|t| t.kind == Kind::Name).map(|t| text[t.span()].to_owned());
        let alone = if free { alone.collect() } else { HashSet::new() };
        let known = built_in(&context.operations);
        let (indices, variables, places) = Default::default();
        let mut names = Names { known, free, alone, indices, variables, places };
        for (name, value) in &context.parameters {
            names.declare(name, Meaning::Parameter(*value))?;
        }
        for declared in context.variables.iter().flatten() {
            let (first, count) = (names.variables.len(), declared.components.unwrap_or(1));
            if !(1..=Declared::LIMIT).contains(&count) {
                let message = format!("`{}` has {count} components, not 1 to {}", declared.name, Declared::LIMIT);
                return Err(ParseError::beside(message));
            }
            few(first + count)?;
            let first = first as u32;
            let meaning = declared.components.map_or(Meaning::Variable(first), |n| Meaning::Indexed(first, n));
            names.declare(&declared.name, meaning)?;
            let components = (1..=count).map(|k| declared.components.map(|_| k));
            names.variables.extend(components.map(|k| (declared.name.clone(), k)));
        }
        Ok(names)
    }

    fn declare(&mut self, name: &str, meaning: Meaning) -> Result<(), ParseError> {
        let what = if meaning.is_variable() { "a variable" } else { "a parameter" };
        if !is_name(name) {
            let name: String = name.chars().take(40).map(printable).collect();
            let error = ParseError::beside(format!("`{name}` is not a name for {what}"));
            return Err(error.hint("a name is a letter, then letters, digits and `_`"));
        }
        match self.known.insert(name.to_owned(), meaning) {
            None => Ok(()),
            Some(old) if old.words() == what => Err(ParseError::beside(format!("{what} `{name}` is given twice"))),
            Some(old) => Err(ParseError::beside(format!("`{name}` is {}, not a name for {what}", old.words()))),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Meaning> {
        self.known.get(name)
    }

    /// Gives a name a meaning and hands back the one that it had.
    pub(super) fn set(&mut self, name: &str, meaning: Meaning) -> Option<Meaning> {
        if let Some(known) = self.known.get_mut(name) {
            return Some(std::mem::replace(known, meaning));
        }
        if matches!(meaning, Meaning::Index(_)) && self.free {
            self.indices.insert(name.to_owned());
        }
        self.known.insert(name.to_owned(), meaning)
    }

    /// Undoes a `set`.
    pub(super) fn restore(&mut self, name: &str, old: Option<Meaning>) {
        match old {
            Some(old) => self.known.insert(name.to_owned(), old),
            None => self.known.remove(name),
        };
    }

    /// Whether the name was the index of an earlier sum.
    pub(super) fn was_index(&self, name: &str) -> bool {
        self.indices.contains(name)
    }

    /// The place of a variable that comes as it is used.
    pub(super) fn place(&mut self, name: &str, component: Option<usize>) -> u32 {
        let next = self.variables.len() as u32;
        let variable = (name.to_owned(), component);
        *self.places.entry(variable).or_insert_with_key(|variable| {
            self.variables.push(variable.clone());
            next
        })
    }

    /// Whether a name, not known whole, is a product of letters: if so, whether it wants a note; if not, why.
    pub(super) fn split(&self, name: &str, called: bool) -> Result<bool, Refusal> {
        let parts: Vec<&str> = pieces(name).collect();
        let whole = parts.iter().map(|part| part.len()).sum::<usize>() == name.len();
        let established = |part: &&str| {
            self.known.contains_key(*part)
                || self.free && (matches!(*part, "x" | "y" | "z") || self.alone.contains(*part))
        };
        let known = whole && parts.iter().all(established);
        let doubtful = self.free && (self.twin(name).is_some() || self.glued(name, called).is_some());
        if !doubtful && (known || self.free && whole && !called && parts.len() <= 3) {
            return Ok(self.free && parts.iter().any(|part| self.surprises(part)));
        }
        match self.advice(name, called) {
            Some(advice) => Err(Refusal::Meant(advice)),
            None if self.free && !called => Err(Refusal::Long),
            None => Err(Refusal::Unknown),
        }
    }

    /// Whether a letter in a product of letters may have been meant otherwise.
    fn surprises(&self, part: &str) -> bool {
        let told = matches!(self.known.get(part), Some(Meaning::Parameter(_) | Meaning::Index(_)));
        !told && !matches!(part, "x" | "y" | "z" | "π" | "τ")
    }

    /// What may have been meant by a name that is not understood.
    fn advice(&self, name: &str, called: bool) -> Option<String> {
        let first = self.twin(name).or_else(|| foreign(name).map(str::to_owned));
        let glued = || self.glued(name, called);
        first.or_else(|| match called {
            true => glued().filter(|text| !text.ends_with(')')).or_else(|| self.nearest(name, true)).or_else(glued),
            false => glued().or_else(|| self.nearest(name, false).filter(|_| !self.free)),
        })
    }

    /// The same name in other capitals.
    fn twin(&self, name: &str) -> Option<String> {
        let same = |known: &&String| known.len() > 1 && known.len() == name.len() && known.eq_ignore_ascii_case(name);
        self.known.keys().filter(same).min().cloned()
    }

    /// What to write for a longer name glued to something: `sinx`, `pix`, `xsin`.
    fn glued(&self, name: &str, called: bool) -> Option<String> {
        const LONGEST: usize = 32;
        let kind = |part: &str| self.known.get(part).filter(|_| !is_free(part));
        let function = |part: &str| kind(part).is_some_and(Meaning::is_function);
        let value = |part: &str| kind(part).is_some_and(|known| !known.is_function());
        let cuts = || name.char_indices().skip(1).map(|(at, _)| name.split_at(at));
        let heads = || cuts().take_while(|(head, _)| head.len() <= LONGEST);
        let tails = || cuts().skip_while(|(_, tail)| tail.len() > LONGEST);
        let front = heads().filter(|(head, _)| function(head)).last().map(|(f, rest)| format!("{f}({rest})"));
        let back = tails().find(|(_, tail)| function(tail)).map(|(rest, f)| format!("{rest} {f}"));
        let both = if called { back.or(front) } else { front.or(back.map(|back| back + "(...)")) };
        let mut values = heads().filter(|(head, _)| value(head)).chain(tails().filter(|(_, tail)| value(tail)));
        both.or_else(|| values.next().map(|(a, b)| format!("{a} {b}")))
    }

    /// The known name that an unknown one is most like.
    fn nearest(&self, name: &str, called: bool) -> Option<String> {
        let lower = name.to_lowercase();
        let wanted = |meaning: &Meaning| !called || meaning.is_function();
        let candidates = self.known.iter().filter(|(_, meaning)| wanted(meaning)).map(|(known, _)| known);
        let rated = candidates.map(|known| (distance(&lower, &known.to_lowercase()), known));
        let length = name.chars().count();
        rated.filter(|(distance, _)| *distance * 3 <= length).min().map(|(_, known)| known.clone())
    }

    /// The variables, for a message; empty if there are none or too many to tell.
    pub(super) fn listed(&self) -> String {
        let mut all: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        all.dedup();
        if all.len() > 12 { String::new() } else { all.join(", ") }
    }

    /// The names of the variables in their final order, and the final place of each.
    pub(super) fn variables(self) -> Result<(Vec<String>, Vec<u32>), ParseError> {
        if !self.free {
            let places = (0..self.variables.len() as u32).collect();
            return Ok((self.variables.into_iter().map(title).collect(), places));
        }
        let mut order: BTreeMap<(usize, Vec<Chunk>), Declared> = BTreeMap::new();
        for (name, component) in &self.variables {
            let letter = ["x", "y", "z"].iter().position(|known| known == name).unwrap_or(3);
            let new = || Declared { name: name.clone(), components: None };
            let entry = order.entry((letter, natural(name))).or_insert_with(new);
            entry.components = entry.components.max(*component);
        }
        few(order.values().map(|declared| declared.components.unwrap_or(1)).sum())?;
        let names: Vec<String> = order.values().flat_map(Declared::components).collect();
        let places: HashMap<&str, u32> = names.iter().map(String::as_str).zip(0..).collect();
        let places = self.variables.into_iter().map(|variable| places[title(variable).as_str()]).collect();
        Ok((names, places))
    }
}

/// Fails if there are too many variables.
fn few(variables: usize) -> Result<(), ParseError> {
    match variables > Declared::LIMIT {
        true => Err(ParseError::beside(format!("too many variables: {variables}, the limit is {}", Declared::LIMIT))),
        false => Ok(()),
    }
}

fn title((name, component): Variable) -> String {
    component.map_or(name.clone(), |k| format!("{name}[{k}]"))
}

/// Why a name is not understood.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Something else is meant, perhaps: what to write.
    Meant(String),
    /// Nothing is known of it.
    Unknown,
    /// A longer name that nobody declared.
    Long,
}

/// The names that every text knows.
fn built_in(operations: &Operations) -> HashMap<String, Meaning> {
    let mut known = HashMap::new();
    let functions = operations.iter().filter(|op| op.syntax.is_called());
    for op in functions {
        known.entry(op.name.to_owned()).or_insert(Meaning::Function(op));
    }
    known.entry("log".to_owned()).or_insert(Meaning::Function(ops::LN));
    known.entry("pow".to_owned()).or_insert(Meaning::Function(ops::POW));
    let over_rows = operations.iter().find(|op| op.name == "sum" && op.syntax == Syntax::Reduction);
    known.insert("sum".to_owned(), Meaning::Sum(over_rows));
    known.insert("prod".to_owned(), Meaning::Product);
    use std::f64::consts::{E, PI, TAU};
    for (name, value) in [("e", E), ("pi", PI), ("π", PI), ("tau", TAU), ("τ", TAU)] {
        known.insert(name.to_owned(), Meaning::Constant(value));
    }
    known
}

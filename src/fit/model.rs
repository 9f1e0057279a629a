//! A model of data: an expression whose variables are parameters and columns of a table.
//!
//! Flows in: a text, the names of the columns, parameters with names of more than a letter. Flows out: [`Model`], and
//! its [`Tape`] with the exact slopes by the parameters; columns made by formulas of others ([`column`]).
//!
//! A free name that is a column is data; every other free name is a parameter.

use super::FitError;
use super::loss::{Formula, Loss};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, BackendError};
use crate::expr::derive::Deriver;
use crate::expr::parse::{Parsed, parse};
use crate::expr::{Context, Declared, Graph, Id, Note, ParseError, ParsedList, simplify};
use crate::op::{Operations, ops};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Input, Tape};

/// A model: f(parameters, data).
#[derive(Debug, Clone)]
pub struct Model {
    /// The text, without space around it.
    pub text: String,
    /// The parameters, in order.
    pub parameters: Vec<String>,
    /// The columns that it uses, in the order of the table.
    pub columns: Vec<String>,
    /// Remarks on how the text was read.
    pub notes: Vec<Note>,
    graph: Graph,
    value: Id,
}

/// A fitted model at some places.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its values.
    pub values: Vec<f64>,
    /// Their standard errors; empty where they are not known.
    pub errors: Vec<f64>,
}

impl Model {
    /// Reads a model. `columns` are the table's; `given` are parameters known by name, in the order wanted, used or not;
    /// `fixed` are names with values.
    ///
    /// # Errors
    /// - [`FitError::Parse`] for a text that is not in the language;
    /// - [`FitError::NoParameter`] for a model without parameters; [`FitError::Unused`] for one of `given` that it does not
    ///   have.
    pub fn parse(text: &str, columns: &[String], given: &[String], fixed: &[(String, f64)]) -> Result<Model, FitError> {
        let Read { text, parameters, columns, notes, graph, values } = read(text, columns, given, fixed, one)?;
        Ok(Model { text, parameters, columns, notes, graph, value: values[0] })
    }

    /// The tape of a row. Its inputs are the parameters (one number for a run, if `uniform`), the columns and the
    /// response; its outputs, for least squares, f - y and the slopes of f by the parameters; for another loss its slope by
    /// f, the slopes of f, the loss's curvature, the loss.
    ///
    /// # Errors
    /// - [`FitError::Derive`] where the language has no derivative.
    pub(super) fn tape(&self, loss: &Loss, uniform: bool) -> Result<Tape, FitError> {
        self.tape_of(loss.formula()?, uniform)
    }

    /// The same of a formula in the place of the loss's own.
    pub(super) fn tape_of(&self, formula: Option<Formula>, uniform: bool) -> Result<Tape, FitError> {
        let mut graph = self.graph.clone();
        let (n, m) = (self.parameters.len(), self.columns.len());
        let places: Vec<u32> = (0..n as u32).collect();
        let slopes = Deriver::default().gradient(&mut graph, self.value, &places)?;
        let response = graph.variable((n + m) as u32);
        let mut outputs = match formula {
            None => vec![simplify::apply(&mut graph, ops::SUB, &[self.value, response])],
            Some(formula) => {
                let replace = |_: &mut Graph, place: u32| if place == 0 { self.value } else { response };
                graph.import_with(&formula.graph, &formula.nodes, replace, simplify::apply)
            }
        };
        let rest = outputs.split_off(1);
        outputs.extend(slopes);
        outputs.extend(rest);
        let mut inputs = Input::varying(&self.parameters);
        inputs.iter_mut().for_each(|input| input.uniform = uniform);
        inputs.extend(Input::varying(&self.columns));
        inputs.extend(Input::varying(&["response"]));
        Ok(Tape::lower(&graph, inputs, &outputs))
    }

    /// The model along columns (its own, in their order, equally long), in f64; and how well it is known there: by the
    /// covariance of the parameters, row by row, the root of s C s for the slopes s, where there is a covariance.
    ///
    /// # Errors
    /// - [`FitError::Derive`] where the language has no derivative, [`FitError::Backend`] if the engine failed.
    pub fn curve(
        &self,
        parameters: &[f64],
        covariance: &[f64],
        columns: &[Vec<f64>],
        engine: &dyn Backend,
    ) -> Result<Known, FitError> {
        let (n, count) = (self.parameters.len(), columns.first().map_or(1, Vec::len));
        let mut graph = self.graph.clone();
        let places: Vec<u32> = (0..n as u32).collect();
        let mut outputs = vec![self.value];
        outputs.extend(Deriver::default().gradient(&mut graph, self.value, &places)?);
        let mut inputs = Input::varying(&self.parameters);
        inputs.iter_mut().for_each(|input| input.uniform = true);
        inputs.extend(Input::varying(&self.columns));
        let tape = Tape::lower(&graph, inputs, &outputs);
        let points = Points::Columns { count, columns: columns.iter().cloned().map(Values::F64).collect() };
        let mut out = vec![Values::zeros(Precision::F64, count); 1 + n];
        engine.prepare(&tape, Precision::F64)?.evaluate(&points, parameters, &mut out)?;
        let slope = |k: usize, i: usize| out[1 + i].get(k);
        let products = |k: usize, i: usize| (0..n).map(|j| covariance[i * n + j] * slope(k, j)).sum::<f64>();
        let variance = |k: usize| (0..n).map(|i| slope(k, i) * products(k, i)).sum::<f64>();
        let errors = if covariance.is_empty() { Vec::new() } else { (0..count).map(|k| variance(k).sqrt()).collect() };
        Ok(Known { values: out[0].to_f64(), errors })
    }

    /// Whether the model is one number for a whole table, so that it cannot depend on data.
    pub fn is_constant(&self) -> bool {
        self.columns.is_empty()
    }
}

/// Expressions over parameters and columns.
pub(super) struct Read {
    /// The text, without space around it.
    pub(super) text: String,
    pub(super) parameters: Vec<String>,
    pub(super) columns: Vec<String>,
    pub(super) notes: Vec<Note>,
    /// Its variables are the parameters, then the columns.
    pub(super) graph: Graph,
    pub(super) values: Vec<Id>,
}

/// How a text is read.
pub(crate) type Reader = fn(&str, &Context) -> Result<ParsedList, ParseError>;

/// One expression.
pub(crate) fn one(text: &str, context: &Context) -> Result<ParsedList, ParseError> {
    let Parsed { graph, variables, value, notes } = parse(text, context)?;
    Ok(ParsedList { graph, variables, values: vec![value], notes })
}

/// Reads a text by `reader`, as [`Model::parse`] says.
pub(super) fn read(
    text: &str,
    columns: &[String],
    given: &[String],
    fixed: &[(String, f64)],
    reader: Reader,
) -> Result<Read, FitError> {
    let Resolved { parsed, count, notes } = resolve(text, columns, given, fixed, (&Operations::default(), reader))?;
    Read::of(text, parsed, count, given, notes)
}

/// A text over parameters and columns.
pub(crate) struct Resolved {
    /// Its first `count` variables are the parameters, used or not; columns follow.
    pub(crate) parsed: ParsedList,
    pub(crate) count: usize,
    pub(crate) notes: Vec<Note>,
}

/// Reads such a text: a free name that is one of `columns` is data, every other one a parameter. `given` are parameters
/// known by name, in the order wanted, used or not; `fixed` are names with values.
///
/// # Errors
/// As `reader`'s.
pub(crate) fn resolve(
    text: &str,
    columns: &[String],
    given: &[String],
    fixed: &[(String, f64)],
    (operations, reader): (&Operations, Reader),
) -> Result<Resolved, ParseError> {
    let columns: Vec<&String> = columns.iter().filter(|name| is_declarable(name)).collect();
    let is_fixed = |name: &String| fixed.iter().any(|(fixed, _)| fixed == name);
    let is_family = |name: &String| text.contains(&format!("{name}["));
    // What is free beside the names that are known.
    let known = columns.iter().copied().chain(given).filter(|name| name.chars().count() > 1 && !is_fixed(name));
    let mut parameters = fixed.to_vec();
    for name in known.filter(|name| !is_family(name)) {
        let name = name.split('[').next().unwrap_or(name);
        if !parameters.iter().any(|(known, _)| known == name) {
            parameters.push((name.to_owned(), 1.0));
        }
    }
    let families = |name: &String| name.contains('[');
    let indexed: Vec<&String> = given.iter().chain(columns.iter().copied()).filter(|name| families(name)).collect();
    parameters.retain(|(name, _)| !indexed.iter().any(|other| family(other).0 == *name));
    let context = Context { parameters, operations: operations.clone(), ..Context::default() };
    let free = reader(text, &context)?;
    let mut names: Vec<Declared> = Vec::new();
    let is_column = |name: &String| columns.contains(&name);
    given.iter().filter(|name| !is_fixed(name)).for_each(|name| declare(&mut names, name));
    free.variables.iter().filter(|name| !is_column(name)).for_each(|name| declare(&mut names, name));
    let count = names.iter().map(|declared| declared.components.unwrap_or(1)).sum::<usize>();
    let taken = |name: &String| names.iter().any(|declared| declared.name == *name) || is_fixed(name);
    let data: Vec<&String> = columns.iter().copied().filter(|name| !taken(&family(name).0)).collect();
    let mut declared = Vec::new();
    data.into_iter().for_each(|name| declare(&mut declared, name));
    names.extend(declared);
    let (parameters, operations) = (fixed.to_vec(), operations.clone());
    let context = Context { variables: Some(names), parameters, operations };
    let parsed = reader(text, &context)?;
    Ok(Resolved { parsed, count, notes: free.notes })
}

impl Read {
    /// Of what was read: its first `count` variables are parameters, the others columns.
    fn of(text: &str, parsed: ParsedList, count: usize, given: &[String], notes: Vec<Note>) -> Result<Read, FitError> {
        let mut used = vec![false; parsed.variables.len()];
        let needed = parsed.graph.reachable(&parsed.values);
        for (id, node) in parsed.graph.iter() {
            if let (crate::expr::graph::Node::Variable(place), true) = (node, needed[id.index()]) {
                used[place as usize] = true;
            }
        }
        let (names, columns) = parsed.variables.split_at(count);
        if let Some(name) = given.iter().find(|name| names.iter().position(|n| n == *name).is_some_and(|k| !used[k])) {
            return Err(FitError::Unused(name.clone()));
        }
        let of = |names: &[String], first: usize| -> Vec<String> {
            names.iter().enumerate().filter(|(k, _)| used[first + k]).map(|(_, name)| name.clone()).collect()
        };
        let (parameters, columns) = (of(names, 0), of(columns, count));
        let text = text.trim().to_owned();
        if parameters.is_empty() {
            return Err(FitError::NoParameter(text));
        }
        let mut graph = Graph::new();
        let mut places = vec![0u32; used.len()];
        (0..used.len()).filter(|k| used[*k]).zip(0..).for_each(|(k, place)| places[k] = place);
        let replace = |graph: &mut Graph, place: u32| graph.variable(places[place as usize]);
        let values = graph.import(&parsed.graph, &parsed.values, replace);
        Ok(Read { text, parameters, columns, notes, graph, values })
    }
}

/// The name of an indexed variable and which of its components this is: `x[2]` is the second of x.
fn family(name: &str) -> (String, Option<usize>) {
    let component = |rest: &str| rest.strip_suffix(']').and_then(|index| index.parse::<usize>().ok());
    let parts = name.split_once('[').and_then(|(family, rest)| Some((family.to_owned(), component(rest)?)));
    parts.map_or((name.to_owned(), None), |(family, component)| (family, Some(component)))
}

/// Adds a name to those declared; of an indexed one, as many components as are told.
fn declare(names: &mut Vec<Declared>, name: &str) {
    let (family, component) = family(name);
    match names.iter_mut().find(|declared| declared.name == family) {
        Some(declared) => declared.components = declared.components.max(component),
        None => names.push(Declared { name: family, components: component }),
    }
}

/// Whether a column can be named in a text: its name is one, and no function's or constant's.
fn is_declarable(name: &str) -> bool {
    let declared = Declared { name: family(name).0, components: None };
    parse("0", &Context { variables: Some(vec![declared]), ..Context::default() }).is_ok()
}

/// A column that is a formula of others: those that it uses.
///
/// # Errors
/// - [`FitError::Parse`] for a text that is not in the language or names what is no column.
pub fn column_names(text: &str, columns: &[String]) -> Result<Vec<String>, FitError> {
    // The name of a column as it is, whatever its letters.
    if columns.iter().any(|name| name == text.trim()) {
        return Ok(vec![text.trim().to_owned()]);
    }
    let parsed = parse_column(text, columns)?;
    let needed = parsed.graph.reachable(&[parsed.value]);
    let mut names = Vec::new();
    for (id, node) in parsed.graph.iter() {
        if let (crate::expr::graph::Node::Variable(place), true) = (node, needed[id.index()]) {
            names.push(parsed.variables[place as usize].clone());
        }
    }
    Ok(names)
}

fn parse_column(text: &str, columns: &[String]) -> Result<Parsed, FitError> {
    let declare = |name: &&String| is_declarable(name);
    let variables = columns.iter().filter(declare).map(|name| Declared { name: name.clone(), components: None });
    Ok(parse(text, &Context { variables: Some(variables.collect()), ..Context::default() })?)
}

/// The numbers of such a column, in f64, from those of the table (`names` and `columns`, equally long).
///
/// # Errors
/// - As [`column_names`]; [`FitError::Backend`] if the engine failed.
pub fn column(text: &str, names: &[String], columns: &[Vec<f64>]) -> Result<Vec<f64>, FitError> {
    if let Some(place) = names.iter().position(|name| name == text.trim()) {
        return Ok(columns[place].clone());
    }
    let parsed = parse_column(text, names)?;
    let tape = Tape::lower(&parsed.graph, Input::varying(&parsed.variables), &[parsed.value]);
    let of = |name: &String| names.iter().position(|known| known == name).map(|k| Values::F64(columns[k].clone()));
    let inputs: Vec<Values> = parsed.variables.iter().filter_map(of).collect();
    let count = columns.first().map_or(0, Vec::len);
    let points = Points::Columns { count, columns: inputs };
    let cpu = Cpu::new(None)?;
    let mut out = [Values::zeros(Precision::F64, count)];
    cpu.prepare(&tape, Precision::F64)?.evaluate(&points, &[], &mut out)?;
    match out {
        [Values::F64(values)] => Ok(values),
        [Values::F32(_)] => Err(BackendError::Unsupported("the column is of another format".into()).into()),
    }
}

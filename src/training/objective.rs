//! An objective over data: a formula of weights in which `mean(...)` and `sum(...)` are over the rows of a table.
//!
//! Flows in: a text, the names of the columns. Flows out: [`Objective`]; with a table, the tapes that an engine runs:
//! what a row adds and its slopes by the weights, and what becomes of the sums.
//!
//! The reductions are taken apart here: what stands in one is computed row by row, and its sum is an input of the rest.
//! One without weights, such as `mean(x)`, is the same for all weights and all batches: it is a number.

use super::TrainingError;
use super::rows::Rows;
use crate::backend::cpu::Cpu;
use crate::expr::derive::Deriver;
use crate::expr::graph::Node;
use crate::expr::{Graph, Id, Note, Outputs, ParsedList, simplify};
use crate::fit::model::{Resolved, one, resolve};
use crate::op::{Op, Operations, Slack, Syntax};
use crate::real::Precision;
use crate::table::Table;
use crate::tape::{Input, Tape};

/// The reductions over rows.
const MEAN: Op = Op(&MEAN_ROW);
const SUM: Op = Op(&SUM_ROW);
static MEAN_ROW: crate::op::Row = crate::op_row! {
    "mean", Syntax::Reduction, (a) { a }, reference { a }, partials [],
    slack Slack { cpu: [0.0, 0.0], gpu: [0.0, 0.0], reference: 0.0 }, domain [(-10.0, 10.0)]
};
static SUM_ROW: crate::op::Row = crate::op_row! {
    "sum", Syntax::Reduction, (a) { a }, reference { a }, partials [],
    slack Slack { cpu: [0.0, 0.0], gpu: [0.0, 0.0], reference: 0.0 }, domain [(-10.0, 10.0)]
};

/// A formula of weights and columns.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The text, without space around it.
    pub text: String,
    /// The weights, in order.
    pub weights: Vec<String>,
    /// The columns that it uses, in the order of the table.
    pub columns: Vec<String>,
    /// Remarks on how the text was read.
    pub notes: Vec<Note>,
    formula: Formula,
}

/// What a model says of a row: a formula of the same weights.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The columns that it uses, in the order of the table; those of its means and sums are counted.
    pub columns: Vec<String>,
    formula: Formula,
}

/// A graph whose variables are `n` weights, `m` columns, and the reductions.
#[derive(Debug, Clone)]
struct Formula {
    n: usize,
    m: usize,
    graph: Graph,
    value: Id,
    /// Inner ones first.
    terms: Vec<Term>,
}

/// A reduction.
#[derive(Debug, Clone)]
struct Term {
    mean: bool,
    /// What stands in it.
    body: Id,
}

/// What an engine runs, for one table.
#[derive(Debug, Clone)]
pub(super) struct Tapes {
    /// Weights (uniform) and columns to what a row adds to each reduction, each with its slopes by the weights.
    pub(super) rows: Tape,
    /// Weights and reductions to the objective, its slopes by the weights and by the reductions.
    pub(super) whole: Tape,
    /// Of each reduction, whether it is a mean.
    pub(super) means: Vec<bool>,
    /// Whether the objective is the one reduction that there is.
    pub(super) plain: bool,
}

impl Objective {
    /// Reads an objective. `columns` are the table's; `given` are weights known by name, in the order wanted; `fixed` are
    /// names with values. Every other free name is a weight.
    ///
    /// # Errors
    /// - [`TrainingError::Parse`] for a text that is not in the language;
    /// - [`TrainingError::NoRows`] where there is no reduction, [`TrainingError::Outside`] for a column outside of all,
    ///   [`TrainingError::Nested`] where one with weights stands in another, [`TrainingError::NoWeights`].
    pub fn parse(
        text: &str,
        columns: &[String],
        given: &[String],
        fixed: &[(String, f64)],
    ) -> Result<Objective, TrainingError> {
        let Resolved { parsed, count, notes } = resolve(text, columns, given, fixed, (&operations(), one))?;
        let (formula, columns) = Formula::of(&parsed, count);
        let weights = parsed.variables[..count].to_vec();
        let objective = Objective { text: text.trim().to_owned(), weights, columns, notes, formula };
        objective.check()?;
        Ok(objective)
    }

    /// Refuses what is no objective over rows.
    fn check(&self) -> Result<(), TrainingError> {
        let Formula { n, m, value, terms, .. } = &self.formula;
        if terms.is_empty() {
            return Err(TrainingError::NoRows(self.text.clone()));
        }
        let outside = self.formula.uses(*value);
        if let Some(column) = (0..*m).find(|k| outside[n + k]) {
            return Err(TrainingError::Outside(self.columns[column].clone()));
        }
        let moves = self.formula.moving();
        for (k, term) in terms.iter().enumerate() {
            let inner = self.formula.uses(term.body);
            if moves[k] && (0..k).any(|j| inner[n + m + j] && moves[j]) {
                return Err(TrainingError::Nested(self.text.clone()));
            }
        }
        match (0..terms.len()).any(|k| moves[k] && outside[n + m + k]) {
            true => Ok(()),
            false => Err(TrainingError::NoWeights(self.text.clone())),
        }
    }

    /// Reads what the model says of a row: `text` after the definitions of the objective, so that a name defined there may
    /// be all of it. `columns` and `fixed` are those of the objective.
    ///
    /// # Errors
    /// - [`TrainingError::Parse`] for a text that is not in the language; [`TrainingError::NotAWeight`] for a name that is
    ///   neither a weight of the objective nor a column; [`TrainingError::Nested`] for a mean or sum that depends on weights.
    pub fn prediction(
        &self,
        text: &str,
        columns: &[String],
        fixed: &[(String, f64)],
    ) -> Result<Prediction, TrainingError> {
        let definitions = self.text.rfind(';').map_or("", |end| &self.text[..=end]);
        let whole = format!("{definitions} {text}");
        let Resolved { parsed, count, .. } = resolve(&whole, columns, &self.weights, fixed, (&operations(), one))?;
        if let Some(name) = parsed.variables[..count].iter().find(|name| !self.weights.contains(name)) {
            return Err(TrainingError::NotAWeight(name.clone(), self.weights.join(", ")));
        }
        let (formula, columns) = Formula::of(&parsed, count);
        match formula.moving().contains(&true) {
            true => Err(TrainingError::Nested(text.to_owned())),
            false => Ok(Prediction { columns, formula }),
        }
    }

    /// The tapes for a table, in which the reductions without weights are numbers.
    ///
    /// # Errors
    /// - [`TrainingError::Derive`] where the language has no derivative; [`TrainingError::Backend`] if the engine failed.
    pub(super) fn tapes(&self, rows: &Rows) -> Result<Tapes, TrainingError> {
        let Formula { n, m, graph: all, value, terms } = &self.formula;
        let (n, m) = (*n, *m);
        let (moving, numbers) = (self.formula.moving(), self.formula.numbers(rows, &self.columns)?);
        let kept: Vec<usize> = (0..terms.len()).filter(|k| moving[*k]).collect();
        let roots: Vec<Id> = kept.iter().map(|k| terms[*k].body).chain([*value]).collect();
        let mut graph = Graph::new();
        let replace = |graph: &mut Graph, place: u32| match (place as usize).checked_sub(n + m) {
            None => graph.variable(place),
            Some(k) if moving[k] => graph.variable((n + m + kept.iter().position(|j| *j == k).unwrap_or(0)) as u32),
            Some(k) => graph.number(numbers[k]),
        };
        let ids = graph.import_with(all, &roots, replace, simplify::apply);
        let (bodies, value) = (&ids[..kept.len()], ids[kept.len()]);
        let places = |range: std::ops::Range<usize>| range.map(|k| k as u32).collect::<Vec<u32>>();
        let mut deriver = Deriver::default();
        let mut outputs = Vec::new();
        for body in bodies {
            outputs.push(*body);
            outputs.extend(deriver.gradient(&mut graph, *body, &places(0..n))?);
        }
        let mut inputs = Input::varying(&self.weights);
        inputs.iter_mut().for_each(|input| input.uniform = true);
        inputs.extend(Input::varying(&self.columns));
        let tape = Tape::lower(&graph, inputs.clone(), &outputs);
        let mut whole = vec![value];
        whole.extend(deriver.gradient(&mut graph, value, &places(0..n))?);
        whole.extend(deriver.gradient(&mut graph, value, &places(n + m..n + m + kept.len()))?);
        inputs.extend(Input::varying(&vec!["reduction"; kept.len()]));
        let plain = kept.len() == 1 && graph.node(value) == Node::Variable((n + m) as u32);
        let means = kept.iter().map(|k| terms[*k].mean).collect();
        Ok(Tapes { rows: tape, whole: Tape::lower(&graph, inputs, &whole), means, plain })
    }
}

impl Prediction {
    /// The prediction as a function of its columns, at these weights: its value, then its slopes by the columns.
    ///
    /// # Errors
    /// - [`TrainingError::NoColumn`] where the table lacks one; [`TrainingError::Derive`], [`TrainingError::Backend`].
    pub fn at(&self, weights: &[f64], table: &Table) -> Result<Outputs, TrainingError> {
        let rows = Rows::of(&self.columns, table, Precision::F64)?;
        let Formula { n, m, graph: all, value, .. } = &self.formula;
        let numbers = self.formula.numbers(&rows, &self.columns)?;
        let mut graph = Graph::new();
        let replace = |graph: &mut Graph, place: u32| match place as usize {
            weight if weight < *n => graph.number(weights[weight]),
            column if column < n + m => graph.variable((column - n) as u32),
            reduction => graph.number(numbers[reduction - n - m]),
        };
        let mut outputs = graph.import_with(all, &[*value], replace, simplify::apply);
        let places: Vec<u32> = (0..*m as u32).collect();
        outputs.extend(Deriver::default().gradient(&mut graph, outputs[0], &places)?);
        Ok(Outputs { graph, variables: self.columns.clone(), outputs })
    }
}

impl Formula {
    /// What was read, its first `n` variables weights, and the columns that it uses.
    fn of(parsed: &ParsedList, n: usize) -> (Formula, Vec<String>) {
        let (flat, value, mut terms) = apart(&parsed.graph, parsed.values[0], parsed.variables.len());
        let m = parsed.variables.len() - n;
        let whole = Formula { n, m, graph: flat, value, terms };
        let mut used = vec![false; n + m + whole.terms.len()];
        for root in whole.terms.iter().map(|term| term.body).chain([value]) {
            used.iter_mut().zip(whole.uses(root)).for_each(|(all, one)| *all |= one);
        }
        let kept: Vec<usize> = (0..m).filter(|k| used[n + k]).collect();
        let place = |old: usize| match old {
            old if old < n => old,
            old if old < n + m => n + kept.iter().position(|k| n + k == old).unwrap_or(0),
            old => old - m + kept.len(),
        };
        let roots: Vec<Id> = whole.terms.iter().map(|term| term.body).chain([value]).collect();
        let mut graph = Graph::new();
        let ids = graph.import(&whole.graph, &roots, |graph, old| graph.variable(place(old as usize) as u32));
        terms = whole.terms;
        terms.iter_mut().zip(&ids).for_each(|(term, id)| term.body = *id);
        let columns = kept.iter().map(|k| parsed.variables[n + k].clone()).collect();
        (Formula { n, m: kept.len(), graph, value: ids[ids.len() - 1], terms }, columns)
    }

    /// Of each variable, whether a node depends on it.
    fn uses(&self, root: Id) -> Vec<bool> {
        let mut used = vec![false; self.n + self.m + self.terms.len()];
        let needed = self.graph.reachable(&[root]);
        for (_, node) in self.graph.iter().filter(|(id, _)| needed[id.index()]) {
            if let Node::Variable(place) = node {
                used[place as usize] = true;
            }
        }
        used
    }

    /// Of each reduction, whether it depends on the weights.
    fn moving(&self) -> Vec<bool> {
        let (n, first) = (self.n, self.n + self.m);
        let mut moving: Vec<bool> = Vec::new();
        for term in &self.terms {
            let used = self.uses(term.body);
            let through = moving.iter().enumerate().any(|(j, moves)| used[first + j] && *moves);
            moving.push(used[..n].contains(&true) || through);
        }
        moving
    }

    /// The reductions without weights; NaN for the others. `columns` names those of the rows.
    fn numbers(&self, rows: &Rows, columns: &[String]) -> Result<Vec<f64>, TrainingError> {
        let (n, first) = (self.n, self.n + self.m);
        let (moving, mut known) = (self.moving(), Vec::<f64>::new());
        for (term, moves) in self.terms.iter().zip(moving) {
            if moves {
                known.push(f64::NAN);
                continue;
            }
            let mut graph = Graph::new();
            let replace = |graph: &mut Graph, place: u32| match (place as usize).checked_sub(first) {
                None => graph.variable(place - n as u32),
                Some(k) => graph.number(known[k]),
            };
            let ids = graph.import(&self.graph, &[term.body], replace);
            let tape = Tape::lower(&graph, Input::varying(columns), &ids);
            let total = rows.total(&tape, &Cpu::new(None)?)?;
            known.push(if term.mean { total / rows.count() as f64 } else { total });
        }
        Ok(known)
    }
}

/// The language, with reductions over rows.
fn operations() -> Operations {
    Operations::default().with(&SUM_ROW).with(&MEAN_ROW)
}

/// The graph with each reduction a variable after its `count` own, and what stands in each, inner ones first.
fn apart(graph: &Graph, value: Id, count: usize) -> (Graph, Id, Vec<Term>) {
    let (mut flat, mut terms, mut moved) = (Graph::new(), Vec::new(), Vec::with_capacity(graph.len()));
    for (_, node) in graph.iter() {
        moved.push(match node {
            Node::Number(bits) => flat.number(f64::from_bits(bits)),
            Node::Variable(place) => flat.variable(place),
            Node::Apply(op, operands) if [MEAN, SUM].contains(&op) => {
                terms.push(Term { mean: op == MEAN, body: moved[operands[0].index()] });
                flat.variable((count + terms.len() - 1) as u32)
            }
            Node::Apply(op, operands) => {
                let operands: Vec<Id> = operands[..op.arity].iter().map(|o| moved[o.index()]).collect();
                flat.apply(op, &operands)
            }
        });
    }
    let value = moved[value.index()];
    (flat, value, terms)
}

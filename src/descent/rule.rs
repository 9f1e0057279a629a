//! An update rule, parsed and fused with f's gradient into one tape that maps a state to the next.
//!
//! Flows in: a formula and its hyper-parameters, an expression's gradient. Flows out: [`Fused`]. The rule is
//! parsed into the same graph as f and its gradient, so the CPU and the GPU run the same rule by construction and
//! shared work is shared. Hyper-parameters and the step's number are uniform inputs: a new learning rate compiles
//! nothing.

use super::rules::Row;
use crate::expr::parse::{self, ParseError};
use crate::expr::{Graph, Id, Outputs};
use crate::op::{Operations, ops};
use crate::tape::{Input, Tape};

/// Names that a rule may read beside its hyper-parameters.
const PREDEFINED: [&str; 5] = ["x", "g", "t", "f", "g2"];

/// Why a formula is not an update rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is not in the language.
    #[error("in the rule: {0}")]
    Parse(#[from] ParseError),
    /// It does not move.
    #[error("the rule `{0}` never assigns `x`; end it with the new coordinate, as in `x = x - lr g`")]
    NoStep(String),
    /// A name that is not free to be assigned.
    #[error(
        "the rule `{0}` assigns `{1}`, which is given (x, g, t, f, g2 and the hyper-parameters are); use another name"
    )]
    Given(String, String),
    /// A hyper-parameter that the rule does not have.
    #[error("the rule has no hyper-parameter `{0}`; it has {1}")]
    NoParameter(String, String),
}

/// A parsed rule with its hyper-parameters.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, or its formula where it has none.
    pub name: String,
    /// The formula.
    pub formula: String,
    /// Hyper-parameters and their values, in order.
    pub parameters: Vec<(String, f64)>,
    parsed: parse::Rule,
    /// State names beside `x`.
    states: Vec<String>,
}

impl Rule {
    /// The rule of a row of the table, with its defaults.
    ///
    /// # Errors
    /// None for a row of the table; a test parses them all.
    pub fn of(row: &Row) -> Result<Rule, RuleError> {
        let parameters = row.defaults.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
        Rule::parse(row.name, row.formula, parameters)
    }

    /// A rule of one's own.
    ///
    /// # Errors
    /// - [`RuleError`] if the formula is not in the language, assigns what is given, or never assigns `x`.
    pub fn parse(name: &str, formula: &str, parameters: Vec<(String, f64)>) -> Result<Rule, RuleError> {
        let names: Vec<String> =
            PREDEFINED.iter().map(ToString::to_string).chain(parameters.iter().map(|(name, _)| name.clone())).collect();
        let parsed = parse::parse_rule(formula, &names, &Operations::default())?;
        if let Some((given, _)) = parsed.assigned.iter().find(|(name, _)| name != "x" && names.contains(name)) {
            return Err(RuleError::Given(formula.to_string(), given.clone()));
        }
        if !parsed.assigned.iter().any(|(name, _)| name == "x") {
            return Err(RuleError::NoStep(formula.to_string()));
        }
        // Only names that are read before they are assigned carry something from step to step.
        let states = parsed.variables[names.len()..].to_vec();
        Ok(Rule { name: name.to_string(), formula: formula.to_string(), parameters, parsed, states })
    }

    /// Changes a hyper-parameter.
    ///
    /// # Errors
    /// - [`RuleError::NoParameter`] if the rule has none of this name.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), RuleError> {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some(parameter) => {
                parameter.1 = value;
                Ok(())
            }
            None => {
                let known: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
                Err(RuleError::NoParameter(name.to_string(), known.join(", ")))
            }
        }
    }

    /// Fuses the rule with f and its gradient (`outputs`: f first, then the n partials). `maximize` climbs.
    pub fn fuse(&self, outputs: &Outputs, maximize: bool) -> Fused {
        let dimension = outputs.variables.len();
        let mut graph = outputs.graph.clone();
        let signed: Vec<Id> =
            outputs.outputs.iter().map(|id| if maximize { graph.apply(ops::NEG, &[*id]) } else { *id }).collect();
        let squared_norm = squared_norm(&mut graph, &signed[1..]);
        // Inputs: coordinates, then each state for all coordinates, then t, then the hyper-parameters.
        let state_place = |state: usize, i: usize| ((1 + state) * dimension + i) as u32;
        let clock_place = ((1 + self.states.len()) * dimension) as u32;
        let mut next: Vec<Vec<Id>> = vec![Vec::new(); 1 + self.states.len()];
        for i in 0..dimension {
            let replace = |graph: &mut Graph, place: u32| match place as usize {
                0 => graph.variable(i as u32),
                1 => signed[1 + i],
                2 => graph.variable(clock_place),
                3 => signed[0],
                4 => squared_norm,
                k if k < PREDEFINED.len() + self.parameters.len() => {
                    graph.variable(clock_place + 1 + (k - PREDEFINED.len()) as u32)
                }
                k => graph.variable(state_place(k - PREDEFINED.len() - self.parameters.len(), i)),
            };
            let wanted: Vec<Id> = self.new_values();
            let moved = graph.import(&self.parsed.graph, &wanted, replace);
            next.iter_mut().zip(moved).for_each(|(column, id)| column.push(id));
        }
        let roots: Vec<Id> = next.into_iter().flatten().collect();
        Fused {
            tape: Tape::lower(&graph, self.inputs(&outputs.variables), &roots),
            dimension,
            states: self.states.len(),
        }
    }

    /// The assigned values: `x` first, then the states in their order.
    fn new_values(&self) -> Vec<Id> {
        let value = |name: &str| {
            let assigned = self.parsed.assigned.iter().find(|(known, _)| known == name);
            assigned
                .map(|(_, id)| *id)
                .expect("x and every state are assigned: parse_rule makes a state of no other name")
        };
        std::iter::once("x").chain(self.states.iter().map(String::as_str)).map(value).collect()
    }

    fn inputs(&self, variables: &[String]) -> Vec<Input> {
        let mut inputs = Input::varying(variables);
        for state in &self.states {
            let names: Vec<String> = variables.iter().map(|variable| format!("{state}.{variable}")).collect();
            inputs.extend(Input::varying(&names));
        }
        let uniforms = std::iter::once("t").chain(self.parameters.iter().map(|(name, _)| name.as_str()));
        inputs.extend(uniforms.map(|name| Input { name: name.to_string(), uniform: true }));
        inputs
    }

    /// The uniform inputs: the step's number (filled in by the engine) and the hyper-parameters.
    pub fn uniforms(&self) -> Vec<f64> {
        std::iter::once(1.0).chain(self.parameters.iter().map(|(_, value)| *value)).collect()
    }
}

/// Which of the uniform inputs is the number of the step.
pub const CLOCK: usize = 0;

/// A rule and a gradient in one tape: (coordinates, states) to the next (coordinates, states).
#[derive(Debug, Clone)]
pub struct Fused {
    /// Varying inputs and outputs: dimension x (1 + states), dimension-major; uniform inputs: t, hyper-parameters.
    pub tape: Tape,
    /// Number of coordinates.
    pub dimension: usize,
    /// Number of state variables per coordinate, beside the coordinate itself.
    pub states: usize,
}

fn squared_norm(graph: &mut Graph, gradient: &[Id]) -> Id {
    let squares: Vec<Id> = gradient.iter().map(|g| graph.apply(ops::MUL, &[*g, *g])).collect();
    let sum = squares.into_iter().reduce(|sum, next| graph.apply(ops::ADD, &[sum, next]));
    sum.unwrap_or_else(|| graph.number(0.0))
}

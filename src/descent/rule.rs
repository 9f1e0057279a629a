//! An update rule: a formula with its hyper-parameters.
//!
//! Flows in: a text, or a row of the table; numbers and schedules for its hyper-parameters. Flows out: [`Rule`], which
//! `fuse.rs` makes one tape of with f's gradient. Hyper-parameters and the step's number are uniform inputs of that
//! tape: a new learning rate compiles nothing. One that is a formula in `t` becomes part of the tape, computed once a
//! step.

use super::rules::Row;
use crate::backend::reference;
use crate::expr::graph::Node;
use crate::expr::parse::{self, ParseError};
use crate::expr::{Context, Declared, Expression, Id};
use crate::op::{Op, Operations, Slack, Syntax};
use crate::tape::{Input, Tape};

/// Names that a rule may read beside its hyper-parameters, by place.
pub(super) const PREDEFINED: [&str; 6] = ["x", "g", "t", "f", "g2", "noise"];

/// `total(e)`: e summed over all coordinates. `fuse.rs` takes it apart.
pub(super) const TOTAL: Op = Op(&TOTAL_ROW);
static TOTAL_ROW: crate::op::Row = crate::op_row! {
    "total", Syntax::Reduction, (a) { a }, reference { a }, partials [],
    slack Slack { cpu: [0.0, 0.0], gpu: [0.0, 0.0], reference: 0.0 }, domain [(-10.0, 10.0)]
};

/// Which of the uniform inputs is the number of the step.
pub const CLOCK: usize = 0;

/// Steps at which a schedule is looked at beforehand, at most.
const LOOKED_AT: u64 = 100_000;

/// Why a formula is not an update rule, or a number not one of its hyper-parameters.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is not in the language.
    #[error("in the rule: {0}")]
    Parse(#[from] ParseError),
    /// It does not move.
    #[error("the rule `{0}` never assigns `x`; end it with the new coordinate, as in `x = x - lr g`")]
    NoStep(String),
    /// It does not look where down is.
    #[error(
        "the rule `{0}` never uses `g`, the slope, so it descends nothing; a step follows it, as in `x = x - lr g`"
    )]
    NoSlope(String),
    /// A name that is not free to be assigned.
    #[error(
        "the rule `{0}` assigns `{1}`, which is given ({names} and the hyper-parameters are); use another name",
        names = PREDEFINED.join(", ")
    )]
    Given(String, String),
    /// A hyper-parameter that the rule does not have.
    #[error("the rule has no hyper-parameter `{0}`; it has {1}")]
    NoParameter(String, String),
    /// A learning rate, or a bound on the gradient, that is none.
    #[error("{0} must be a positive number, not {1}{2}")]
    NotPositive(&'static str, f64, &'static str),
    /// A hyper-parameter that is a formula, but not one in t.
    #[error("`{0}` may be a number or a formula in t, the number of the step from 1, such as 0.1/(1 + t/100): {1}")]
    Schedule(String, ParseError),
    /// A schedule that ends somewhere.
    #[error("{0} = `{1}` is {2} at step {3} of {4}{5}")]
    Ends(String, String, f64, u64, u64, &'static str),
}

/// A way out for one who gives a learning rate that is not positive.
fn remedy(value: f64) -> &'static str {
    if value < 0.0 {
        "; to climb, take --maximize with a positive one"
    } else if value == 0.0 {
        ", with which nothing moves"
    } else {
        ""
    }
}

/// A parsed rule with its hyper-parameters.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, or its formula where it has none.
    pub name: String,
    /// The formula.
    pub formula: String,
    /// Hyper-parameters and their values, in order.
    parameters: Vec<(String, f64)>,
    /// Those that are formulas in t instead, by the place of the hyper-parameter.
    pub(super) schedules: Vec<(usize, Expression)>,
    /// The bound on the norm of the gradient.
    clip: Option<f64>,
    pub(super) parsed: parse::Rule,
    /// State names beside `x`.
    pub(super) states: Vec<String>,
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
    /// ```
    /// use gradfield::descent::Rule;
    /// let rule = Rule::parse("mine", "v = 0.9 v - lr g; x = x + v", vec![("lr".to_string(), 0.1)])?;
    /// assert!(Rule::parse("stuck", "x = 0.9 x", vec![]).is_err());
    /// # Ok::<(), gradfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`RuleError`] if the formula is not in the language, assigns what is given, never assigns `x`, or never uses
    ///   `g`; if `lr` is not positive.
    pub fn parse(name: &str, formula: &str, parameters: Vec<(String, f64)>) -> Result<Rule, RuleError> {
        let names: Vec<String> =
            PREDEFINED.iter().map(ToString::to_string).chain(parameters.iter().map(|(name, _)| name.clone())).collect();
        let parsed = parse::parse_rule(formula, &names, &Operations::default().with(&TOTAL_ROW))?;
        if let Some((given, _)) = parsed.assigned.iter().find(|(name, _)| name != "x" && names.contains(name)) {
            return Err(RuleError::Given(formula.to_string(), given.clone()));
        }
        if !parsed.assigned.iter().any(|(name, _)| name == "x") {
            return Err(RuleError::NoStep(formula.to_string()));
        }
        // Only names that are read before they are assigned carry something from step to step.
        let states = parsed.variables[names.len()..].to_vec();
        let (name, formula) = (name.to_string(), formula.to_string());
        let rule = Rule { name, formula, parameters, schedules: Vec::new(), clip: None, parsed, states };
        if !rule.reads("g") {
            return Err(RuleError::NoSlope(rule.formula));
        }
        rule.parameters.iter().try_for_each(|(name, value)| check(name, *value))?;
        Ok(rule)
    }

    /// The hyper-parameters and their numbers, in order; a schedule's number counts for nothing.
    pub fn parameters(&self) -> &[(String, f64)] {
        &self.parameters
    }

    /// Changes a hyper-parameter.
    ///
    /// # Errors
    /// - [`RuleError::NoParameter`] if the rule has none of this name.
    /// - [`RuleError::NotPositive`] for an `lr` of 0 or less.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), RuleError> {
        let place = self.place(name)?;
        check(name, value)?;
        self.parameters[place].1 = value;
        self.schedules.retain(|(known, _)| *known != place);
        Ok(())
    }

    /// Makes a hyper-parameter a formula in `t`, the number of the step from 1: `0.1/(1 + t/100)`.
    ///
    /// # Errors
    /// - [`RuleError::NoParameter`] if the rule has none of this name.
    /// - [`RuleError::Schedule`] if the text is no formula in `t`.
    pub fn vary(&mut self, name: &str, formula: &str) -> Result<(), RuleError> {
        let place = self.place(name)?;
        let t = Declared { name: "t".to_string(), components: None };
        let context = Context { variables: Some(vec![t]), ..Context::default() };
        let schedule = Expression::parse_with(formula, &context);
        let schedule = schedule.map_err(|error| RuleError::Schedule(name.to_string(), error))?;
        self.schedules.retain(|(known, _)| *known != place);
        self.schedules.push((place, schedule));
        Ok(())
    }

    /// Bounds the norm of the gradient: a longer one is shortened to this length, its direction kept (Pascanu, Mikolov
    /// and Bengio, On the difficulty of training recurrent neural networks, arXiv:1211.5063, algorithm 1). The rule's
    /// `g` and `g2` are of the shortened one.
    ///
    /// # Errors
    /// - [`RuleError::NotPositive`].
    pub fn clip(&mut self, norm: f64) -> Result<(), RuleError> {
        if !(norm > 0.0 && norm.is_finite()) {
            return Err(RuleError::NotPositive("the bound on the gradient's norm (--clip)", norm, ""));
        }
        self.clip = Some(norm);
        Ok(())
    }

    /// Looks at the schedules before the steps are taken.
    ///
    /// # Errors
    /// - [`RuleError::Ends`] where one is not finite, or a learning rate is negative.
    pub fn check(&self, steps: u64) -> Result<(), RuleError> {
        let stride = steps.div_ceil(LOOKED_AT).max(1);
        for (place, schedule) in &self.schedules {
            let value = schedule.value();
            let tape = Tape::lower(&value.graph, Input::varying(&value.variables), &value.outputs);
            for step in (1..=steps).step_by(stride as usize).chain((steps > 0).then_some(steps)) {
                let (name, value) = (&self.parameters[*place].0, reference::at(&tape, &[step as f64])[0]);
                if !value.is_finite() || name == "lr" && value < 0.0 {
                    let text = schedule.text().to_string();
                    return Err(RuleError::Ends(name.clone(), text, value, step, steps, remedy(value)));
                }
            }
        }
        Ok(())
    }

    /// The uniform inputs: the step's number (filled in by the engine), the hyper-parameters, the bound on the
    /// gradient if there is one.
    pub fn uniforms(&self) -> Vec<f64> {
        let numbers = self.parameters.iter().map(|(_, value)| *value);
        std::iter::once(1.0).chain(numbers).chain(self.clip).collect()
    }

    /// Their names.
    pub(super) fn uniform_names(&self) -> impl Iterator<Item = &str> {
        let names = self.parameters.iter().map(|(name, _)| name.as_str());
        std::iter::once("t").chain(names).chain(self.clip.map(|_| "clip"))
    }

    /// Whether the next state depends on a predefined name.
    pub(super) fn reads(&self, name: &str) -> bool {
        let graph = &self.parsed.graph;
        let needed = graph.reachable(&self.new_values());
        let named = |place: u32| PREDEFINED.get(place as usize) == Some(&name);
        graph.iter().any(|(id, node)| needed[id.index()] && matches!(node, Node::Variable(place) if named(place)))
    }

    /// Whether the gradient is bounded.
    pub(super) fn clips(&self) -> bool {
        self.clip.is_some()
    }

    /// The assigned values: `x` first, then the states in their order.
    pub(super) fn new_values(&self) -> Vec<Id> {
        let value = |name: &str| {
            let assigned = self.parsed.assigned.iter().find(|(known, _)| known == name);
            assigned
                .map(|(_, id)| *id)
                .expect("x and every state are assigned: parse_rule makes a state of no other name")
        };
        std::iter::once("x").chain(self.states.iter().map(String::as_str)).map(value).collect()
    }

    fn place(&self, name: &str) -> Result<usize, RuleError> {
        self.parameters.iter().position(|(known, _)| known == name).ok_or_else(|| {
            let known: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
            RuleError::NoParameter(name.to_string(), known.join(", "))
        })
    }
}

/// A learning rate is positive; of other hyper-parameters nothing is known.
fn check(name: &str, value: f64) -> Result<(), RuleError> {
    if name == "lr" && !(value > 0.0 && value.is_finite()) {
        return Err(RuleError::NotPositive("the learning rate (--lr)", value, remedy(value)));
    }
    Ok(())
}

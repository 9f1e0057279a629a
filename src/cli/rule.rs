//! `--rule`, `--lr` and `--param`: a rule of the table or a formula, with its hyper-parameters.

use super::Failure;
use super::options::number;
use clap::Args;
use gradfield::descent::{Rule, RuleError, rules};

/// The hyper-parameters of a rule.
#[derive(Debug, Args)]
pub(crate) struct Constants {
    /// Learning rate, the same as --param lr=NUMBER (default: 0.01)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    lr: Option<String>,
    /// A hyper-parameter of the rule, such as beta=0.8 (repeatable); one of your own needs all but lr
    #[arg(long = "param", value_name = "NAME=NUMBER", allow_hyphen_values = true)]
    parameters: Vec<String>,
}

impl Constants {
    /// Refuses hyper-parameters where there is no rule.
    pub(crate) fn refuse(&self, without: &str) -> Result<(), Failure> {
        let given = if self.lr.is_some() { "--lr" } else { "--param" };
        if self.lr.is_none() && self.parameters.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!("{given} is for a rule; name one with {without}")))
    }

    /// Names and values, each name once.
    fn values(&self) -> Result<Vec<(String, f64)>, Failure> {
        let lr = self.lr.iter().map(|value| ("--lr", "lr", value.as_str()));
        let mut parameters: Vec<(String, f64)> = Vec::new();
        let split =
            |text: &'_ String| text.split_once('=').map(|(name, value)| (name.trim().to_string(), value.to_string()));
        for text in &self.parameters {
            let (name, value) = split(text).filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                Failure::usage(format!("--param {text}: write a name and a number, as in --param beta=0.8"))
            })?;
            parameters.push((name, number("--param", &value)?));
        }
        for (flag, name, value) in lr {
            parameters.push((name.to_string(), number(flag, value)?));
        }
        for (k, (name, _)) in parameters.iter().enumerate() {
            if parameters[..k].iter().any(|(known, _)| known == name) {
                return Err(Failure::usage(format!("the hyper-parameter `{name}` has two values; leave one")));
            }
        }
        Ok(parameters)
    }
}

/// The rule of `--rule` with the hyper-parameters of `--param` and `--lr`.
pub(crate) fn rule(text: &str, constants: &Constants) -> Result<Rule, Failure> {
    let parameters = constants.values()?;
    if let Some(row) = rules::by_name(text) {
        let mut rule = Rule::of(row)?;
        parameters.iter().try_for_each(|(name, value)| rule.set(name, *value))?;
        return Ok(rule);
    }
    if text.contains('=') {
        return own_rule(text, parameters);
    }
    let known: Vec<&str> = rules::TABLE.iter().map(|row| row.name).collect();
    Err(Failure::usage(format!(
        "--rule: `{text}` is neither a rule ({}) nor a formula such as \"x = x - lr g\"",
        known.join(", ")
    )))
}

/// A formula of the user's own; what it does not name it cannot be told.
fn own_rule(formula: &str, mut parameters: Vec<(String, f64)>) -> Result<Rule, Failure> {
    if let Some((name, _)) = parameters.iter().find(|(name, _)| !formula.contains(name.as_str())) {
        return Err(Failure::usage(format!("the rule `{formula}` has no hyper-parameter `{name}`")));
    }
    if !parameters.iter().any(|(name, _)| name == "lr") {
        parameters.push(("lr".to_string(), 0.01));
    }
    Rule::parse("own", formula, parameters).map_err(|error| match error {
        RuleError::Parse(_) if error.to_string().contains("unknown name") => {
            Failure::usage(format!("{error}\na hyper-parameter gets its value by --param beta=0.9"))
        }
        other => other.into(),
    })
}

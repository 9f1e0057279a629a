//! `--rule`, `--lr`, `--param` and `--clip`: a rule of the table or a formula, with its hyper-parameters.

use super::Failure;
use super::options::number;
use clap::Args;
use gradfield::descent::{Rule, RuleError, rules};

/// The hyper-parameters of a rule.
#[derive(Debug, Args)]
pub(crate) struct Constants {
    /// Learning rate, a number or a formula in the step t such as "0.1/(1 + t/100)"; the same as --param lr=
    /// (default: the rule's own, see `gradfield rules`; 0.01 for a formula)
    #[arg(long, value_name = "NUMBER|FORMULA", allow_hyphen_values = true)]
    lr: Option<String>,
    /// A hyper-parameter of the rule, such as beta=0.8, or beta=1-1/t (repeatable); one of your own needs all but lr
    #[arg(long = "param", value_name = "NAME=NUMBER|FORMULA", allow_hyphen_values = true)]
    parameters: Vec<String>,
    /// Shorten gradients whose norm is longer than this to this length, keeping their direction
    #[arg(long, value_name = "NORM", allow_hyphen_values = true)]
    clip: Option<String>,
}

/// A hyper-parameter as it was given.
struct Given<'a> {
    flag: &'static str,
    name: String,
    text: &'a str,
}

impl Constants {
    /// What was given, as it was written.
    pub(crate) fn texts(&self) -> Vec<String> {
        let one = |name: &str, text: &Option<String>| text.as_ref().map(|text| format!("{name}={text}"));
        one("lr", &self.lr).into_iter().chain(self.parameters.iter().cloned()).chain(one("clip", &self.clip)).collect()
    }

    /// Refuses hyper-parameters where there is no rule.
    pub(crate) fn refuse(&self, without: &str) -> Result<(), Failure> {
        let given =
            [("--lr", self.lr.is_some()), ("--param", !self.parameters.is_empty()), ("--clip", self.clip.is_some())];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::usage(format!("{flag} is for a rule; name one with {without}"))),
        }
    }

    /// Each name once.
    fn given(&self) -> Result<Vec<Given<'_>>, Failure> {
        let mut all: Vec<Given<'_>> = Vec::new();
        for text in &self.parameters {
            let split = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let (name, value) = split.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                Failure::usage(format!("--param {text}: write a name and a number, as in --param beta=0.8"))
            })?;
            all.push(Given { flag: "--param", name: name.to_string(), text: value });
        }
        all.extend(self.lr.iter().map(|text| Given { flag: "--lr", name: "lr".to_string(), text }));
        for (k, Given { name, .. }) in all.iter().enumerate() {
            if all[..k].iter().any(|known| known.name == *name) {
                return Err(Failure::usage(format!("the hyper-parameter `{name}` has two values; leave one")));
            }
        }
        Ok(all)
    }
}

/// The rule of `--rule` with the hyper-parameters of `--param` and `--lr`, and the bound of `--clip`.
pub(crate) fn rule(text: &str, constants: &Constants) -> Result<Rule, Failure> {
    let given = constants.given()?;
    let mut rule = match rules::by_name(text) {
        Some(row) => Rule::of(row)?,
        None if text.contains('=') => own_rule(text, &given)?,
        None => {
            return Err(Failure::usage(format!(
                "--rule: `{text}` is neither a rule ({}) nor a formula such as \"x = x - lr g\"",
                rules::names()
            )));
        }
    };
    given.iter().try_for_each(|given| set(&mut rule, given))?;
    if let Some(text) = &constants.clip {
        rule.clip(number("--clip", text)?)?;
    }
    Ok(rule)
}

/// A number stays one; what is none is a formula in t.
fn set(rule: &mut Rule, Given { flag, name, text }: &Given<'_>) -> Result<(), Failure> {
    let no_number = match number(flag, text) {
        Ok(value) => return Ok(rule.set(name, value)?),
        Err(error) => error,
    };
    // `inf` and `1e999` are meant as numbers.
    if text.parse::<f64>().is_ok() {
        return Err(no_number);
    }
    rule.vary(name, text).map_err(|error| Failure::usage(format!("{flag}: {error}")))
}

/// A formula of the user's own; what it does not name it cannot be told.
fn own_rule(formula: &str, given: &[Given<'_>]) -> Result<Rule, Failure> {
    if let Some(Given { name, .. }) = given.iter().find(|given| !formula.contains(given.name.as_str())) {
        return Err(Failure::usage(format!("the rule `{formula}` has no hyper-parameter `{name}`")));
    }
    // Their values come later: here it is their names that count.
    let mut parameters: Vec<(String, f64)> = given.iter().map(|given| (given.name.clone(), 0.01)).collect();
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

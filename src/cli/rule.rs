//! `--rule`, `--lr`, `--param` and `--clip`: rules of the table or formulas, with their hyper-parameters.
//!
//! `gd:lr=0.1` is a rule with a hyper-parameter of its own; no formula has a colon. The flags are for all rules. Solvers race
//! with rules, and have none.

use super::Failure;
use super::options::number;
use clap::Args;
use gradfield::descent::{Method, Rule, RuleError, rules};

/// The hyper-parameters of a rule.
#[derive(Debug, Clone, Args)]
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
#[derive(Debug, Clone)]
struct Given<'a> {
    flag: &'static str,
    name: String,
    text: &'a str,
}

impl<'a> Given<'a> {
    /// `beta=0.8`.
    fn of(flag: &'static str, text: &'a str) -> Result<Given<'a>, Failure> {
        let split = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let (name, value) = split.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            let example = if flag == "--param" { "--param beta=0.8" } else { "--rule momentum:beta=0.8" };
            Failure::usage(format!("{flag} {text}: write a name and a number, as in {example}"))
        })?;
        Ok(Given { flag, name: name.to_string(), text: value })
    }
}

/// Refuses two values for a name.
fn distinct(all: &[Given<'_>]) -> Result<(), Failure> {
    for (k, Given { name, .. }) in all.iter().enumerate() {
        if all[..k].iter().any(|known| known.name == *name) {
            return Err(Failure::usage(format!("the hyper-parameter `{name}` has two values; leave one")));
        }
    }
    Ok(())
}

impl Constants {
    /// What was given, as it was written.
    pub(crate) fn texts(&self) -> Vec<String> {
        let one = |name: &str, text: &Option<String>| text.as_ref().map(|text| format!("{name}={text}"));
        one("lr", &self.lr).into_iter().chain(self.parameters.iter().cloned()).chain(one("clip", &self.clip)).collect()
    }

    /// Which of the flags were given.
    pub(crate) fn flags(&self) -> [(&'static str, bool); 3] {
        [("--lr", self.lr.is_some()), ("--param", !self.parameters.is_empty()), ("--clip", self.clip.is_some())]
    }

    /// Whether a learning rate was given.
    pub(crate) fn has_rate(&self) -> bool {
        self.lr.is_some() || self.parameters.iter().any(|text| text.trim_start().starts_with("lr"))
    }

    /// Refuses hyper-parameters where there is no rule.
    pub(crate) fn refuse(&self, without: &str) -> Result<(), Failure> {
        let given = self.flags();
        match given.iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::usage(format!("{flag} is for a rule; name one with {without}"))),
        }
    }

    /// Each name once.
    fn given(&self) -> Result<Vec<Given<'_>>, Failure> {
        let mut all: Vec<Given<'_>> =
            self.parameters.iter().map(|text| Given::of("--param", text)).collect::<Result<_, _>>()?;
        all.extend(self.lr.iter().map(|text| Given { flag: "--lr", name: "lr".to_string(), text }));
        distinct(&all)?;
        Ok(all)
    }
}

/// The rule of `--rule` with its own hyper-parameters, those of `--param` and `--lr`, and the bound of `--clip`.
pub(crate) fn rule(text: &str, constants: &Constants) -> Result<Rule, Failure> {
    made(text, constants, constants.given()?)
}

/// The solvers by name.
pub(crate) const SOLVERS: [(&str, Method); 3] =
    [("bfgs", Method::Bfgs), ("lbfgs", Method::Lbfgs), ("newton", Method::Newton)];

/// The solver of this name, as the table spells it.
pub(crate) fn solver_by_name(name: &str) -> Option<(&'static str, Method)> {
    SOLVERS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// The solver that a text names.
fn solver(text: &str) -> Option<Method> {
    let name = text.split(':').next().unwrap_or_default().trim();
    solver_by_name(name).map(|(_, method)| method)
}

/// Rules and solvers that race: each of several `--rule`s, with a hyper-parameter of the flags if it has it.
pub(crate) fn race(texts: &[String], constants: &Constants) -> Result<Vec<(String, Method)>, Failure> {
    // A formula has an equals sign, and may have commas.
    let split = |text: &String| match text.contains('=') {
        true => vec![text.clone()],
        false => text.split(',').map(|name| name.trim().to_string()).collect(),
    };
    let texts: Vec<String> = texts.iter().flat_map(split).collect();
    if let (true, Some((flag, _))) =
        (texts.iter().all(|text| solver(text).is_some()), constants.flags().iter().find(|(_, given)| *given))
    {
        return Err(Failure::usage(format!(
            "{flag} is for a rule; a solver ({}) finds its own steps",
            texts.join(", ")
        )));
    }
    if let [text] = texts.as_slice() {
        return Ok(vec![(text.clone(), mover(text, constants, constants.given()?)?)]);
    }
    let given = constants.given()?;
    if let Some(Given { flag, name, .. }) = given.iter().find(|one| !texts.iter().any(|text| has(text, &one.name))) {
        return Err(Failure::usage(format!("{flag}: none of the rules has a hyper-parameter `{name}`")));
    }
    let mut all: Vec<(String, Method)> = Vec::new();
    for text in texts {
        if all.iter().any(|(known, _)| *known == text) {
            return Err(Failure::usage(format!("--rule: `{text}` is there twice; a race has each rule once")));
        }
        let own = given.iter().filter(|one| has(&text, &one.name)).cloned().collect();
        let mover = mover(&text, constants, own)?;
        all.push((text, mover));
    }
    Ok(all)
}

/// A solver or a rule.
fn mover(text: &str, constants: &Constants, flags: Vec<Given<'_>>) -> Result<Method, Failure> {
    match solver(text) {
        Some(_) if text.contains(':') => Err(Failure::usage(format!(
            "--rule: `{text}`: a solver finds its own steps and has no hyper-parameters; a rule such as gd:lr=0.1 has"
        ))),
        Some(solver) => Ok(solver),
        None if !text.contains('=') && rules::by_name(text.split(':').next().unwrap_or_default().trim()).is_none() => {
            Err(Failure::usage(format!(
                "--rule: `{text}` is neither a rule ({}), nor a solver ({}), nor a formula such as \"x = x - lr g\"",
                rules::names(),
                SOLVERS.map(|(name, _)| name).join(", ")
            )))
        }
        None => Ok(Method::Rule(Box::new(made(text, constants, flags)?))),
    }
}

/// Whether a rule has a hyper-parameter of this name, as far as its text tells.
fn has(text: &str, parameter: &str) -> bool {
    if solver(text).is_some() {
        return false;
    }
    let text = text.split(':').next().unwrap_or_default().trim();
    match rules::by_name(text) {
        Some(row) => row.defaults.iter().any(|(name, _)| *name == parameter),
        None => text.contains(parameter),
    }
}

/// The rule of a text with its own hyper-parameters and those of the flags that it does not have itself.
fn made(text: &str, constants: &Constants, flags: Vec<Given<'_>>) -> Result<Rule, Failure> {
    let (text, own) = text.split_once(':').map_or((text, None), |(text, own)| (text.trim(), Some(own)));
    let own = own.iter().flat_map(|own| own.split(':')).map(|one| Given::of("--rule", one));
    let mut given: Vec<Given<'_>> = own.collect::<Result<_, _>>()?;
    distinct(&given)?;
    given.extend(flags.into_iter().filter(|flag| !given.iter().any(|own| own.name == flag.name)).collect::<Vec<_>>());
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

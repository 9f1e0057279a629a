//! `gradfield rules`: the optimisers that `--rule` knows by name.

use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::descent::rules::{Row, TABLE};
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Text,
    Json,
    /// The page docs/rules.md
    Markdown,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.format {
        Language::Text => say(&TABLE.iter().map(text).collect::<String>()),
        Language::Json => say_json(&TABLE.iter().map(document).collect::<Vec<Value>>()),
        Language::Markdown => say(&page()),
    }
}

/// `lr=0.01 beta=0.9`.
fn defaults(row: &Row, between: &str) -> String {
    row.defaults.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<String>>().join(between)
}

fn text(row: &Row) -> String {
    format!("{:<11} {}\n{:<11} {}\n", row.name, row.formula, "", defaults(row, " "))
}

fn document(row: &Row) -> Value {
    let defaults: Map<String, Value> =
        row.defaults.iter().map(|(name, value)| ((*name).to_string(), json!(value))).collect();
    json!({"name": row.name, "formula": row.formula, "defaults": defaults, "source": row.source})
}

/// `docs/rules.md`.
fn page() -> String {
    let mut page = include_str!("rules.md").to_string();
    page += "\n| rule | formula | defaults | from |\n|---|---|---|---|\n";
    for row in TABLE {
        let formula = row.formula.replace("; ", ";` `");
        page += &format!("| `{}` | `{formula}` | {} | {} |\n", row.name, defaults(row, ", "), row.source);
    }
    page
}

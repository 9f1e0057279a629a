//! `gradfield grad`: the gradient as text, LaTeX or WGSL.

use super::{Failure, options::Function, say};
use clap::{Args, ValueEnum};
use gradfield::expr::{Outputs, Style};
use gradfield::field::output_names;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// The second derivatives as well
    #[arg(long)]
    hessian: bool,
    /// How to write it: formulas, LaTeX, or the shader that the GPU runs on a list of points
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Text,
    Latex,
    Wgsl,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let outputs = if arguments.hessian { expression.hessian()? } else { expression.gradient()? };
    if outputs.variables.is_empty() && !arguments.function.quiet {
        eprintln!("note: `{}` has no variables, so it has no gradient", expression.text());
    }
    say(&match arguments.format {
        Language::Text => text(&outputs),
        Language::Latex => latex(&outputs),
        Language::Wgsl => wgsl(&outputs)?,
    })
}

/// `df/dx = ...`, a line each; of a constant `f = ...`.
fn text(outputs: &Outputs) -> String {
    let printed = outputs.print(Style::Text);
    let names = output_names(&outputs.variables, printed.texts.len());
    let skipped = usize::from(!outputs.variables.is_empty());
    let lines = names.iter().zip(&printed.texts).skip(skipped);
    let definitions = printed.definitions.iter().map(|(name, text)| (name, text));
    equations(definitions.chain(lines))
}

/// As [`text`], to be set by LaTeX.
fn latex(outputs: &Outputs) -> String {
    let printed = outputs.print(Style::Latex);
    let variables = latex_names(outputs);
    let first = variables.iter().map(|v| format!("\\frac{{\\partial f}}{{\\partial {v}}}"));
    let second = variables.iter().flat_map(|u| {
        variables.iter().map(move |v| format!("\\frac{{\\partial^2 f}}{{\\partial {u} \\, \\partial {v}}}"))
    });
    let names: Vec<String> = std::iter::once("f".to_string()).chain(first).chain(second).collect();
    let skipped = usize::from(!variables.is_empty());
    let lines = names.iter().zip(&printed.texts).skip(skipped);
    let definitions = printed.definitions.iter().map(|(name, text)| (name, text));
    equations(definitions.chain(lines))
}

/// The variables as LaTeX sets them: each is printed as an output of its own.
fn latex_names(outputs: &Outputs) -> Vec<String> {
    let mut alone = outputs.clone();
    alone.outputs = (0..outputs.variables.len()).map(|k| alone.graph.variable(k as u32)).collect();
    alone.print(Style::Latex).texts
}

fn equations<'a>(lines: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    lines.fold(String::new(), |mut all, (name, text)| {
        let _ = writeln!(all, "{name} = {text}");
        all
    })
}

#[cfg(feature = "gpu")]
fn wgsl(outputs: &Outputs) -> Result<String, Failure> {
    use gradfield::backend::gpu::{Frame, Mathematics, shader_text};
    Ok(shader_text(
        &gradfield::field::tape_of(outputs),
        gradfield::Precision::F32,
        Frame::Columns { each: 1 },
        Mathematics::Own,
    ) + "\n")
}

#[cfg(not(feature = "gpu"))]
fn wgsl(_: &Outputs) -> Result<String, Failure> {
    Err(Failure::usage("--format wgsl: this gradfield was built without its feature `gpu`"))
}

//! `gradfield grad`: the gradient as text, LaTeX or WGSL.

use super::{Failure, options::Function};
use clap::{Args, ValueEnum};
use gradfield::expr::{Outputs, Style};
use gradfield::field::output_names;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    function: Function,
    /// The second derivatives as well
    #[arg(long)]
    hessian: bool,
    /// How to write it
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
    match arguments.format {
        Language::Text => print_text(&outputs),
        Language::Latex => print_latex(&outputs),
        Language::Wgsl => print_wgsl(&outputs)?,
    }
    Ok(())
}

fn print_text(outputs: &Outputs) {
    let printed = outputs.print(Style::Text);
    for (name, text) in &printed.definitions {
        println!("{name} = {text}");
    }
    if outputs.variables.is_empty() {
        println!("f = {} (no variables, so no gradient)", printed.texts[0]);
    }
    let names = output_names(&outputs.variables, printed.texts.len());
    for (name, text) in names.iter().zip(&printed.texts).skip(1) {
        println!("{name} = {text}");
    }
}

fn print_latex(outputs: &Outputs) {
    let printed = outputs.print(Style::Latex);
    let variable = |name: &str| name.replace('[', "_{").replace(']', "}");
    for (name, text) in &printed.definitions {
        println!("{name} = {text}");
    }
    let first = outputs.variables.iter().map(|v| format!("\\frac{{\\partial f}}{{\\partial {}}}", variable(v)));
    let second = outputs.variables.iter().flat_map(|u| {
        outputs
            .variables
            .iter()
            .map(move |v| format!("\\frac{{\\partial^2 f}}{{\\partial {} \\, \\partial {}}}", variable(u), variable(v)))
    });
    for (name, text) in first.chain(second).zip(&printed.texts[1..]) {
        println!("{name} = {text}");
    }
}

#[cfg(feature = "gpu")]
fn print_wgsl(outputs: &Outputs) -> Result<(), Failure> {
    println!(
        "{}",
        gradfield::backend::gpu::shader_text(
            &gradfield::field::tape_of(outputs),
            gradfield::Precision::F32,
            gradfield::backend::gpu::Frame::Columns
        )
    );
    Ok(())
}

#[cfg(not(feature = "gpu"))]
fn print_wgsl(_: &Outputs) -> Result<(), Failure> {
    Err(Failure::usage("--format wgsl: this gradfield was built without its feature `gpu`"))
}

//! `plot --from PICTURE`: the command line that a picture carries, run again.
//!
//! Flows in: the arguments, a PNG that `plot` wrote. Flows out: the arguments of the `plot` that they stand for, which are
//! then read as any others are. What a file says is data: its words are taken as arguments of `plot` and nothing else,
//! and those that name files to write are left out.

use super::record::{COMMAND, unquoted};
use super::{Cli, Failure};
use clap::{Arg, ArgMatches, Command, CommandFactory, parser::ValueSource, value_parser};
use gradfield::files::read_png_texts;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Arguments of `plot` that name what is written or read: the picture's own are not taken.
const NAMES: [&str; 4] = ["from", "output", "tiles", "samples"];
/// An argument that may be given again with another meaning of its own: the last one counts for what it names.
const ADDED: &str = "ranges";

/// The command line's grammar, where `plot --from PICTURE` stands in for a function.
pub(super) fn grammar() -> Command {
    Cli::command().mut_subcommand("plot", |plot| {
        let from =
            Arg::new("from").long("from").value_name("PICTURE").value_parser(value_parser!(PathBuf)).help(
                "Make this picture again, a PNG that plot wrote; flags given beside it take the place of its own",
            );
        plot.mut_arg("expression", |expression| expression.required(false).required_unless_present("from")).arg(from)
    })
}

/// The arguments with what `--from` stands for in its place; `given` itself where there is none.
pub(super) fn resolve(matches: &ArgMatches, given: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    match matches.subcommand() {
        Some(("plot", plot)) => match plot.get_one::<PathBuf>("from") {
            Some(picture) => merged(plot, &recorded(picture)?),
            None => Ok(given),
        },
        _ => Ok(given),
    }
}

/// What the command line in a picture says to `plot`.
fn recorded(picture: &Path) -> Result<ArgMatches, Failure> {
    let name = picture.display();
    let wrong = |why: String| Failure::usage(format!("--from {name}: {why}"));
    let texts = read_png_texts(picture)?;
    let command = texts.into_iter().find(|(key, _)| key == COMMAND).map(|(_, text)| text).ok_or_else(|| {
        wrong("this PNG carries no command; only pictures that gradfield wrote can be made again".to_owned())
    })?;
    let words = unquoted(&command).unwrap_or_default();
    let shown: String = command.chars().take(400).filter(|c| !c.is_control()).collect();
    match words.get(1).map(String::as_str) {
        Some("plot") if words[0] == "gradfield" => {}
        Some(_) if words[0] == "gradfield" => {
            return Err(wrong(format!("another command made this picture; run that: {shown}")));
        }
        _ => return Err(wrong(format!("its command is none of gradfield: {shown}"))),
    }
    let plot = grammar().try_get_matches_from(words).map_err(|error| {
        let text = error.to_string();
        let first: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        wrong(format!("this gradfield does not take its command, {shown}: {first}"))
    })?;
    let plot = plot.subcommand_matches("plot").cloned();
    plot.ok_or_else(|| wrong("its command is not `plot`".to_owned()))
}

/// A command line of `plot` with the arguments given and, where one was not given, the picture's.
fn merged(given: &ArgMatches, recorded: &ArgMatches) -> Result<Vec<OsString>, Failure> {
    let grammar = grammar();
    let plot = grammar.find_subcommand("plot").ok_or_else(|| Failure::usage("there is no command `plot`"))?;
    let mut words: Vec<OsString> = vec!["gradfield".into(), "plot".into()];
    let mut function = Vec::new();
    for argument in plot.get_arguments() {
        let id = argument.get_id().as_str();
        let said = |matches: &ArgMatches| -> Vec<OsString> {
            // clap knows no `help` and no `version` here.
            let there =
                matches.ids().any(|known| known == id) && matches.value_source(id) == Some(ValueSource::CommandLine);
            let values = matches.try_get_raw(id).ok().flatten().filter(|_| there);
            values.map(|values| values.map(OsString::from).collect()).unwrap_or_default()
        };
        let (now, before) = (said(given), if NAMES.contains(&id) { Vec::new() } else { said(recorded) });
        let values = match (id, now.is_empty()) {
            ("from", _) => continue,
            (ADDED, _) => before.into_iter().chain(now).collect(),
            ("sets", false) => unnamed(before, &now).into_iter().chain(now).collect(),
            (_, true) => before,
            (_, false) => now,
        };
        match argument.get_long() {
            None => function = values,
            Some(long) if !argument.get_action().takes_values() => {
                words.extend(values.first().map(|_| OsString::from(format!("--{long}"))));
            }
            Some(long) => words.extend(values.into_iter().map(|value| {
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                word
            })),
        }
    }
    // What begins with a minus sign could be taken for a flag.
    let minus = function.iter().any(|word| word.to_string_lossy().starts_with('-'));
    let place = if minus { words.len() } else { 2 };
    words.splice(place..place, minus.then(|| "--".into()).into_iter().chain(function));
    Ok(words)
}

/// The settings of names that `now` does not set.
fn unnamed(before: Vec<OsString>, now: &[OsString]) -> Vec<OsString> {
    let name = |set: &OsString| set.to_string_lossy().split('=').next().map(|name| name.trim().to_owned());
    before.into_iter().filter(|set| !now.iter().any(|other| name(other) == name(set))).collect()
}

//! The program: one file per command, the flags they share in `options.rs`, errors and exit codes here.
//!
//! Standard output carries only data; notes, progress and errors go to standard error.

mod bare;
mod bench;
mod colours;
mod critical;
mod density;
mod descend;
mod devices;
mod engine;
mod eval;
mod field;
mod fit;
mod from;
mod grad;
mod image;
mod language;
mod layers;
mod minimize;
mod movie;
mod options;
mod paths;
mod plot;
mod probe;
mod progress;
mod race;
mod record;
mod rule;
mod rules;
mod sampled;
mod stop;
mod sweep;
mod terrain;
mod tiles;
mod values;
mod verify;

use clap::{FromArgMatches, Parser, Subcommand, error::ErrorKind};
use gradfield::files::{FileError, Output};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Type a function, get its exact gradient over huge grids, run descents on it, and see the picture.
#[derive(Debug, Parser)]
#[command(name = "gradfield", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  gradfield grad \"3x^2 + 8xy - 3y^5\"
  gradfield eval \"x^2 + 5x + 6\" --at x=-2.5
  gradfield plot \"x^2 + y^2\" --range=-3:3 --layers arrows --arrows 20x20 -o quiver.png
  gradfield descend \"x^2 + 5x + 6\" --from -8 --lr 0.1 --steps 15 -o descent.png
  gradfield minimize \"(x^2 + y - 11)^2 + (x + y^2 - 7)^2\" --range=-6:6 --starts 100000
  gradfield critical \"x^3 - 3x + y^2\" --range=-2:2
  gradfield fit \"a*exp(-b*x) + c\" --data points.csv --response y
  gradfield verify \"sin(3x) exp(-y^2)\" --range=-3:3 --device gpu

Exit codes: 0 done; 1 the run failed; 2 the command line, the expression or the data is wrong;
3 `verify` found an error over its bound; 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// The gradient as text, LaTeX or WGSL
    Grad(grad::Arguments),
    /// Value and gradient at points
    Eval(eval::Arguments),
    /// Value and gradient over a grid, to a file
    Field(field::Arguments),
    /// A picture of the field
    Plot(plot::Arguments),
    /// The gradient of an image or array by a kernel: arrays, edges, pictures
    Image(image::Arguments),
    /// Slope, aspect, hillshade, relief and rivers of heights on a grid
    Terrain(terrain::Arguments),
    /// Particles that follow the gradient, and their paths
    Descend(descend::Arguments),
    /// Very many starts, and the table of the distinct minima in which they end
    Minimize(minimize::Arguments),
    /// A model's parameters, fitted to a table of measurements; or those of a list of residuals
    Fit(fit::Arguments),
    /// Where the gradient is zero: minima, maxima, saddles and the rest, found and classified
    Critical(critical::Arguments),
    /// Shares of one `minimize --shard`, joined to what one run gives
    Merge(minimize::MergeArguments),
    /// An engine against the f64 reference and its computed error bound
    Verify(verify::Arguments),
    /// CPU against GPU, timed; from which size a GPU pays
    Bench(bench::Arguments),
    /// What there is to run on
    Devices(devices::Arguments),
    /// The optimisers: formulas and defaults
    Rules(rules::Arguments),
}

/// An error with its exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, the expression or the data is wrong: 2.
    Usage(String),
    /// The run failed: 1.
    Run(String),
    /// `verify` found an error over its bound: 3. The report has been printed.
    Verify,
    /// Ctrl-C: 130.
    Interrupted,
    /// The reader of standard output went away, as `head` does: quiet, 0.
    Closed,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(text: impl Into<String>) -> Failure {
        Failure::Usage(text.into())
    }
}

/// Errors of the input are the user's (2), errors of the run the machine's (1).
macro_rules! failure {
    ($($error:ty => $variant:ident),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::$variant(error.to_string())
            }
        })+
    };
}

failure!(
    gradfield::expr::ParseError => Usage,
    gradfield::expr::DeriveError => Usage,
    gradfield::descent::RuleError => Usage,
    gradfield::descent::starts::StartsError => Usage
);

impl From<gradfield::samples::SampleError> for Failure {
    fn from(error: gradfield::samples::SampleError) -> Failure {
        match error {
            gradfield::samples::SampleError::Backend(error) => error.into(),
            error => Failure::Usage(error.to_string()),
        }
    }
}

impl From<gradfield::picture::PictureError> for Failure {
    fn from(error: gradfield::picture::PictureError) -> Failure {
        match error {
            gradfield::picture::PictureError::Memory { .. } => Failure::Run(error.to_string()),
            error => Failure::Usage(error.to_string()),
        }
    }
}

impl From<gradfield::backend::BackendError> for Failure {
    fn from(error: gradfield::backend::BackendError) -> Failure {
        match error {
            gradfield::backend::BackendError::Interrupted => Failure::Interrupted,
            other => Failure::Run(other.to_string()),
        }
    }
}

impl From<gradfield::field::FieldError> for Failure {
    fn from(error: gradfield::field::FieldError) -> Failure {
        match error {
            gradfield::field::FieldError::Backend(error) => error.into(),
            other => Failure::Run(other.to_string()),
        }
    }
}

impl From<gradfield::flow::FlowError> for Failure {
    fn from(error: gradfield::flow::FlowError) -> Failure {
        match error {
            gradfield::flow::FlowError::Field(error) => error.into(),
            other => Failure::Usage(other.to_string()),
        }
    }
}

impl From<gradfield::files::FileError> for Failure {
    fn from(error: gradfield::files::FileError) -> Failure {
        match error {
            error if error.is_broken_pipe() => Failure::Closed,
            FileError::Interrupted => Failure::Interrupted,
            error if error.is_data() => Failure::Usage(error.to_string()),
            error => Failure::Run(error.to_string()),
        }
    }
}

impl From<gradfield::descent::DescentError> for Failure {
    fn from(error: gradfield::descent::DescentError) -> Failure {
        use gradfield::descent::DescentError;
        use gradfield::field::FieldError;
        match error {
            DescentError::Backend(error) => error.into(),
            DescentError::Field(FieldError::Memory { need, have, .. }) => Failure::Run(format!(
                "the record takes {need}, more than the {have} of memory here; record fewer steps with --every, or take \
                 fewer particles"
            )),
            DescentError::Field(error) => error.into(),
            other => Failure::Usage(other.to_string()),
        }
    }
}

/// Runs the command line and says how the process ends.
pub(crate) fn main() -> ExitCode {
    hush_mesa();
    let parsed = match parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(&error),
    };
    stop::listen();
    let result = parsed.and_then(|cli| run(&cli.command));
    stop::claim();
    match result {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Run(text)) => complain(&text, 1),
        Err(Failure::Usage(text)) => complain(&text, 2),
        Err(Failure::Verify) => ExitCode::from(3),
        Err(Failure::Interrupted) => stop::interrupted(),
    }
}

/// The command line, read; what clap finds wrong comes first.
fn parse(given: Vec<OsString>) -> Result<Result<Cli, Failure>, clap::Error> {
    let matches = from::grammar().try_get_matches_from(&given)?;
    let arguments = match from::resolve(&matches, given) {
        Ok(arguments) => arguments,
        Err(failure) => return Ok(Err(failure)),
    };
    record::remember(&arguments);
    let matches = from::grammar().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches).map(Ok)
}

fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Grad(arguments) => grad::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Field(arguments) => field::run(arguments),
        Command::Plot(arguments) => plot::run(arguments),
        Command::Image(arguments) => image::run(arguments),
        Command::Terrain(arguments) => terrain::run(arguments),
        Command::Descend(arguments) => descend::run(arguments),
        Command::Minimize(arguments) => minimize::run(arguments),
        Command::Fit(arguments) => fit::run(arguments),
        Command::Critical(arguments) => critical::run(arguments),
        Command::Merge(arguments) => minimize::merge(arguments),
        Command::Verify(arguments) => verify::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Devices(arguments) => devices::run(arguments),
        Command::Rules(arguments) => rules::run(arguments),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    eprintln!("gradfield: {text}");
    ExitCode::from(code)
}

/// What clap found wrong, or help and version, which it treats alike. A flag that does not exist is taken for the
/// function (`-x^2` is one), and clap then stumbles over the real one: the flag is named instead.
fn refuse(error: &clap::Error) -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    match (error.kind(), unknown_flag(&arguments)) {
        (ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument, Some((command, flag))) => {
            complain(&format!("{command} has no flag `{flag}`; `gradfield {command} --help` lists its flags"), 2)
        }
        _ => {
            // Nowhere to print to is no reason to fail.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// The command and the first of the arguments that looks like one of its long flags and is none.
fn unknown_flag(arguments: &[String]) -> Option<(String, String)> {
    let cli = from::grammar();
    let command = cli.find_subcommand(arguments.first()?)?;
    let known = |flag: &str| flag == "help" || command.get_arguments().any(|known| known.get_long() == Some(flag));
    let mut flags = arguments[1..].iter().take_while(|text| *text != "--").filter_map(|text| {
        let name = text.strip_prefix("--")?.split('=').next()?;
        (name.len() > 1 && name.chars().all(|c| c.is_ascii_alphabetic() || c == '-')).then_some(name)
    });
    flags.find(|name| !known(name)).map(|name| (command.get_name().to_string(), format!("--{name}")))
}

/// Mesa's layer for choosing a device looks for a Wayland display and complains on standard error where there is
/// none. It is switched off there; it would choose nothing, as `--device` does the choosing.
fn hush_mesa() {
    let absent = |name: &str| std::env::var_os(name).is_none();
    if cfg!(unix) && absent("XDG_RUNTIME_DIR") && absent("NODEVICE_SELECT") {
        // SAFETY: the process has one thread yet, so that nobody reads the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// Writes a report to standard output as JSON.
pub(crate) fn say_json(report: &impl serde::Serialize) -> Result<(), Failure> {
    let mut out = Output::create(Path::new("-"))?;
    gradfield::files::write_json(&mut out, report)?;
    Ok(out.finish()?)
}

/// Writes data to standard output.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut out = Output::create(Path::new("-"))?;
    out.write_all(text.as_bytes()).map_err(FileError::from)?;
    Ok(out.finish()?)
}

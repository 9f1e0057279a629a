//! The command line: run, print the error, exit code.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}

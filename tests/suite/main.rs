//! The tests: one program, a file per topic.
//!
//! Each file gives its list of tests by `tests()`. A new test goes where its topic is; a new file is named after
//! what it tests and listed here. Cases are data under `tests/cases`. A test that needs a GPU is reported as ignored
//! where there is none, and fails there under `GRADFIELD_REQUIRE_GPU=1`.

mod files;
mod parse;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let tests = [parse::tests(), files::tests()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, tests).exit();
}

//! The tests: one program, a file per topic.
//!
//! Each file gives its list of tests by `tests()`. A new test goes where its topic is; a new file is named after
//! what it tests and listed here. Cases are data under `tests/cases`. A test that needs a GPU is reported as ignored
//! where there is none, and fails there under `GRADFIELD_REQUIRE_GPU=1`.

mod agree;
mod arrival;
mod basins;
mod benches;
mod bound;
mod cli;
mod critical;
mod derived;
mod direction;
mod divider;
mod engines;
mod files;
mod fit;
mod flow;
mod gallery;
#[cfg(feature = "gpu")]
mod gpu;
mod gradients;
mod hops;
mod identities;
mod lic;
mod minima;
mod native;
mod noise;
mod ops;
mod optimisers;
mod parse;
mod probe;
mod readme;
mod rules;
mod samples;
mod solvers;
mod starts;
mod tables;
mod terrain;
mod training;
mod verify;
mod walk;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let mut tests = Vec::new();
    tests.extend(agree::tests());
    tests.extend(arrival::tests());
    tests.extend(basins::tests());
    tests.extend(benches::tests());
    tests.extend(bound::tests());
    tests.extend(cli::tests());
    tests.extend(critical::tests());
    tests.extend(derived::tests());
    tests.extend(direction::tests());
    tests.extend(files::tests());
    tests.extend(fit::tests());
    tests.extend(flow::tests());
    #[cfg(feature = "gpu")]
    tests.extend(gpu::tests());
    tests.extend(gradients::tests());
    tests.extend(hops::tests());
    tests.extend(identities::tests());
    tests.extend(lic::tests());
    tests.extend(minima::tests());
    tests.extend(native::tests());
    tests.extend(divider::tests());
    tests.extend(noise::tests());
    tests.extend(ops::tests());
    tests.extend(optimisers::tests());
    tests.extend(parse::tests());
    tests.extend(probe::tests());
    tests.extend(readme::tests());
    tests.extend(gallery::tests());
    tests.extend(rules::tests());
    tests.extend(samples::tests());
    tests.extend(solvers::tests());
    tests.extend(starts::tests());
    tests.extend(terrain::tests());
    tests.extend(training::tests());
    tests.extend(verify::tests());
    tests.extend(walk::tests());
    libtest_mimic::run(&arguments, tests).exit();
}

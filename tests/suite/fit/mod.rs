//! Fits: NIST's certified sets, SciPy's answers, what must not change a bit, and data that determine nothing.

mod lines;
mod mgh;
mod nist;
mod peers;
mod runs;

use libtest_mimic::{Failed, Trial};

type Check = Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = nist::tests();
    tests.extend(mgh::tests());
    tests.extend(peers::tests());
    tests.extend(runs::tests());
    tests.extend(lines::tests());
    tests
}

/// How many digits two numbers have in common, up to the 11 that NIST prints.
fn digits(got: f64, right: f64) -> f64 {
    let error = (got - right).abs() / right.abs();
    if error.is_nan() { 0.0 } else { -error.max(1e-11).log10() }
}

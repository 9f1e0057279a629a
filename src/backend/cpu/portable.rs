//! Where no machine code is made at run time: the same names as `native`, and never any code.
//!
//! Flows in: a plan. Flows out: nothing; the interpreter does the work. Who should not use it: anyone but `cpu`.

use super::plan::Plan;
use super::{Columns, Lane};
use crate::kernel::{Block, Level};

/// No machine code: there is none of these.
pub(super) enum Native<T> {
    #[expect(dead_code, reason = "uninhabited; it only carries the format")]
    Never(std::convert::Infallible, std::marker::PhantomData<T>),
}

impl<T: Lane> Native<T> {
    pub(super) fn new(_: &Plan, _: Level) -> Option<Native<T>> {
        None
    }

    pub(super) fn group(&self) -> usize {
        match *self {
            Native::Never(never, _) => match never {},
        }
    }

    pub(super) fn scratch(&self) {}

    pub(super) fn run(&self, (): &mut (), _: &[Block<T>], _: usize, _: &Columns<T>, _: (usize, usize)) {}
}

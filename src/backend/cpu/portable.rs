//! Where no machine code is made at run time: the same names as `native`, and never any code.
//!
//! Flows in: a plan. Flows out: nothing; the interpreter does the work. Who should not use it: anyone but `cpu`.

use super::plan::Plan;
use super::{Columns, Lane};
use crate::kernel::{Block, Level};
use std::convert::Infallible;
use std::marker::PhantomData;

/// No memory is needed.
pub(super) struct Lines<T>(PhantomData<fn(T)>);
/// Nor for rows.
pub(super) struct Scratch<T>(PhantomData<fn(T)>);

/// No machine code: there is none of these.
pub(super) struct NativeSteps<T>(Infallible, PhantomData<fn(T)>);

impl<T: Lane> NativeSteps<T> {
    pub(super) fn new(_: &Plan, _: Level) -> Option<NativeSteps<T>> {
        None
    }

    pub(super) fn group(&self) -> usize {
        match self.0 {}
    }

    pub(super) fn scratch(&self) -> Lines<T> {
        match self.0 {}
    }

    pub(super) fn state<'s>(&self, _: &'s mut Lines<T>) -> &'s mut [T] {
        match self.0 {}
    }

    pub(super) fn advance(&self, _: &mut Lines<T>, _: &[Block<T>], _: usize) {
        match self.0 {}
    }

    pub(super) fn load(&self, _: &mut Lines<T>, _: &Columns<T>, _: usize, _: usize) {
        match self.0 {}
    }

    pub(super) fn store(&self, _: &mut Lines<T>, _: usize, _: &Columns<T>, _: (usize, usize)) {
        match self.0 {}
    }
}

/// A part of a sheet.
#[expect(dead_code, reason = "what would read it is never made")]
pub(super) struct Area {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) pitch: usize,
}

/// No machine code: there is none of these.
pub(super) struct NativeRows<T>(Infallible, PhantomData<fn(T)>);

impl<T: Lane> NativeRows<T> {
    pub(super) fn new(_: &Plan, _: Level) -> Option<NativeRows<T>> {
        None
    }

    pub(super) fn lanes(&self) -> usize {
        match self.0 {}
    }

    pub(super) fn scratch(&self) -> Scratch<T> {
        match self.0 {}
    }

    /// # Safety
    /// It cannot be called.
    pub(super) unsafe fn run(
        &self,
        _: &mut Scratch<T>,
        _: &[Block<T>],
        _: Area,
        _: &[*const T],
        _: Vec<*mut T>,
        _: bool,
    ) {
        match self.0 {}
    }
}

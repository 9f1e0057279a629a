//! Runs a tape on the device.
//!
//! Flows in: a tape, then points or the state of particles. Flows out: columns of numbers. Work is cut to the limits
//! by `plan.rs`; every piece is contiguous in the result. While one piece is computed, the one before comes home.

use super::buffer::{Buffers, Place, Transfer, bytes, unpack};
use super::pace::Pace;
use super::plan::{self, Job, WORKGROUP};
use super::watch::Kind;
use super::{Frame, Gpu, cost};
use crate::backend::{BackendError, Program, Steps, check_interrupt};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::Tape;
use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A tape on a GPU.
pub(super) struct GpuProgram<'g> {
    gpu: &'g Gpu,
    tape: Tape,
    precision: Precision,
    varying: usize,
    /// Points of an invocation.
    each: u32,
    pipelines: HashMap<Frame, wgpu::ComputePipeline>,
    buffers: Buffers<'g>,
    pace: Pace,
}

/// Columns being filled, and the piece that is on its way to them.
struct Stream<'a, 'g> {
    columns: &'a mut [Values],
    flight: Option<Flight<'g>>,
    /// When the device was seen to be done with the piece before; none if it was done before anyone looked.
    free: Option<Instant>,
}

struct Flight<'g> {
    transfer: Transfer<'g>,
    /// Where it belongs in the columns.
    at: Range<usize>,
    /// Bytes from one column to the next.
    section: usize,
    /// When the points that it brings were given to the device, until that was learnt from; none for particles.
    started: Option<Instant>,
}

impl<'g> GpuProgram<'g> {
    pub(super) fn new(gpu: &'g Gpu, tape: &Tape, precision: Precision) -> Result<GpuProgram<'g>, BackendError> {
        let name = gpu.adapter.title();
        if precision == Precision::F64 && !gpu.adapter.f64 {
            return Err(BackendError::Unsupported(format!(
                "{name} has no double precision in shaders (SHADER_F64, SHADER_INT64); use --device cpu, or --precision f32."
            )));
        }
        let (length, limit) = (tape.code.len(), gpu.limits.instructions);
        if length > limit {
            return Err(BackendError::Unsupported(format!(
                "the expression has {length} instructions with its derivatives, and a shader may have {limit}; \
                 use --device cpu."
            )));
        }
        let varying = tape.inputs.iter().filter(|input| !input.uniform).count();
        let columns = varying.max(tape.outputs.len()).max(tape.inputs.len() - varying);
        if gpu.limits.capacity(columns, precision.bytes(), u64::MAX) == 0 {
            return Err(BackendError::Unsupported(format!(
                "one point has {columns} numbers of {} bytes, and a buffer of {name} holds {} bytes; use --device cpu.",
                precision.bytes(),
                gpu.limits.binding
            )));
        }
        let cost = cost::of(tape, precision);
        // Where not even a workgroup of points fits, columns may begin anywhere.
        let narrow = gpu.limits.capacity(columns, precision.bytes(), gpu.limits.chunk) < WORKGROUP as usize;
        let each = if narrow { 1 } else { plan::points_each(cost, precision) };
        let (buffers, pace) = (Buffers::new(gpu), Pace::new(cost, precision));
        Ok(GpuProgram { gpu, tape: tape.clone(), precision, varying, each, pipelines: HashMap::new(), buffers, pace })
    }

    /// The compiled frame, which is cheap to clone.
    fn pipeline(&mut self, frame: Frame) -> Result<wgpu::ComputePipeline, BackendError> {
        if let Some(pipeline) = self.pipelines.get(&frame) {
            return Ok(pipeline.clone());
        }
        let start = Instant::now();
        let text = self.gpu.text(&self.tape, self.precision, frame);
        let pipeline = match self.gpu.compiled(&text) {
            Some(pipeline) => pipeline,
            None => {
                let pipeline = self.gpu.compile(&text)?;
                // Some drivers compile at the first dispatch only: this one has no points, and its time teaches nothing.
                let job = Job { axes: vec![[0; 3]; self.varying], ..Job::default() };
                let submission = self.buffers.run(&pipeline, &job, None)?;
                self.gpu.wait(submission)?;
                self.gpu.keep(text, &pipeline);
                pipeline
            }
        };
        self.gpu.watch.compiled(start.elapsed());
        self.pipelines.insert(frame, pipeline.clone());
        Ok(pipeline)
    }

    /// Room for numbers at a place, and the numbers.
    fn send(&mut self, place: Place, numbers: &[f64]) -> Result<(), BackendError> {
        let values = Values::from_f64(self.precision, numbers);
        self.buffers.reserve(place, (values.len() * self.precision.bytes()) as u64)?;
        self.buffers.write(place, 0, bytes(&values, 0..values.len()))
    }

    /// Numbers between columns: whole workgroups where there is room, so that each column begins a line of memory.
    fn section(count: usize, capacity: usize) -> usize {
        count.next_multiple_of(WORKGROUP as usize).min(capacity).max(count)
    }

    /// A job of `count` points.
    fn points(&self, count: usize, capacity: usize) -> Job {
        Job { each: self.each, ..Job::of(count, capacity) }
    }

    fn grid(&mut self, axes: &[Vec<f64>], stream: &mut Stream<'_, 'g>) -> Result<(), BackendError> {
        let pipeline = self.pipeline(Frame::Grid { each: self.each })?;
        let limits = self.gpu.limits;
        let capacity = limits.capacity(self.tape.outputs.len(), self.precision.bytes(), limits.chunk);
        let order = Points::array_order(axes.len());
        let whole: Vec<Range<usize>> = order.iter().map(|variable| 0..axes[*variable].len()).collect();
        let budget = usize::try_from(limits.binding).unwrap_or(usize::MAX) / self.precision.bytes();
        let mut done = 0;
        for part in plan::boxes(&whole, budget) {
            let lengths: Vec<usize> = part.iter().map(Range::len).collect();
            let pieces = order.iter().zip(&part).map(|(variable, range)| &axes[*variable][range.clone()]);
            self.send(Place::Points, &pieces.collect::<Vec<_>>().concat())?;
            let (total, mut from) = (lengths.iter().product(), 0);
            while from < total {
                let count = self.pace.points(capacity.min(total - from));
                let job = Job { axes: axes_of(&order, &lengths, from), ..self.points(count, capacity) };
                self.chunk(&pipeline, job, done + from, stream)?;
                from += count;
            }
            done += total;
        }
        Ok(())
    }

    fn list(&mut self, count: usize, columns: &[Values], stream: &mut Stream<'_, 'g>) -> Result<(), BackendError> {
        let pipeline = self.pipeline(Frame::Columns { each: self.each })?;
        let (limits, size) = (self.gpu.limits, self.precision.bytes());
        let capacity = limits.capacity(self.tape.outputs.len().max(columns.len()), size, limits.chunk);
        let mut from = 0;
        while from < count {
            let job = self.points(self.pace.points(capacity.min(count - from)), capacity);
            let (range, section) = (from..from + job.count, job.section * size);
            self.buffers.reserve(Place::Points, (section * columns.len()) as u64)?;
            for (k, column) in columns.iter().enumerate() {
                let values = column.part(self.precision, range.clone());
                self.buffers.write(Place::Points, (k * section) as u64, bytes(&values, 0..values.len()))?;
            }
            self.chunk(&pipeline, job, from, stream)?;
            from = range.end;
        }
        Ok(())
    }

    /// Starts a piece whose results belong at `from`, then lets the one before land.
    fn chunk(
        &mut self,
        pipeline: &wgpu::ComputePipeline,
        job: Job,
        from: usize,
        stream: &mut Stream<'_, 'g>,
    ) -> Result<(), BackendError> {
        check_interrupt()?;
        let section = job.section * self.precision.bytes();
        let (started, all) = (Instant::now(), (section * stream.columns.len()) as u64);
        self.buffers.reserve(Place::Results, all)?;
        self.buffers.run(pipeline, &job, Some(Kind::Points))?;
        let transfer = self.buffers.fetch(all)?;
        let mut flight = Flight { transfer, at: from..from + job.count, section, started: Some(started) };
        if self.pace.is_guess() {
            // The next piece is cut by what this one took.
            self.learn(&mut flight, stream)?;
        }
        self.follow(flight, stream)
    }

    /// Lets the piece before land while the device computes this one.
    fn follow(&mut self, flight: Flight<'g>, stream: &mut Stream<'_, 'g>) -> Result<(), BackendError> {
        match stream.flight.replace(flight) {
            Some(before) => self.land(before, stream),
            None => Ok(()),
        }
    }

    fn land(&mut self, mut flight: Flight<'g>, stream: &mut Stream<'_, 'g>) -> Result<(), BackendError> {
        self.learn(&mut flight, stream)?;
        let Flight { transfer, at, section, .. } = flight;
        self.buffers.receive(transfer, |bytes| unpack(bytes, section, stream.columns, &at))
    }

    /// Waits for a piece, and learns how long the device took for it. It began when it was given to the device, or when
    /// that was done with the piece before, if that moment is known: where the host came late to see it, the time
    /// since the piece was given is still a bound.
    fn learn(&mut self, flight: &mut Flight<'g>, stream: &mut Stream<'_, 'g>) -> Result<(), BackendError> {
        let asked = Instant::now();
        let waited = self.buffers.settle(&mut flight.transfer)?;
        let now = Instant::now();
        let Some(started) = flight.started.take() else {
            self.gpu.watch.came_home(now - asked);
            return Ok(());
        };
        self.took(Kind::Points, flight.at.len(), 1, now - stream.free.map_or(started, |free| free.max(started)));
        stream.free = waited.then_some(now);
        Ok(())
    }

    fn took(&mut self, kind: Kind, points: usize, steps: u64, time: Duration) {
        self.gpu.watch.took(kind, time);
        self.pace.took(points, steps, time);
        self.gpu.counter.dispatched(time);
    }

    /// Takes a group of particles, whose state is in the results, `steps` ahead.
    fn advance(&mut self, frame: Frame, group: Job, steps: &Steps) -> Result<(), BackendError> {
        let pipeline = self.pipeline(frame)?;
        // What came before is not to be counted into the first dispatch's time.
        self.buffers.drain()?;
        let mut done = 0;
        while done < steps.count {
            let ahead = self.pace.steps(group.count, (steps.count - done).min(1 << 30));
            let mut first = 0;
            while first < group.count {
                check_interrupt()?;
                let count = self.pace.particles(group.count - first, ahead);
                let job = Job { count, first, steps: ahead as u32, step: (steps.first + done) as u32, ..group.clone() };
                let started = Instant::now();
                let submission = self.buffers.run(&pipeline, &job, Some(Kind::Particles))?;
                self.gpu.wait(submission)?;
                self.took(Kind::Particles, count, ahead, started.elapsed());
                first += count;
            }
            done += ahead;
        }
        Ok(())
    }
}

impl Job {
    /// A job of `count` points or particles.
    fn of(count: usize, capacity: usize) -> Job {
        Job { count, section: GpuProgram::section(count, capacity), ..Job::default() }
    }
}

/// By variable: the place of point `from`, the length, and where the coordinates begin.
fn axes_of(order: &[usize], lengths: &[usize], from: usize) -> Vec<[usize; 3]> {
    let mut axes = vec![[0; 3]; order.len()];
    let mut base = 0;
    for ((variable, length), start) in order.iter().zip(lengths).zip(plan::place(lengths, from)) {
        axes[*variable] = [start, *length, base];
        base += length;
    }
    axes
}

impl<'g> Program for GpuProgram<'g> {
    fn evaluate(&mut self, points: &Points, uniforms: &[f64], out: &mut [Values]) -> Result<(), BackendError> {
        assert_eq!(points.dimension(), self.varying, "one coordinate per varying input");
        assert_eq!(uniforms.len(), self.tape.inputs.len() - self.varying, "one number per uniform input");
        assert_eq!(out.len(), self.tape.outputs.len(), "one column per output");
        assert!(out.iter().all(|column| column.precision() == self.precision && column.len() == points.len()));
        if points.is_empty() || out.is_empty() {
            return Ok(());
        }
        self.send(Place::Params, uniforms)?;
        let mut stream = Stream { columns: out, flight: None, free: None };
        match points {
            Points::Grid(axes) => self.grid(axes, &mut stream)?,
            Points::Columns { count, columns } => self.list(*count, columns, &mut stream)?,
        }
        stream.flight.take().map_or(Ok(()), |last| self.land(last, &mut stream))
    }

    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError> {
        assert_eq!(state.len(), self.varying, "one column per varying input");
        assert_eq!(self.tape.outputs.len(), self.varying, "a state in, a state out");
        assert_eq!(steps.uniforms.len(), self.tape.inputs.len() - self.varying, "one number per uniform input");
        let particles = state.first().map_or(0, Values::len);
        assert!(state.iter().all(|column| column.precision() == self.precision && column.len() == particles));
        if steps.clock.is_some() && steps.first.saturating_add(steps.count) > u64::from(u32::MAX) {
            return Err(BackendError::Unsupported(format!(
                "the step {} is beyond what a GPU counts to ({}); use --device cpu.",
                steps.first.saturating_add(steps.count),
                u32::MAX
            )));
        }
        self.send(Place::Params, &steps.uniforms)?;
        let (limits, size) = (self.gpu.limits, self.precision.bytes());
        let capacity = limits.capacity(self.varying, size, limits.state);
        let mut stream = Stream { columns: state, flight: None, free: None };
        let mut from = 0;
        while from < particles && steps.count > 0 {
            let group = Job::of(capacity.min(particles - from), capacity);
            let (range, section) = (from..from + group.count, group.section * size);
            self.buffers.reserve(Place::Results, (section * self.varying) as u64)?;
            for (k, column) in stream.columns.iter().enumerate() {
                self.buffers.write(Place::Results, (k * section) as u64, bytes(column, range.clone()))?;
            }
            self.advance(Frame::Iterate { clock: steps.clock }, group, steps)?;
            let transfer = self.buffers.fetch((section * self.varying) as u64)?;
            self.follow(Flight { transfer, at: range.clone(), section, started: None }, &mut stream)?;
            from = range.end;
        }
        stream.flight.take().map_or(Ok(()), |last| self.land(last, &mut stream))
    }
}

//! How much work a dispatch gets, so that it takes tens of milliseconds: pure arithmetic, no device in sight.
//!
//! Flows in: what a point costs (`cost.rs`), measured times. Flows out: points, or particles and steps, for the next
//! dispatch. Windows resets a device after 2 s, and Ctrl-C is heard between two dispatches; no dispatch should take
//! 100 ms.
//!
//! A device takes `overhead + steps * max(latency, count * throughput)`: with more points a step takes at most so many
//! times longer, with fewer it may take just as long (a thread computes its steps one after the other, and a half
//! empty device is no faster). So each measurement is a bound for every other number of points, and the lowest bound
//! counts. What is unknown before the first measurement is taken for a slow device.

use super::plan::WORKGROUP;
use crate::real::Precision;
use std::time::Duration;

/// How long a dispatch should take, in seconds: long against the 0.1 ms that it and its waiting cost, and short enough that
/// a device which others use as well stays below 100 ms.
const TARGET: f64 = 0.020;

/// Additions a second that the first dispatch counts on. The slowest devices with a Vulkan driver do 5 G/s, so that
/// it may cost sixteen times the estimate and still end within 100 ms; a fast device has its full share after a few
/// dispatches.
const FIRST_RATE: f64 = 1e9;

/// A device may do one addition in f64 in the time of 32, even of 64 in f32.
const DOUBLE: f64 = 32.0;

/// How many times larger than all before it a dispatch may be: of much more work a measurement says little.
const GROWTH: f64 = 16.0;

/// Steps that a dispatch takes at least, if that many are wanted and one workgroup can take them in time: reading and
/// writing a state costs as much as some steps, so a slow device gets fewer particles at a time, not fewer steps.
const STEPS: u64 = 32;

/// Learns from the dispatches of one program what the next may hold.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Seconds for one point and step, estimated.
    guess: f64,
    /// By the number's binary digits: a number of points, and the seconds that one step of them took.
    seen: [Option<(f64, f64)>; 33],
    /// The most points times steps so far.
    most: f64,
}

impl Pace {
    /// `cost` is what a point and step takes, in additions.
    pub(super) fn new(cost: f64, precision: Precision) -> Pace {
        let slow = if precision == Precision::F64 { DOUBLE } else { 1.0 };
        let guess = cost.max(1.0) * slow / FIRST_RATE;
        Pace { guess, seen: [None; 33], most: TARGET / guess / GROWTH }
    }

    /// Whether nothing was measured yet.
    pub(super) fn is_guess(&self) -> bool {
        self.seen.iter().all(Option::is_none)
    }

    /// Points for the next dispatch, `count` at most.
    pub(super) fn points(&self, count: usize) -> usize {
        self.particles(count, 1)
    }

    /// Particles for the next dispatch of so many steps, `count` at most: whole workgroups, one at least.
    pub(super) fn particles(&self, count: usize, steps: u64) -> usize {
        let group = WORKGROUP as usize;
        let fits = |particles: usize| {
            let steps = steps as f64;
            steps * self.step(particles) <= TARGET && steps * particles as f64 <= GROWTH * self.most
        };
        if count <= group || fits(count) {
            return count;
        }
        // The number of workgroups lies between these.
        let (mut low, mut high) = (1, count.div_ceil(group));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle * group) { low = middle } else { high = middle }
        }
        low * group
    }

    /// Steps for the next dispatches, `wanted` at most, of so many particles at once, or of some after the others. The
    /// first step is taken alone: a step is what a wrong estimate costs, not [`STEPS`] of every particle.
    pub(super) fn steps(&self, particles: usize, wanted: u64) -> u64 {
        if self.is_guess() {
            return 1;
        }
        let fit = |particles: usize| {
            let steps = (TARGET / self.step(particles)).min(GROWTH * self.most / particles as f64);
            (steps as u64).clamp(1, wanted.max(1))
        };
        let all = fit(particles);
        if all >= STEPS { all } else { fit(particles.min(WORKGROUP as usize)).min(STEPS) }
    }

    /// The seconds that a step of so many points takes, at most.
    fn step(&self, points: usize) -> f64 {
        let points = points as f64;
        let bounds = self.seen.iter().flatten().map(|(count, step)| step * (points / count).max(1.0));
        let bound = bounds.fold(f64::INFINITY, f64::min);
        if bound.is_finite() { bound } else { self.guess * points.max(f64::from(WORKGROUP)) }
    }

    /// Learns that a dispatch took so long.
    pub(super) fn took(&mut self, points: usize, steps: u64, time: Duration) {
        // No clock tells less.
        let step = time.as_secs_f64().max(1e-6) / steps.max(1) as f64;
        let count = points.max(1) as f64;
        // Where the device has become slower, what it once did with more or fewer points holds no longer.
        for (other, known) in self.seen.iter_mut().flatten() {
            *known = known.max(step * (*other / count).min(1.0));
        }
        self.seen[(points.max(1).ilog2() as usize).min(32)] = Some((count, step));
        self.most = self.most.max(count * steps.max(1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device: seconds of a dispatch, of a step however few points it has, of a point and step; and how many times
    /// dearer points are beyond a million, where a cache ends.
    #[derive(Debug, Clone, Copy)]
    struct Device(f64, f64, f64, f64);

    impl Device {
        fn takes(&self, points: usize, steps: u64) -> f64 {
            let Device(overhead, latency, point, spilled) = *self;
            let dear = if points > 1_000_000 { spilled } else { 1.0 };
            overhead + steps as f64 * latency.max(points as f64 * point * dear)
        }

        /// The times of the dispatches that a list takes, each sized before the one ahead of it is measured, but
        /// the second.
        fn list(&self, pace: &mut Pace, count: usize, capacity: usize) -> Vec<f64> {
            let (mut times, mut rest, mut flight) = (Vec::new(), count, None);
            while rest > 0 {
                let points = pace.points(capacity.min(rest));
                let time = self.takes(points, 1);
                if pace.is_guess() {
                    pace.took(points, 1, Duration::from_secs_f64(time));
                } else if let Some((points, time)) = flight.replace((points, time)) {
                    pace.took(points, 1, Duration::from_secs_f64(time));
                }
                times.push(time);
                rest -= points;
            }
            times
        }

        /// The times of the dispatches that a descent takes.
        fn descent(&self, pace: &mut Pace, particles: usize, steps: u64) -> Vec<f64> {
            let (mut times, mut done) = (Vec::new(), 0);
            while done < steps {
                let (ahead, mut first) = (pace.steps(particles, steps - done), 0);
                while first < particles {
                    let count = pace.particles(particles - first, ahead);
                    let time = self.takes(count, ahead);
                    pace.took(count, ahead, Duration::from_secs_f64(time));
                    times.push(time);
                    first += count;
                }
                done += ahead;
            }
            times
        }
    }

    /// Devices from 10 TFLOP/s to 5 GFLOP/s with tapes from an addition to two thousand gammas, the estimates right
    /// and wrong: what a point costs as estimated, in which format, and the device for that tape.
    fn devices() -> Vec<(f64, Precision, Device, String)> {
        let mut all = Vec::new();
        for precision in [Precision::F32, Precision::F64] {
            for (rate, latency, slow) in
                [(1e13, 3e-9, 2.0), (1e12, 5e-9, 64.0), (1e11, 10e-9, 32.0), (5e9, 10e-9, 32.0)]
            {
                for cost in [20.0, 1000.0, 400_000.0] {
                    for wrong in [0.01, 1.0, 3.0] {
                        for spilled in [1.0, 3.0] {
                            let slow: f64 = if precision == Precision::F64 { slow } else { 1.0 };
                            let real = cost * wrong * slow;
                            let device = Device(1e-4, real * latency / slow.sqrt(), real / rate, spilled);
                            let name = format!("{rate:e}/s, cost {cost} x {wrong}, x {spilled}, {}", precision.name());
                            all.push((cost, precision, device, name));
                        }
                    }
                }
            }
        }
        all
    }

    /// All below 100 ms, but where a single workgroup takes longer.
    fn short(times: &[f64], device: Device, name: &str) {
        let limit = device.takes(64, 1).max(0.1);
        let worst = times.iter().copied().fold(0.0, f64::max);
        assert!(worst <= limit, "{name}: {worst} s, dispatch {:?}", times.iter().position(|time| *time == worst));
    }

    #[test]
    fn lists_are_cut_into_short_dispatches() {
        for (cost, precision, device, name) in devices() {
            let mut pace = Pace::new(cost, precision);
            let total = ((2.0 / device.2) as usize).clamp(1, 1 << 31);
            let times = device.list(&mut pace, total, 1 << 24);
            short(&times, device, &name);
            // Again, with what was learnt, after a short list as well.
            short(&device.list(&mut pace, 100, 1 << 24), device, &name);
            let again = device.list(&mut pace, total, 1 << 24);
            short(&again, device, &name);
            let full = device.takes(1 << 24, 1).min(TARGET / 4.0);
            let middle = again[again.len() / 2];
            assert!(again.len() < 8 || middle > full * 0.9, "{name}: {middle} s of {full}, {} dispatches", again.len());
        }
    }

    #[test]
    fn descents_are_cut_into_short_dispatches() {
        for (cost, precision, device, name) in devices() {
            let mut pace = Pace::new(cost, precision);
            // Many, then few: a half empty device takes as long for a step as a full one, or nearly.
            for particles in [1_000_000, 1, 64, 10_000, 1_000_000, 77] {
                let step = device.takes(particles, 1) - device.0;
                let steps = ((1.0 / step) as u64).clamp(3, 1_000_000_000);
                let times = device.descent(&mut pace, particles, steps);
                short(&times, device, &format!("{particles} particles, {name}"));
            }
        }
    }

    #[test]
    fn an_estimate_a_hundred_times_too_low_costs_one_dispatch() {
        for (cost, precision, Device(overhead, latency, point, spilled), name) in devices() {
            let device = Device(overhead, 100.0 * latency, 100.0 * point, spilled);
            let total = ((2.0 / device.2) as usize).clamp(1000, 1 << 31);
            let times = device.list(&mut Pace::new(cost, precision), total, 1 << 24);
            short(&times[1..], device, &name);
            let times = device.descent(&mut Pace::new(cost, precision), 10_000, 100);
            short(&times[1..], device, &name);
        }
    }

    #[test]
    fn a_device_that_slows_down_is_noticed() {
        let mut pace = Pace::new(20.0, Precision::F32);
        let fast = Device(1e-4, 1e-8, 1e-9, 1.0);
        fast.list(&mut pace, 1 << 30, 1 << 30);
        fast.list(&mut pace, 1 << 16, 1 << 30);
        let slow = Device(1e-4, 1e-7, 1e-8, 1.0);
        let times = slow.list(&mut pace, 1 << 30, 1 << 30);
        // Two are on their way before the first is measured.
        assert!(times[3..].iter().all(|time| *time < 1.3 * TARGET), "{:?}", &times[..9]);
        let times = fast.list(&mut pace, 1 << 31, 1 << 31);
        assert!(times[times.len() - 2] > 0.7 * TARGET, "{times:?}");
    }
}

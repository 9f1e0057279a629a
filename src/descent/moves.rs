//! Moves from good points to points that may be better: what hops are made of.
//!
//! Flows in: members with their f, the box, numbers drawn by key. Flows out: trials in the box. Coordinates of good points
//! are crossed, which finds the minimum where they act apart; differences between members are steps of the landscape's own
//! scale (Storn and Price, Differential evolution, 1997); steps with heavy tails look near a member at all scales.
//!
//! Who should not use it: who has no members yet; starts are spread by [`starts`](super::starts).

use crate::random::uniform;

/// Steps near a member are as small as this share of the box.
const FINEST: f64 = -12.0;

/// A point and its f, with the sign of what is minimised.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) x: Vec<f64>,
    pub(super) f: f64,
}

/// Numbers drawn one after another for one item.
pub(super) struct Draw {
    seed: u64,
    item: u64,
    part: u64,
}

impl Draw {
    pub(super) fn new(seed: u64, item: u64) -> Draw {
        // Keys of their own: those of starts are (seed, particle, coordinate).
        Draw { seed: seed ^ 0x686f_7073_2121_6861, item, part: 0 }
    }

    /// In [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        self.part += 1;
        uniform(self.seed, self.item, self.part)
    }

    /// Below `count`, which is not 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count - 1)
    }

    /// Between the ends.
    pub(super) fn within(&mut self, (lo, hi): (f64, f64)) -> f64 {
        (lo + (hi - lo) * self.unit()).clamp(lo, hi)
    }

    /// Without a mean: mostly about 1, at times far more.
    fn cauchy(&mut self) -> f64 {
        (std::f64::consts::PI * (self.unit() - 0.5)).tan()
    }
}

/// Members and where they live.
pub(super) struct Ground<'a> {
    pub(super) members: &'a [Member],
    /// The number of the best one.
    pub(super) best: usize,
    pub(super) ranges: &'a [(f64, f64)],
}

impl Ground<'_> {
    /// Where member `k` may do better.
    pub(super) fn trial(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let trial = match draw.below(8) {
            0 => self.crossed(k, draw),
            1..=4 => self.difference(k, draw),
            5 => self.coordinate(k, draw),
            _ => self.near(k, draw),
        };
        self.inside(trial, k, draw)
    }

    /// As [`Ground::trial`], for who descends from there: steps are larger than a descent would take back.
    pub(super) fn hop(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let trial = match draw.below(4) {
            0 => self.crossed(k, draw),
            1 => self.difference(k, draw),
            2 => self.coordinate(k, draw),
            _ => {
                let k = if draw.unit() < 0.5 { self.best } else { k };
                self.shaken(k, -2.0 * draw.unit(), draw)
            }
        };
        self.inside(trial, k, draw)
    }

    /// Some coordinates of another member.
    fn crossed(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let other = &self.members[draw.below(self.members.len())].x;
        let mut x = self.members[k].x.clone();
        self.some(draw.unit(), draw).into_iter().for_each(|i| x[i] = other[i]);
        x
    }

    /// Moved by the difference between two members; at times towards the best, or from it.
    fn difference(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let count = self.members.len();
        let [a, b, c] = [0; 3].map(|_| &self.members[draw.below(count)].x);
        let (own, best) = (&self.members[k].x, &self.members[self.best].x);
        let (factor, kind) = (0.4 + 0.6 * draw.unit(), draw.below(3));
        let rate = if draw.unit() < 0.3 { 0.1 } else { 0.9 };
        let mut x = own.clone();
        for i in self.some(rate, draw) {
            x[i] = match kind {
                0 => a[i] + factor * (b[i] - c[i]),
                1 => own[i] + factor * (best[i] - own[i] + b[i] - c[i]),
                _ => best[i] + factor * (b[i] - c[i]),
            };
        }
        x
    }

    /// One coordinate anywhere, or as another member has it.
    fn coordinate(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let k = if draw.unit() < 0.5 { self.best } else { k };
        let mut x = self.members[k].x.clone();
        let i = draw.below(x.len());
        let other = &self.members[draw.below(self.members.len())].x;
        x[i] = if draw.unit() < 0.5 { draw.within(self.ranges[i]) } else { other[i] };
        x
    }

    /// Near a member, at any scale.
    fn near(&self, k: usize, draw: &mut Draw) -> Vec<f64> {
        let k = if draw.unit() < 0.5 { self.best } else { k };
        self.shaken(k, FINEST * draw.unit(), draw)
    }

    /// Steps of about 10 to the `scale` of the box along some coordinates.
    fn shaken(&self, k: usize, scale: f64, draw: &mut Draw) -> Vec<f64> {
        let mut x = self.members[k].x.clone();
        let rate = if draw.unit() < 0.5 { 1.0 } else { draw.unit() };
        for i in self.some(rate, draw) {
            let (lo, hi) = self.ranges[i];
            x[i] += 0.1 * (hi - lo) * 10f64.powf(scale) * draw.cauchy();
        }
        x
    }

    /// Coordinates, each taken at this rate, at least one.
    fn some(&self, rate: f64, draw: &mut Draw) -> Vec<usize> {
        let sure = draw.below(self.ranges.len());
        (0..self.ranges.len()).filter(|i| draw.unit() < rate || *i == sure).collect()
    }

    /// Back in the box: at its side, or between that and the member.
    fn inside(&self, mut x: Vec<f64>, k: usize, draw: &mut Draw) -> Vec<f64> {
        for (i, x) in x.iter_mut().enumerate() {
            let (lo, hi) = self.ranges[i];
            if (lo..=hi).contains(x) {
                continue;
            }
            let side = if *x > hi { hi } else { lo };
            let from = self.members[k].x[i].clamp(lo, hi);
            *x = if draw.unit() < 0.5 { side } else { (from + draw.unit() * (side - from)).clamp(lo, hi) };
        }
        x
    }
}

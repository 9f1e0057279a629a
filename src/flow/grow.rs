//! Candidates: lines that grow from a seed to both sides, many at once.
//!
//! Flows in: seeds, a field, the lines that stay. Flows out: [`Candidate`]s, each as far as it goes without coming near
//! those lines or itself.

use super::near::{Near, squared};
use super::step::{Arc, Pace, Step, Walker, advance, unit};
use super::{Place, Vectors};
use crate::backend::BackendError;
use std::f64::consts::PI;

/// The lengths of a picture of streamlines, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    /// Of the rectangle.
    pub size: (f64, f64),
    /// From line to line.
    pub separation: f64,
    /// Nearer than this to another line a line ends.
    pub nearest: f64,
    /// From point to point of a line.
    pub spacing: f64,
    pub pace: Pace,
    /// Steps of half a line.
    steps: usize,
}

/// Points of a line in a separation.
const POINTS: f64 = 24.0;
/// Points between two points of a line that are close only if the line came back: those of a separation.
const APART: usize = POINTS as usize;
/// No more points than this are passed over between two looks at how a line lies to itself.
const BLIND: usize = APART / 4;
/// The largest error of a step in pixels, and as a share of the separation.
const ERROR: (f64, f64) = (0.01, 1e-4);
/// Steps of half a line, taken or refused, before it is given up: so many, and for each separation that fits along the
/// sides of the rectangle. Lines that run along the edge of a domain take ever smaller ones.
const STEPS: (usize, f64) = (400, 8.0);
/// A line cannot meet itself before it has turned by so much.
const TURN: f64 = 0.9 * PI;
/// A line that closes has turned by less.
const ROUND: f64 = 3.0 * PI;

impl Lengths {
    pub(super) fn new(size: (f64, f64), separation: f64) -> Lengths {
        let pace =
            Pace { tolerance: ERROR.0.min(ERROR.1 * separation), longest: separation, shortest: separation / 200.0 };
        let steps = STEPS.0 + (STEPS.1 * (size.0 + size.1) / separation) as usize;
        Lengths { size, separation, nearest: 0.5 * separation, spacing: separation / POINTS, pace, steps }
    }

    pub(super) fn holds(&self, (x, y): Place) -> bool {
        (0.0..=self.size.0).contains(&x) && (0.0..=self.size.1).contains(&y)
    }
}

/// One side of a line from its seed on.
#[derive(Debug, Clone)]
struct Half {
    walker: Walker,
    /// Evenly spaced, without the seed; the last one may be nearer.
    points: Vec<Place>,
    /// How far the walker is from the seed, along the line.
    travelled: f64,
    /// The angle by which it has turned to the left, walking.
    turned: f64,
    /// How many steps it may still take; none once it has ended.
    steps: usize,
}

/// A line from a seed to both sides.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub seed: Place,
    /// Along the field and against it.
    halves: [Half; 2],
    /// The two meet.
    closed: bool,
    /// With fewer points than this it cannot be near itself.
    clear: usize,
}

/// How a line lies to itself.
enum Own {
    Clear,
    Near,
    /// It is the other half at this point: the line is closed.
    Met(usize),
    /// It passes beside the other half at this point, too near.
    Passed(usize),
}

/// Candidates from seeds, grown as far as they go; none from a seed where the field has no direction.
///
/// # Errors
/// Those of the field.
pub(super) fn grow(
    seeds: &[Place],
    vectors: &mut Vectors,
    lengths: &Lengths,
    taken: &Near,
) -> Result<Vec<Candidate>, BackendError> {
    let ways = vectors(seeds)?.into_iter().map(unit);
    let known = seeds.iter().zip(ways).filter(|(_, way)| way.0.is_finite() && way.1.is_finite());
    let mut candidates: Vec<Candidate> = known.map(|(seed, way)| Candidate::new(*seed, way, lengths)).collect();
    loop {
        let mut walkers: Vec<&mut Walker> = candidates.iter_mut().flat_map(Candidate::walkers).collect();
        if walkers.is_empty() {
            return Ok(candidates);
        }
        let mut steps = advance(&mut walkers, vectors, &lengths.pace)?.into_iter();
        for candidate in &mut candidates {
            let walking = candidate.walking();
            for half in (0..2).filter(|half| walking[*half]) {
                let step = steps.next().unwrap_or(Step::End);
                candidate.follow(half, step, lengths, taken);
            }
        }
    }
}

impl Candidate {
    fn new(seed: Place, way: Place, lengths: &Lengths) -> Candidate {
        let half = |sign: f64| {
            let walker = Walker::new(seed, way, sign, &lengths.pace);
            Half { walker, points: Vec::new(), travelled: 0.0, turned: 0.0, steps: lengths.steps }
        };
        Candidate { seed, halves: [half(1.0), half(-1.0)], closed: false, clear: 0 }
    }

    /// Which halves still grow.
    fn walking(&self) -> [bool; 2] {
        [self.halves[0].steps > 0, self.halves[1].steps > 0]
    }

    fn walkers(&mut self) -> impl Iterator<Item = &mut Walker> {
        self.halves.iter_mut().filter(|half| half.steps > 0).map(|half| &mut half.walker)
    }

    /// Takes in a step of one half.
    fn follow(&mut self, half: usize, step: Step, lengths: &Lengths, taken: &Near) {
        if self.halves[half].steps == 0 {
            // The other half met it in this round.
            return;
        }
        self.halves[half].steps -= 1;
        match step {
            Step::Refused => (),
            Step::Taken(arc) => self.extend(half, &arc, lengths, taken),
            Step::End => self.end(half, lengths),
        }
    }

    /// The points of an arc, up to where the line ends.
    fn extend(&mut self, half: usize, arc: &Arc, lengths: &Lengths, taken: &Near) {
        let start = self.halves[half].travelled;
        self.halves[half].travelled += arc.length;
        self.halves[half].turned += arc.turn;
        loop {
            let along = (self.halves[half].points.len() + 1) as f64 * lengths.spacing - start;
            if along > arc.length || !self.add(half, arc.at(along), lengths, taken) {
                return;
            }
        }
    }

    /// Adds the next point, unless the line ends before it; whether it goes on.
    fn add(&mut self, half: usize, place: Place, lengths: &Lengths, taken: &Near) -> bool {
        if !lengths.holds(place) {
            let last = self.halves[half].points.last().copied().unwrap_or(self.seed);
            self.halves[half].points.push(border(last, place, lengths.size));
            self.halves[half].steps = 0;
            return false;
        }
        let turned = (self.halves[0].turned - self.halves[1].turned).abs();
        let turns = turned > TURN && self.count() >= self.clear;
        let own = if turns { self.own(half, place, lengths) } else { Own::Clear };
        match own {
            Own::Clear if !taken.is_near(place, lengths.nearest) => {
                self.halves[half].points.push(place);
                return true;
            }
            Own::Clear | Own::Near => self.halves[half].steps = 0,
            Own::Passed(other) => {
                let apart = (lengths.nearest / lengths.spacing).ceil() as usize;
                self.halves[1 - half].points.truncate(other.saturating_sub(apart));
                self.halves.iter_mut().for_each(|half| half.steps = 0);
            }
            Own::Met(other) => {
                self.halves[half].points.push(place);
                self.halves[1 - half].points.truncate(other);
                self.halves.iter_mut().for_each(|half| half.steps = 0);
                self.closed = true;
                if turned > ROUND {
                    // So small that it went round more than once before two points counted as apart.
                    self.halves.iter_mut().for_each(|half| half.points.clear());
                }
            }
        }
        false
    }

    /// The field leads no further: the last point is where it ends.
    fn end(&mut self, half: usize, lengths: &Lengths) {
        let half = &mut self.halves[half];
        half.steps = 0;
        let last = half.walker.at;
        if half.travelled > (half.points.len() as f64 + 0.1) * lengths.spacing && lengths.holds(last) {
            half.points.push(last);
        }
    }

    /// How the next point of a half lies to points of the line that are not its neighbours.
    fn own(&mut self, half: usize, place: Place, lengths: &Lengths) -> Own {
        let (same, other) = (&self.halves[half].points, &self.halves[1 - half].points);
        let nearest = |points: &[Place]| {
            let distances = points.iter().map(|point| squared(*point, place)).enumerate();
            distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or((0, f64::INFINITY), |(k, squared)| (k, squared.sqrt()))
        };
        let skipped = APART.saturating_sub(same.len()).min(other.len());
        let (_, to_same) = nearest(&same[..same.len().saturating_sub(APART)]);
        let (k, to_other) = nearest(&other[skipped..]);
        let distance = to_same.min(to_other);
        if distance >= lengths.nearest {
            // Each point that is added brings the two nearer by a spacing at most.
            let free = (distance - lengths.nearest) / lengths.spacing;
            self.clear = self.count() + (free as usize).min(BLIND);
            return Own::Clear;
        }
        if to_same < lengths.nearest {
            return Own::Near;
        }
        self.meeting(half, place, skipped + k, lengths)
    }

    /// How a half lies to the other one, whose nearest point is that at `k`.
    fn meeting(&self, half: usize, place: Place, k: usize, lengths: &Lengths) -> Own {
        let other = &self.halves[1 - half];
        // Beside a half that has ended the line is near; ahead of one that grows it goes on to meet it.
        if other.steps == 0 {
            return Own::Near;
        }
        if k + 1 == other.points.len() {
            return Own::Clear;
        }
        let (before, after) = (other.points[k.saturating_sub(1)], other.points[k + 1]);
        let (x, y) = unit((after.0 - before.0, after.1 - before.1));
        let aside = (x * (place.1 - before.1) - y * (place.0 - before.0)).abs();
        if aside < MET * lengths.separation { Own::Met(k) } else { Own::Passed(k) }
    }

    /// How many points it has.
    pub(super) fn count(&self) -> usize {
        1 + self.halves[0].points.len() + self.halves[1].points.len()
    }

    /// The line as far as it is not near others: its points along the field, and whether it is closed.
    pub(super) fn clipped(mut self, taken: &Near, lengths: &Lengths) -> (Vec<Place>, bool) {
        let clear = |points: &[Place]| points.iter().take_while(|p| !taken.is_near(**p, lengths.nearest)).count();
        if self.closed {
            // All around, from the seed on.
            let back = std::mem::take(&mut self.halves[1].points);
            self.halves[0].points.extend(back.into_iter().rev());
            let around = &self.halves[0].points;
            if clear(around) < around.len() {
                self.halves[1].points = around.iter().rev().copied().collect();
                self.closed = false;
            }
        }
        for half in &mut self.halves {
            let inside = clear(&half.points);
            half.points.truncate(inside);
        }
        let [along, against] = self.halves;
        let points = against.points.into_iter().rev().chain([self.seed]).chain(along.points).collect();
        (points, self.closed)
    }
}

/// A line is closed if its ends pass each other nearer than this, as a share of the separation.
const MET: f64 = 0.01;

/// Where the way from a place on the rectangle to one beside it crosses the border.
fn border(inside: Place, outside: Place, (width, height): (f64, f64)) -> Place {
    let share = |from: f64, to: f64, most: f64| {
        let edge = to.clamp(0.0, most);
        if edge == to { 1.0 } else { (edge - from) / (to - from) }
    };
    let t = share(inside.0, outside.0, width).min(share(inside.1, outside.1, height));
    let at = |from: f64, to: f64, most: f64| (from + t * (to - from)).clamp(0.0, most);
    (at(inside.0, outside.0, width), at(inside.1, outside.1, height))
}

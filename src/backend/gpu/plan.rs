//! How work is cut so that it fits a device: pure arithmetic, no device in sight.
//!
//! Flows in: the sizes of a grid or list, the [`Limits`] of a device. Flows out: boxes of a grid, how many points a
//! dispatch can hold, workgroups, the words of a dispatch's job. Counts and offsets have 64 bits here and 32 in a
//! shader; a chunk is therefore at most 2^31 points and begins at a place given by axis.

use crate::real::Precision;
use std::ops::Range;

/// Invocations in a workgroup; the frames say the same.
///
/// A point needs no other point, so there is nothing to share and nothing to wait for; what counts is that the
/// device is full. An H200 runs 2048 threads on each of its 132 SMs in at most 32 workgroups: 64 is the smallest
/// group that can fill it, and the smallest packs best when a long tape takes many registers.
///
/// Particles move nothing but their state, once for many steps; what they cost is the tape and, with the loop, some 3
/// instructions more a step. An H200 begins 33 T instructions/s, so at the most 2.5 T steps/s of gradient descent on
/// Himmelblau (10 instructions). One particle an invocation: 100,000 of them are 6 warps for each scheduler, which
/// begin 78 instructions in a step, more than the 30 cycles for which a chain of 6 waits; so more particles in an
/// invocation would hide nothing, and leave fewer warps.
pub(super) const WORKGROUP: u32 = 64;

/// What a tape may cost, in additions, to be computed for several points by an invocation.
const CHEAP: f64 = 512.0;

/// Bytes of an output that an invocation stores at once: the widest store that graphics cards have.
const STORE: usize = 16;

/// How many points an invocation computes of a tape that costs `cost` additions a point.
///
/// The plan, with an H200 as the card (4.8 TB/s; 132 SMs that begin 128 instructions a cycle at 1.98 GHz, integer ones
/// half as many: NVIDIA's data sheet and tuning guide). A grid of two variables with f and both partials
///
/// - moves 12 bytes a point in f32, 24 in f64, all of them stores: coordinates come from a cache. That allows 400 G
///   points/s, or 200 G, and so 84 (168) instructions a point before the stores wait for them. In f64, which runs at
///   half the rate, 84 as well.
/// - computes, beside its tape, where it is: a quotient for every axis but the slowest (some 20 integer
///   instructions, 40 places), a load of each coordinate, the places of three stores (some 5 each): 70 to 80. Alone in
///   an invocation, a point would leave no room for a tape: half the card's bandwidth on Himmelblau (24 instructions).
/// - With four points in an invocation there is one quotient and one store of 16 bytes an output for all four, and a
///   step of some 6 for each: 20 to 25 places. That leaves 60 for the tape.
///
/// A list reads what a grid computes, and is bound by memory at 20 bytes a point (f32): here the wide loads count.
/// A tape that costs more than [`CHEAP`] is bound by itself: the rest is under a seventh of it, not worth four times
/// the text to compile. In f64 two points fill a store. From 2^20 points on, four each still fill the card.
///
/// All of this is about what stays on the card. A field that goes home is bound by its way there: 12 bytes a point over
/// 50 GB/s of PCIe take 240 ps, in which the card begins 8000 instructions.
pub(super) fn points_each(cost: f64, precision: Precision) -> u32 {
    if cost <= CHEAP { (STORE / precision.bytes()) as u32 } else { 1 }
}

/// The most points in a chunk.
const MOST: u64 = 1 << 31;

/// What a device allows. All of it may be lowered, to test what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a shader may see of one buffer, and no buffer is larger.
    pub binding: u64,
    /// Workgroups along one dimension of a dispatch.
    pub groups: u32,
    /// Bytes of results that a dispatch of points brings home. Two of them are on the way at a time: 64 MiB are
    /// 1.3 ms of PCIe, long against the cost of a dispatch and short against everything a user notices.
    pub chunk: u64,
    /// Bytes of state that a dispatch of particles holds. Their way home is paid once for all steps, so here more is
    /// better: 256 MiB are a quarter million particles (an H200 full) even at a thousand bytes each.
    pub state: u64,
    /// Instructions of a tape. The time to compile grows faster than the tape: on llvmpipe 0.3 s for 1000, 5 s for
    /// 5000, 185 s for 20,000.
    pub instructions: usize,
}

impl Limits {
    /// How many points or particles with `columns` numbers of `bytes` bytes fit into `total` and a dispatch. Whole
    /// workgroups if possible; 0 if not even one fits.
    pub(super) fn capacity(&self, columns: usize, bytes: usize, total: u64) -> usize {
        let each = (columns.max(1) as u64).saturating_mul(bytes as u64);
        let threads = u64::from(self.groups).pow(2).saturating_mul(u64::from(WORKGROUP));
        let most = (self.binding.min(total) / each).min(threads).min(MOST);
        let group = u64::from(WORKGROUP);
        (if most >= group { most - most % group } else { most }) as usize
    }

    /// Workgroups along x and y for `count` invocations, near a square of rows once one row is not enough.
    pub(super) fn workgroups(&self, count: usize) -> (u32, u32) {
        let all = (count as u64).div_ceil(u64::from(WORKGROUP)).max(1);
        let rows = all.div_ceil(u64::from(self.groups));
        (all.div_ceil(rows) as u32, rows as u32)
    }
}

/// Cuts a grid, its axes slowest first, into boxes of at most `budget` coordinates, each of them contiguous in the
/// result and in order: the slowest axis that is longer than 1 is halved until the rest fits.
pub(super) fn boxes(axes: &[Range<usize>], budget: usize) -> Vec<Vec<Range<usize>>> {
    let total: usize = axes.iter().map(Range::len).sum();
    let Some(cut) = axes.iter().position(|axis| axis.len() > 1).filter(|_| total > budget) else {
        return vec![axes.to_vec()];
    };
    let middle = axes[cut].start + axes[cut].len() / 2;
    let part = |range: Range<usize>| {
        let mut axes = axes.to_vec();
        axes[cut] = range;
        boxes(&axes, budget)
    };
    let mut all = part(axes[cut].start..middle);
    all.extend(part(middle..axes[cut].end));
    all
}

/// The place of point `index` of a box on each of its axes, slowest first.
pub(super) fn place(lengths: &[usize], index: usize) -> Vec<usize> {
    let mut rest = index;
    let mut place: Vec<usize> = lengths.iter().rev().map(|length| (rest % length, rest /= length).0).collect();
    place.reverse();
    place
}

/// What a dispatch is told; `prelude.wgsl` has the same members in the same order, but for `each`, which is text.
#[derive(Debug, Clone, Default)]
pub(super) struct Job {
    pub(super) count: usize,
    /// Points or particles of an invocation; 0 stands for 1.
    pub(super) each: u32,
    pub(super) section: usize,
    pub(super) first: usize,
    pub(super) steps: u32,
    pub(super) step: u32,
    /// Start, size and base, by variable.
    pub(super) axes: Vec<[usize; 3]>,
}

impl Job {
    /// How many invocations it takes.
    pub(super) fn invocations(&self) -> usize {
        self.count.div_ceil(self.each.max(1) as usize)
    }

    /// The words of the buffer; `row` is the number of workgroups along x. An array in WGSL has one element at least.
    pub(super) fn words(&self, row: u32) -> Vec<u32> {
        let head = [self.count as u32, row * WORKGROUP, self.section as u32, self.first as u32, self.steps, self.step];
        let axes = self.axes.iter().flatten().map(|word| *word as u32);
        let padding = if self.axes.is_empty() { 3 } else { 0 };
        head.into_iter().chain(axes).chain(std::iter::repeat_n(0, padding)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { binding: 1 << 20, groups: 256, chunk: 1 << 20, state: 1 << 20, instructions: 100 };

    #[test]
    fn boxes_follow_each_other_and_fit() {
        for (sizes, budget) in
            [(vec![10], 3), (vec![7, 5], 6), (vec![3, 1, 9], 4), (vec![100, 4], 1000), (vec![2, 2], 1)]
        {
            let whole: Vec<Range<usize>> = sizes.iter().map(|n| 0..*n).collect();
            let mut next = 0;
            for part in boxes(&whole, budget) {
                let lengths: Vec<usize> = part.iter().map(Range::len).collect();
                assert!(lengths.iter().sum::<usize>() <= budget.max(sizes.len()), "{part:?}");
                for index in 0..lengths.iter().product::<usize>() {
                    let inside = place(&lengths, index);
                    let flat =
                        sizes.iter().zip(part.iter().zip(inside)).fold(0, |flat, (n, (r, k))| flat * n + r.start + k);
                    assert_eq!(flat, next);
                    next += 1;
                }
            }
            assert_eq!(next, sizes.iter().product::<usize>());
        }
    }

    #[test]
    fn workgroups_cover_and_keep_the_limit() {
        for count in [1, 63, 64, 65, 16384, 16385, 1 << 20, 256 * 256 * 64] {
            let (x, y) = LIMITS.workgroups(count);
            assert!(x <= 256 && y <= 256, "{count}: {x} x {y}");
            let threads = x as usize * y as usize * 64;
            assert!(threads >= count && threads < count + 64 * (y as usize + 1), "{count}: {x} x {y}");
        }
        assert_eq!(LIMITS.capacity(3, 4, 1 << 40), (1 << 20) / 12 / 64 * 64);
        assert_eq!(LIMITS.capacity(1 << 17, 8, 1 << 40), 1);
        assert_eq!(LIMITS.capacity(1 << 18, 8, 1 << 40), 0);
    }

    #[test]
    fn a_store_is_filled_where_the_tape_is_cheap() {
        let each = |cost| [Precision::F32, Precision::F64].map(|precision| points_each(cost, precision));
        assert_eq!([each(CHEAP), each(CHEAP + 1.0)], [[4, 2], [1, 1]]);
        let job = |count, each| Job { count, each, ..Job::default() }.invocations();
        assert_eq!([job(0, 4), job(1, 4), job(4, 4), job(5, 4), job(5, 0)], [0, 1, 1, 2, 5]);
    }

    #[test]
    fn the_frames_have_the_same_workgroup() {
        let frames = [
            include_str!("../../../shaders/grid.wgsl"),
            include_str!("../../../shaders/columns.wgsl"),
            include_str!("../../../shaders/iterate.wgsl"),
        ];
        let attribute = format!("@workgroup_size({WORKGROUP})");
        assert!(frames.iter().all(|frame| frame.contains(&attribute)));
    }
}

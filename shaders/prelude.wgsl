// What the frames share: the job of one dispatch and its buffers. Comes after prelude32 or prelude64 (R).

// An axis of a grid: the place of the dispatch's first point on it, its length, where its coordinates begin.
struct Axis {
    start: u32,
    size: u32,
    base: u32,
}

struct Job {
    // Points or particles of this dispatch.
    count: u32,
    // Invocations in one row of workgroups.
    width: u32,
    // Numbers from one column (of the input, the output, the state) to the next, a multiple of EACH.
    section: u32,
    // iterate: the first particle; how many steps; the number of the first step.
    first: u32,
    steps: u32,
    step: u32,
    // grid: one per variable, in the order of the variables.
    axes: array<Axis>,
}

@group(0) @binding(0) var<storage, read> job: Job;
// The uniform inputs of the tape, in order.
@group(0) @binding(1) var<storage, read> params: array<R>;
// Binding 2 is a frame's own. grid, columns: one section per output. iterate: one section per varying input. W is EACH
// numbers side by side.
@group(0) @binding(3) var<storage, read_write> results: array<W>;

// The number of an invocation. Neighbours are neighbours in memory, so loads and stores coalesce.
fn position(id: vec3<u32>) -> u32 {
    return id.y * job.width + id.x;
}

// 0 that no compiler knows to be 0 (a dispatch has far fewer than 2^31 invocations): a driver may assume that NaN and
// infinity do not occur, and then turns 0 * u into 0 where u may be infinite.
fn zero() -> R {
    return R(job.count >> 31u);
}

// Whether fma surely rounds once: WGSL does not promise it.
fn fused() -> bool {
    return false;
}

// x, hidden from algebraic simplification: a compiler that may reassociate sums cannot see through it.
fn veil(x: R) -> R {
    return from_bits(to_bits(x) | U(job.count >> 31u));
}

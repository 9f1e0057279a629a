// Frame: one invocation is EACH neighbouring points of a grid, made from the axes. The tape brings `In`, `Out`,
// `evaluate`, and `compute`, which names its variables and outputs.

// The axes' coordinates, one axis after the other.
@group(0) @binding(2) var<storage, read> points: array<R>;

// The place on one axis of the point `*place` after the dispatch's first; leaves in `*place` what is carried to the
// next slower axis. So a grid may have any number of points, though an index has 32 bits.
fn along(variable: u32, place: ptr<function, u32>) -> u32 {
    let axis = job.axes[variable];
    let all = axis.start + *place;
    let carry = all / axis.size;
    *place = carry;
    return all - carry * axis.size;
}

// The same on the slowest axis, which has nobody to carry to.
fn slowest(variable: u32, place: u32) -> u32 {
    return job.axes[variable].start + place;
}

// The coordinate at a place on one axis.
fn coordinate(variable: u32, place: u32) -> R {
    return points[job.axes[variable].base + place];
}

// One place further on one axis where `*carry` says so, from its end to its start; then `*carry` is whether it
// came round. A quotient costs some twenty instructions, this three. So a point past the grid's last comes round to the
// first: it is computed for nothing, but its coordinates are some that there are.
fn step(variable: u32, place: u32, carry: ptr<function, bool>) -> u32 {
    let next = place + select(0u, 1u, *carry);
    *carry = next == job.axes[variable].size;
    return select(next, 0u, *carry);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = EACH * position(id);
    if (index < job.count) {
        compute(index);
    }
}

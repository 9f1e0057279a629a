// Frame: one invocation is one point of a grid, made from the axes. The tape brings `In`, `Out`, `evaluate`, and
// `load` and `store`, which name its variables and outputs.

// The coordinate on one axis of the point `*place` after the dispatch's first; leaves in `*place` what is carried
// to the next slower axis. So a grid may have any number of points, though an index has 32 bits.
fn coordinate(variable: u32, place: ptr<function, u32>) -> R {
    let axis = job.axes[variable];
    let along = axis.start + *place;
    let carry = along / axis.size;
    *place = carry;
    return points[axis.base + along - carry * axis.size];
}

// The same on the slowest axis, which carries nothing.
fn slowest_coordinate(variable: u32, place: u32) -> R {
    let axis = job.axes[variable];
    return points[axis.base + axis.start + place];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let place = position(id);
    if (place < job.count) {
        store(place, evaluate(load(place)));
    }
}

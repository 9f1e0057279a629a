// Frame: one invocation is one particle, `job.steps` steps of it with the state in registers. The tape brings `In`,
// `Out`, `evaluate`, and `load`, `advance` and `store`, which name the parts of the state.

// The number of the step, for a tape that asks for it. Exact up to 2^24 in single precision.
var<private> clock: R;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let place = position(id);
    if (place < job.count) {
        let particle = job.first + place;
        var state = load(particle);
        for (var k = 0u; k < job.steps; k++) {
            clock = R(job.step + k);
            state = advance(evaluate(state));
        }
        store(particle, state);
    }
}

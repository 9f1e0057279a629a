// Frame: one invocation is one given point. The tape brings `In`, `Out`, `evaluate`, and `load` and `store`, which
// name its variables and outputs.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let place = position(id);
    if (place < job.count) {
        store(place, evaluate(load(place)));
    }
}

// Frame: one invocation is EACH neighbouring points of a list. The tape brings `In`, `Out`, `evaluate`, and `compute`,
// which names its variables and outputs.

// One section per variable.
@group(0) @binding(2) var<storage, read> points: array<W>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = EACH * position(id);
    if (index < job.count) {
        compute(index);
    }
}

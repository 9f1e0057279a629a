// Frame of its own: one invocation is one pixel of an image, and both components of its gradient. The image comes with what
// lies beyond its borders, so that no place needs a question; the taps come as numbers, so that all kernels are one text.

// As in prelude.wgsl, with its names for an image.
struct Job {
    // Pixels of this dispatch.
    count: u32,
    // Invocations in one row of workgroups.
    width: u32,
    // Numbers from one component to the next.
    section: u32,
    // Pixels in a row.
    columns: u32,
    // Taps along a side.
    taps: u32,
    step: u32,
}

@group(0) @binding(0) var<storage, read> job: Job;
// Smoothing and derivative taps across, then both down.
@group(0) @binding(1) var<storage, read> taps: array<f32>;
// Rows of columns + taps - 1.
@group(0) @binding(2) var<storage, read> image: array<f32>;
@group(0) @binding(3) var<storage, read_write> results: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.y * job.width + id.x;
    if (index >= job.count) {
        return;
    }
    let n = job.taps;
    let stride = job.columns + n - 1u;
    let corner = index / job.columns * stride + index % job.columns;
    var x = 0.0;
    var y = 0.0;
    for (var j = 0u; j < n; j++) {
        let start = corner + j * stride;
        var smooth_sum = 0.0;
        var slope_sum = 0.0;
        for (var i = 0u; i < n; i++) {
            let v = image[start + i];
            smooth_sum += taps[i] * v;
            // A tap of zero does not look: 0 times infinity is no number.
            if (taps[n + i] != 0.0) {
                slope_sum += taps[n + i] * v;
            }
        }
        x += taps[2u * n + j] * slope_sum;
        if (taps[3u * n + j] != 0.0) {
            y += taps[3u * n + j] * smooth_sum;
        }
    }
    results[index] = x;
    results[job.section + index] = y;
}

//! How fast the kernels of images are: `cargo run --release --example images -- SIDE THREADS` prints a line of JSON for
//! each, with the best of several runs in million pixels a second. `benches/peers/images.py` puts others beside it.

use gradfield::points::Values;
use gradfield::samples::terrain;
use gradfield::samples::{Method, Samples, gradient};
use std::time::Instant;

fn main() -> Result<(), gradfield::Error> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let (side, threads) = (numbers.next().unwrap_or(8192), numbers.next().unwrap_or(2));
    let values: Vec<f32> = (0..side * side).map(|k| (k.wrapping_mul(2_654_435_761) >> 20 & 255) as f32).collect();
    let samples = Samples::new(vec![side, side], Values::F32(values))?;
    for kernel in ["scharr", "sobel", "farid", "gaussian:2", "central"] {
        let method = Method { kernel: kernel.parse()?, boundary: None, edge_order: 1, threads };
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let found = gradient(&samples, &method)?;
            best = best.min(start.elapsed().as_secs_f64());
            assert_eq!(found.components.len(), 2);
        }
        let rate = (side * side) as f64 / best / 1e6;
        println!("{{\"what\": \"{kernel}\", \"side\": {side}, \"threads\": {threads}, \"mpx_per_s\": {rate:.1}}}");
    }
    let flat = terrain::Cells { size: (1.0, 1.0), z_factor: 1.0, weights: terrain::Weights::Horn, threads };
    let lights = [terrain::Light::From { azimuth: 315.0, altitude: 45.0 }, terrain::Light::Around { altitude: 45.0 }];
    for (name, light) in ["hillshade", "hillshade around"].into_iter().zip(lights) {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let found = terrain::hillshade(&samples, &flat, light)?;
            best = best.min(start.elapsed().as_secs_f64());
            assert_eq!(found.len(), side * side);
        }
        let rate = (side * side) as f64 / best / 1e6;
        println!("{{\"what\": \"{name}\", \"side\": {side}, \"threads\": {threads}, \"mpx_per_s\": {rate:.1}}}");
    }
    Ok(())
}

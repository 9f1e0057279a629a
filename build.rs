//! Makes the mathematics of the shaders callable from Rust.
//!
//! `shaders/math32.wgsl` and `shaders/math64.wgsl` are written in the common subset of WGSL and Rust, so that
//! the GPU and the SIMD loops of the CPU run one text. All that has to be added is that each function is
//! inlined (the loop around it decides the SIMD level) and public; `real.rs` includes the result.

use std::{env, fs, path::Path};

fn main() {
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for name in ["math32", "math64"] {
        let source = format!("shaders/{name}.wgsl");
        println!("cargo::rerun-if-changed={source}");
        let text = fs::read_to_string(&source).expect("the shader is part of the package");
        let rust: String = text
            .lines()
            .map(|line| match line.split(' ').next() {
                Some("fn") => format!("#[inline(always)]\npub fn{}\n", &line[2..]),
                Some("const") => format!("pub {line}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        fs::write(Path::new(&out).join(format!("{name}.rs")), rust).expect("OUT_DIR can be written");
    }
}

// The names that a kernel's text uses, in single precision. `prelude64.wgsl` has the same names.
alias R = f32;
alias U = u32;
alias I = i32;

fn to_bits(x: R) -> U {
    return bitcast<U>(x);
}
fn from_bits(bits: U) -> R {
    return bitcast<R>(bits);
}
fn to_int(x: R) -> I {
    return I(x);
}
fn to_real(i: I) -> R {
    return R(i);
}
fn to_uint(i: I) -> U {
    return bitcast<U>(i);
}
fn from_uint(u: U) -> I {
    return bitcast<I>(u);
}
// A sum that wraps.
fn add_bits(a: U, b: U) -> U {
    return a + b;
}
// A product that wraps.
fn multiply_bits(a: U, b: U) -> U {
    return a * b;
}

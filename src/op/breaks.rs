//! Where operations break: jumps and poles that lie within the errors of their operands.
//!
//! Flows in: operands and their errors. Flows out: a [`Break`], if there is one. The rows of the table name these
//! functions; the bound on rounding error asks them before it trusts an operation's values at the ends of the errors.

/// Why operands that are off by a little may give a result that is off by much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// A jump: a comparison, a rounding to an integer, a branch cut.
    Jump,
    /// A pole; or an angle of which nothing is known any more.
    Pole,
}

/// Tells of operands and their errors whether a break lies between.
pub type Breaks = fn([f64; 3], [f64; 3]) -> Option<Break>;

/// The least and the greatest number that an operand stands for, rounded outwards where they are rounded.
pub(crate) fn ends(operand: f64, error: f64) -> (f64, f64) {
    // What the rounding of a sum has left over, exactly (Knuth).
    let rest = |a: f64, b: f64, sum: f64| (a - (sum - (sum - a))) + (b - (sum - a));
    let (low, high) = (operand - error, operand + error);
    let low = if rest(operand, -error, low) < 0.0 { low.next_down() } else { low };
    (low, if rest(operand, error, high) > 0.0 { high.next_up() } else { high })
}

fn break_if(condition: bool, kind: Break) -> Option<Break> {
    condition.then_some(kind)
}

/// Whether an operand that is not exact may be 0.
fn may_be_zero(operand: f64, error: f64) -> bool {
    error > 0.0 && operand.abs() <= error
}

/// Comparisons jump where their operands are equal.
pub(super) fn where_equal([a, b, _]: [f64; 3], [ea, eb, _]: [f64; 3]) -> Option<Break> {
    break_if(ea + eb > 0.0 && (a - b).abs() <= (ea + eb).next_up(), Break::Jump)
}

/// A condition, a sign, a step jump at 0.
pub(super) fn at_zero([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(may_be_zero(a, ea), Break::Jump)
}

/// `and` and `or` jump where either operand is 0.
pub(super) fn at_either_zero([a, b, _]: [f64; 3], [ea, eb, _]: [f64; 3]) -> Option<Break> {
    break_if(may_be_zero(a, ea) || may_be_zero(b, eb), Break::Jump)
}

/// Whether a rounding to an integer differs between the ends of an operand's error.
fn steps_apart(round: fn(f64) -> f64, operand: f64, error: f64) -> bool {
    let (low, high) = ends(operand, error);
    error > 0.0 && round(low) != round(high)
}

pub(super) fn at_integers([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(steps_apart(f64::floor, a, ea) || steps_apart(f64::ceil, a, ea), Break::Jump)
}

/// What reads whole parts alone jumps wherever one changes.
pub(super) fn at_any_integer(operands: [f64; 3], errors: [f64; 3]) -> Option<Break> {
    let apart = operands.iter().zip(errors).any(|(operand, error)| steps_apart(f64::floor, *operand, error));
    break_if(apart, Break::Jump)
}

pub(super) fn between_integers([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(steps_apart(f64::round_ties_even, a, ea), Break::Jump)
}

/// A remainder jumps where the whole part of the quotient does.
pub(super) fn at_whole_quotients([a, b, _]: [f64; 3], [ea, eb, _]: [f64; 3]) -> Option<Break> {
    let ((a0, a1), (b0, b1)) = (ends(a, ea), ends(b, eb));
    let whole = [a0 / b0, a0 / b1, a1 / b0, a1 / b1].map(|q| (q.next_down().floor(), q.next_up().floor()));
    let apart = whole.iter().any(|(low, high)| *low != whole[0].0 || *high != whole[0].0);
    break_if(ea + eb > 0.0 && (apart || may_be_zero(b, eb)), Break::Jump)
}

/// A quotient has its pole where the divisor is 0.
pub(super) fn at_zero_divisor([_, b, _]: [f64; 3], [_, eb, _]: [f64; 3]) -> Option<Break> {
    break_if(may_be_zero(b, eb), Break::Pole)
}

/// A power has a pole where the base is 0 and the exponent negative; one of a negative base is real for integers only.
pub(super) fn at_zero_base([a, b, _]: [f64; 3], [ea, eb, _]: [f64; 3]) -> Option<Break> {
    let pole = may_be_zero(a, ea) && b - eb < 0.0;
    let integer = a - ea < 0.0 && (steps_apart(f64::floor, b, eb) || steps_apart(f64::ceil, b, eb));
    // NaN^0 and 1^NaN are 1.
    let number = a.is_nan() && may_be_zero(b, eb) || b.is_nan() && may_be_zero(a - 1.0, ea);
    break_if(pole || integer || number, Break::Pole)
}

/// A domain from -1 to 1 may lie between two ends that are both outside.
pub(super) fn from_outside_one([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(a.abs() > 1.0 && a.abs() - ea <= 1.0, Break::Pole)
}

/// Of an angle that may be off by half a turn nothing is known: sine and cosine have turned on the way.
pub(super) fn by_half_a_turn(_: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(ea > 1.5, Break::Pole)
}

/// The tangent's poles lie half a turn apart.
pub(super) fn at_quarter_turns([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    let half_turns = |angle: f64| (angle / std::f64::consts::PI + 0.5).floor();
    let (low, high) = ends(a, ea);
    break_if(ea > 0.0 && (ea > 1.5 || half_turns(low) != half_turns(high)), Break::Pole)
}

/// Gamma and its kin have poles at 0 and the negative integers.
pub(super) fn at_negative_integers([a, ..]: [f64; 3], [ea, ..]: [f64; 3]) -> Option<Break> {
    break_if(ends(a, ea).0 <= 0.0 && steps_apart(f64::floor, a, ea), Break::Pole)
}

/// The angle of a point jumps across the negative x axis, and at the origin.
pub(super) fn at_branch_cut([y, x, _]: [f64; 3], [ey, ex, _]: [f64; 3]) -> Option<Break> {
    let across = y.abs() <= ey && (ey > 0.0 || x + ex >= 0.0);
    break_if(ey + ex > 0.0 && across && x <= ex, Break::Jump)
}

//! True values: `data/truth.csv`, made by `scripts/truth.py` with mpmath at 60 digits and more.
//!
//! Flows out: cases by the operation's name. A row is `function,a,b,c,value,rest`: the operands, the nearest f64 to the
//! true result, and the true result less that.

use super::Case;
use std::collections::HashMap;
use std::sync::OnceLock;

static TABLE: &str = include_str!("../../data/truth.csv");

/// The cases of one operation.
pub(super) fn of(name: &str) -> impl Iterator<Item = Case> {
    static PARSED: OnceLock<HashMap<&str, Vec<Case>>> = OnceLock::new();
    let all = PARSED.get_or_init(|| {
        let mut all: HashMap<&str, Vec<Case>> = HashMap::new();
        for (name, case) in TABLE.lines().skip(1).filter_map(row) {
            all.entry(name).or_default().push(case);
        }
        all
    });
    all.get(name).into_iter().flatten().cloned()
}

fn row(line: &'static str) -> Option<(&'static str, Case)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [name, a, b, c, value, rest] = fields.try_into().ok()?;
    let at =
        [a, b, c].iter().filter(|text| !text.is_empty()).map(|text| text.parse()).collect::<Result<_, _>>().ok()?;
    Some((name, Case { at, value: value.parse().ok()?, rest: rest.parse().ok()?, doubt: 0.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let lines = TABLE.lines().skip(1);
        let bad: Vec<&str> = lines.filter(|line| row(line).is_none()).collect();
        assert!(bad.is_empty(), "{bad:?}");
    }

    #[test]
    fn every_operation_that_rounds_has_true_values() {
        for op in crate::op::TABLE.iter().filter(|op| op.slack.reference > 0.0) {
            let (count, arity) = (of(op.name).count(), op.arity);
            assert!(count >= 100, "{}: {count} rows", op.name);
            assert!(of(op.name).all(|case| case.at.len() == arity), "{}", op.name);
        }
    }
}

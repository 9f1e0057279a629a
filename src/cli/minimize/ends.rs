//! All end points of `minimize`, as NumPy's arrays.

use super::records::Found;
use crate::cli::Failure;
use crate::cli::engine::source;
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::descent::{Ends, Status};
use gradfield::files::{Column, Kind, NpzWriter, Output};

/// Each variable and `f` as the run had them, `status` (whose names are `status_names[status]`), `steps`, `basin` (the
/// row of the table, from 0; -1 for none), `device`.
pub(super) fn write(
    found: &Found<'_>,
    variables: &[String],
    kept: &[Ends],
    engine: &dyn Backend,
    out: &mut Output,
) -> Result<(), Failure> {
    let precision = kept.first().map_or(Precision::F32, |ends| ends.values.precision());
    let kind = match precision {
        Precision::F32 => Kind::of(&Column::F32(&[])),
        Precision::F64 => Kind::of(&Column::F64(&[])),
    };
    let count = [kept.iter().map(|ends| ends.statuses.len()).sum()];
    let mut writer = NpzWriter::new(out);
    for (v, name) in variables.iter().enumerate() {
        let mut array = writer.array(name, &count, kind)?;
        kept.iter().try_for_each(|ends| array.push(&ends.positions[v]))?;
        array.finish()?;
    }
    let mut array = writer.array("f", &count, kind)?;
    kept.iter().try_for_each(|ends| array.push(&ends.values))?;
    array.finish()?;
    let whole: [(&str, Number<'_>); 3] = [
        ("status", &|ends, k| ends.statuses[k] as i64),
        ("steps", &|ends, k| i64::from(ends.steps[k])),
        ("basin", &|ends, k| basin(found, ends, k)),
    ];
    for (name, of) in whole {
        let mut array = writer.array(name, &count, Kind::of(&Column::I64(&[])))?;
        for ends in kept {
            let numbers: Vec<i64> = (0..ends.statuses.len()).map(|k| of(ends, k)).collect();
            array.push(numbers.as_slice())?;
        }
        array.finish()?;
    }
    let names: Vec<&str> =
        std::iter::once(Status::Active).chain(Status::ENDS).map(gradfield::descent::Status::name).collect();
    let source = source(engine, precision);
    let texts = [("status_names", vec![names.len()], names), ("device", vec![], vec![source.as_str()])];
    for (name, shape, words) in texts {
        let mut array = writer.array(name, &shape, Kind::of(&Column::Text(&words)))?;
        array.push(Column::Text(&words))?;
        array.finish()?;
    }
    Ok(writer.finish()?)
}

/// A whole number of an end.
type Number<'a> = &'a dyn Fn(&Ends, usize) -> i64;

/// The row at which a particle ended, or -1.
fn basin(found: &Found<'_>, ends: &Ends, k: usize) -> i64 {
    if !ends.statuses[k].is_success() {
        return -1;
    }
    let row = found.minima.row_of(found.basins.cell_of(ends, k));
    row.map_or(-1, |row| row as i64)
}

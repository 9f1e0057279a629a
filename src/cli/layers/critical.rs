//! The layer `critical`: marks at the critical points, a form for each kind, with their counts in the legend.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::engine::processor;
use gradfield::critical::{Critical, Kind, Search, find};
use gradfield::picture::{Form, Marks, Picture};

pub(super) const PLANE: Row = Row {
    names: &["critical"],
    variables: 2,
    of_vectors: false,
    usual: false,
    fills: false,
    banded: true,
    flags: |_| Vec::new(),
    frame: None,
    add: |scene, picture| add(scene, picture, |x, _| (x[0], x[1])),
};

/// Of one variable the marks stand on the curve.
pub(super) const LINE: Row =
    Row { variables: 1, frame: Some(frame), add: |scene, picture| add(scene, picture, |x, f| (x[0], f)), ..PLANE };

fn frame(scene: &Scene<'_>, _: &mut Picture) -> Result<(), Failure> {
    match scene.has("curve") {
        true => Ok(()),
        false => Err(Failure::usage(
            "--layers: the marks of `critical` stand on the curve; draw it too, as in --layers curve,critical",
        )),
    }
}

/// Marks at `place(x, f)`.
fn add(scene: &Scene<'_>, picture: &mut Picture, place: fn(&[f64], f64) -> (f64, f64)) -> Result<(), Failure> {
    let search = Search::over(scene.ranges.clone());
    let exact = processor(&scene.arguments.compute)?;
    let found = find(scene.expression, &search, scene.engine, scene.precision, &exact)?;
    let lines = found.continua.iter().flat_map(|one| one.samples.iter().map(|x| place(x, one.f)));
    let dots = Marks { points: lines.collect(), form: Form::Dot, label: line_label(&found) };
    picture.layers.push(dots.into());
    for (kind, form) in [
        (Kind::Degenerate, Form::Diamond),
        (Kind::Saddle, Form::Cross),
        (Kind::Maximum, Form::Up),
        (Kind::Minimum, Form::Down),
    ] {
        let points = found.points.iter().filter(|point| point.kind == kind);
        let points: Vec<(f64, f64)> = points.map(|point| place(&point.x, point.f)).collect();
        let label = match points.len() {
            1 => format!("1 {}", kind.name()),
            count => format!("{count} {}", kind.plural()),
        };
        picture.layers.push(Marks { points, form, label }.into());
    }
    Ok(())
}

/// Lines and areas.
fn line_label(found: &Critical) -> String {
    match found.continua.len() {
        1 => format!("critical {}", found.continua[0].shape.name()),
        count => format!("{count} critical lines or areas"),
    }
}

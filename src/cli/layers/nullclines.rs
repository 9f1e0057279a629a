//! The layer `nullclines`: the two lines along which one derivative is zero; they cross at the critical points.

use super::{Row, Scene};
use crate::cli::Failure;
use gradfield::Points;
use gradfield::expr::Outputs;
use gradfield::field::Evaluator;
use gradfield::picture::{Picture, ZeroLine, Zeros};

pub(super) const ROW: Row = Row {
    names: &["nullclines"],
    variables: 2,
    usual: false,
    fills: false,
    banded: false,
    flags: |_| Vec::new(),
    frame: None,
    add,
};

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let (x, y) = (layout.x_centres(), layout.y_centres());
    let side = |axis: &[f64]| (axis[axis.len() - 1] - axis[0]) / (axis.len() - 1).max(1) as f64;
    let sides = [side(&x), side(&y)];
    // f, df/dx, df/dy, then the Hessian row by row: f alone is not needed, and of the others' columns one is there twice.
    let all = scene.expression.hessian()?;
    let outputs = Outputs { outputs: [1, 2, 3, 4, 6].map(|k| all.outputs[k]).to_vec(), ..all };
    let points = Points::Grid(vec![x, y]).rounded(scene.precision);
    let found = Evaluator::new(&outputs, scene.engine, scene.precision)?.evaluate(&points)?;
    let slope = |column: usize, side: f64| found[column].to_f64().into_iter().map(|v| v * side).collect::<Vec<f64>>();
    let variables = scene.expression.variables();
    for (k, second, style) in [(0, [2, 3], ZeroLine::Dark), (1, [3, 4], ZeroLine::Light)] {
        let (across, up) = (slope(second[0], sides[0]), slope(second[1], sides[1]));
        let label = format!("∂f/∂{} = 0", variables[k]);
        let zeros = Zeros::new(&found[k].to_f64(), [&across, &up], &layout, style, &label)?;
        picture.layers.push(zeros.into());
    }
    Ok(())
}

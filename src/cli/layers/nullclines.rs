//! The layer `nullclines`: the two lines along which one derivative, or one component of a vector field, is zero; they
//! cross at the critical points.

use super::{Row, Scene};
use crate::cli::Failure;
use gradfield::Points;
use gradfield::derived::component_names;
use gradfield::expr::Outputs;
use gradfield::field::Evaluator;
use gradfield::picture::{Picture, ZeroLine, Zeros};

pub(super) const ROW: Row = Row {
    names: &["nullclines"],
    variables: 2,
    of_vectors: true,
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
    // The value, the two slopes or components, then their derivatives row by row: the value is not needed.
    let all = scene.expression.vectors_and_slopes()?;
    let outputs = Outputs { outputs: all.outputs[1..].to_vec(), ..all };
    let points = Points::Grid(vec![x, y]).rounded(scene.precision);
    let found = Evaluator::new(&outputs, scene.engine, scene.precision)?.evaluate(&points)?;
    let slope = |column: usize, side: f64| found[column].to_f64().into_iter().map(|v| v * side).collect::<Vec<f64>>();
    let variables = scene.expression.variables();
    for (k, second, style) in [(0, [2, 3], ZeroLine::Dark), (1, [4, 5], ZeroLine::Light)] {
        let (across, up) = (slope(second[0], sides[0]), slope(second[1], sides[1]));
        let label = if scene.expression.is_vector() {
            format!("{} = 0", component_names(variables)[k])
        } else {
            format!("∂f/∂{} = 0", variables[k])
        };
        let zeros = Zeros::new(&found[k].to_f64(), [&across, &up], &layout, style, &label)?;
        picture.layers.push(zeros.into());
    }
    Ok(())
}

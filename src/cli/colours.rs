//! The colours of a heat layer: what it shows (`--show`), and `--map`, `--scale` and `--clim`.

use super::Failure;
use super::options::range;
use super::plot::Arguments;
use gradfield::derived::{self, Part, component_names};
use gradfield::expr::derive::Deriver;
use gradfield::expr::{Context, Declared, Outputs};
use gradfield::op::ops;
use gradfield::picture::{ColourMap, Colouring, Limits, Scale, typeset};
use gradfield::{Expression, Values};

/// The quantity of `--show`, as an output over the expression's own variables, its value, its slopes or components, and what
/// is derived from them; of two variables.
pub(super) fn shown(expression: &Expression, show: &str) -> Result<Outputs, Failure> {
    let variables = expression.variables();
    // Where a variable has the name, the variable is meant, and the value or slope goes by another.
    let free = |name: String| if variables.contains(&name) { name + "_" } else { name };
    let (vector, n) = (expression.is_vector(), variables.len());
    let slopes = if vector { component_names(variables) } else { variables.iter().map(|v| format!("d{v}")).collect() };
    let first: Vec<String> = std::iter::once("f".to_string()).chain(slopes).map(free).collect();
    let text = match show {
        "f" => first[0].clone(),
        "speed" | "grad" if vector => first[0].clone(),
        "grad" => format!("hypot({}, {})", first[1], first[2]),
        "angle" => format!("atan2({}, {})", first[2], first[1]),
        "dx" if !vector => first[1].clone(),
        "dy" if !vector => first[2].clone(),
        other => other.to_string(),
    };
    let parts: Vec<Part> = parts(expression).into_iter().filter(|part| text.contains(&part.name)).collect();
    let known = derived::outputs(expression, &parts, None)?;
    let names = variables.iter().cloned().chain(first).chain(parts.into_iter().map(|part| free(part.name)));
    let context = Context { variables: Some(declared(names)), ..Context::default() };
    let parsed =
        gradfield::expr::parse::parse(&text, &context).map_err(|error| Failure::usage(format!("--show: {error}")))?;
    let mut graph = known.graph;
    let replace = |graph: &mut gradfield::expr::Graph, place: u32| match place as usize {
        k if k < n => graph.variable(place),
        k => known.outputs[k - n],
    };
    let outputs = graph.import(&parsed.graph, &[parsed.value], replace);
    Ok(Outputs { graph, variables: known.variables, outputs })
}

/// What `--show` may refer to by name beside the value and the slopes: of a function its second derivatives `dxx`, `dxy`,
/// `dyy` (`d_11` and so on of `x[1]`).
fn parts(expression: &Expression) -> Vec<Part> {
    let variables = expression.variables();
    let rows = derived::TABLE.iter().filter(|row| row.is_of(expression) && row.name != "jacobian");
    let plain = variables.iter().all(|name| !name.contains('['));
    let short = |(k, part): (usize, Part)| {
        let (i, j) = (k / variables.len(), k % variables.len());
        let name = if plain { format!("d{}{}", variables[i], variables[j]) } else { format!("d_{}{}", i + 1, j + 1) };
        part.called(name)
    };
    let named = |row: &derived::Quantity| match row.name {
        "hessian" => row.parts(variables).into_iter().enumerate().map(short).collect::<Vec<Part>>(),
        _ => row.parts(variables),
    };
    rows.flat_map(named).collect()
}

/// A quantity of two variables with its partial derivatives.
pub(super) fn with_slopes(shown: Outputs) -> Result<Outputs, Failure> {
    let Outputs { mut graph, variables, mut outputs } = shown;
    let places: Vec<u32> = (0..variables.len() as u32).collect();
    outputs.extend(Deriver::default().gradient(&mut graph, outputs[0], &places)?);
    Ok(Outputs { graph, variables, outputs })
}

/// The quantity's name as it is printed.
pub(super) fn label(arguments: &Arguments) -> String {
    match arguments.show.as_str() {
        // Of a vector field the value is its length.
        "f" | "speed" | "grad" if arguments.vector => "|F|".to_string(),
        "angle" if arguments.vector => "angle of F".to_string(),
        "grad" => "|∇f|".to_string(),
        "angle" => "angle of ∇f".to_string(),
        "laplacian" => "∇²f".to_string(),
        "curvature" => "mean curvature".to_string(),
        "divergence" => "∇·F".to_string(),
        "curl" => "∇×F".to_string(),
        show => typeset(show),
    }
}

/// The declaration of these names, where `x[1]`, `x[2]` are the components of `x`.
pub(super) fn declared(names: impl Iterator<Item = String>) -> Vec<Declared> {
    let mut all: Vec<Declared> = Vec::new();
    for name in names {
        let indexed = name.split_once('[').map(|(stem, _)| stem);
        match (indexed, all.last_mut()) {
            (Some(stem), Some(Declared { name, components: Some(count) })) if name == stem => *count += 1,
            (Some(stem), _) => all.push(Declared { name: stem.to_string(), components: Some(1) }),
            (None, _) => all.push(Declared { name, components: None }),
        }
    }
    all
}

/// Whether the quantity of `--show` is a direction: `angle`, or an atan2 of anything.
fn is_angle(expression: &Expression, show: &str) -> Result<bool, Failure> {
    let shown = || shown(expression, show).map(|shown| shown.graph.applied(shown.outputs[0]));
    Ok(show == "angle" || show != "f" && shown()?.is_some_and(|(op, _)| op == ops::ATAN2))
}

/// The colours of `--map`, `--scale` and `--clim` for the values of the quantity of `--show`; of directions all of them,
/// unless one of these says otherwise.
pub(super) fn colouring_shown(
    arguments: &Arguments,
    expression: &Expression,
    values: &[f64],
) -> Result<Colouring, Failure> {
    if !is_angle(expression, &arguments.show)? {
        return colouring(arguments, values);
    }
    let map = arguments.map.as_deref().map_or(Ok(ColourMap::cyclic()), ColourMap::by_name)?;
    if arguments.clim.is_none() && Scale::by_name(&arguments.scale)? == Scale::Linear {
        return Ok(Colouring::turn(map));
    }
    fitted(arguments, map, values)
}

/// The colours of `--map`, `--scale` and `--clim` for some values.
pub(super) fn colouring(arguments: &Arguments, values: &[f64]) -> Result<Colouring, Failure> {
    let scale = Scale::by_name(&arguments.scale)?;
    let signed = values.iter().any(|v| *v < 0.0)
        && values.iter().any(|v| *v > 0.0)
        && !matches!(scale, Scale::Log | Scale::Equalised);
    let map = match arguments.map.as_deref() {
        Some(name) => ColourMap::by_name(name)?,
        // The height of a surface tells its sign.
        None if signed && !(arguments.show == "f" && arguments.layers.iter().any(|name| name == "surface")) => {
            ColourMap::diverging()
        }
        None => ColourMap::sequential(),
    };
    fitted(arguments, map, values)
}

fn fitted(arguments: &Arguments, map: ColourMap, values: &[f64]) -> Result<Colouring, Failure> {
    let scale = Scale::by_name(&arguments.scale)?;
    let limits = match &arguments.clim {
        None => Limits::Auto,
        Some(text) => {
            let (lo, hi) = range("--clim", text, text)?;
            Limits::Fixed { lo, hi }
        }
    };
    Ok(Colouring::fit(map, scale, limits, values)?)
}

/// Says what the colours do not show as it is.
pub(super) fn tell(colouring: &Colouring, scale: &str, values: &[f64], quiet: bool) {
    let counts = colouring.count(values);
    if quiet || counts.nan + counts.below + counts.above == 0 {
        return;
    }
    if scale.eq_ignore_ascii_case("log") && counts.below + counts.nan == counts.all {
        return eprintln!("note: no value is above zero, so the scale log shows none; --scale symlog takes any sign");
    }
    let share = |count: u64| 100.0 * count as f64 / counts.all.max(1) as f64;
    let (lo, hi) = colouring.range();
    eprintln!(
        "note: colours run from {lo:.6} to {hi:.6}; {:.2} % of the pixels lie below, {:.2} % above, {:.2} % are not a number",
        share(counts.below),
        share(counts.above),
        share(counts.nan)
    );
}

/// The values of a column as f32 for the fast colouring.
pub(super) fn as_f32(values: &Values) -> std::borrow::Cow<'_, [f32]> {
    match values {
        Values::F32(values) => values.into(),
        Values::F64(values) => values.iter().map(|v| *v as f32).collect::<Vec<f32>>().into(),
    }
}

//! Quantities that are derived from functions and vector fields, each against a closed form.

use crate::agree::require;
use gradfield::backend::bound::Checker;
use gradfield::backend::reference::Reference;
use gradfield::descent::starts::uniform;
use gradfield::expr::{Context, Declared, Outputs};
use gradfield::field::tape_of;
use gradfield::{Expression, Points, Precision, derived};
use libtest_mimic::{Failed, Trial};

/// Function or vector field, its variables, a quantity, and each of its parts with its closed form.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// An infinite plate with a hole of radius 1 under tension 1 along x, Young's modulus 1, Poisson's ratio 0.3, in plane stress
/// (G. Kirsch 1898): the displacement.
const HOLE: &str = "r = hypot(x, y); t = atan2(y, x); k = 2.7/1.3; c = 1.3/4;
    c (r (k + 1) cos(t) + 2/r ((1 + k) cos(t) + cos(3t)) - 2/r^3 cos(3t));
    c (r (k - 3) sin(t) + 2/r ((1 - k) sin(t) + sin(3t)) - 2/r^3 sin(3t))";
/// The sum of its stresses is 1 - 2 cos(2t)/r^2, and that of its strains 0.7 times as large.
const HOLE_SUM: &str = "0.7 (1 - 2 (x^2 - y^2)/(x^2 + y^2)^2)";

const CASES: &[Case] = &[
    ("x^2 y + z^4", "x,y,z", "laplacian", &[("laplacian", "2y + 12z^2")]),
    ("ln(hypot(x, y))", "x,y", "laplacian", &[("laplacian", "0")]),
    ("sin(pi x) sinh(pi y)/sinh(pi)", "x,y", "laplacian", &[("laplacian", "0")]),
    ("x^5", "x", "laplacian", &[("laplacian", "20x^3")]),
    ("x[1]^2 x[2]^3", "x[2]", "laplacian", &[("laplacian", "2x[2]^3 + 6x[1]^2 x[2]")]),
    (
        "x^2 y^3",
        "x,y",
        "hessian",
        &[("d2f/dxdx", "2y^3"), ("d2f/dxdy", "6x y^2"), ("d2f/dydx", "6x y^2"), ("d2f/dydy", "6x^2 y")],
    ),
    // A dome of radius 4.
    ("sqrt(16 - x^2 - y^2)", "x,y", "curvature", &[("curvature", "-1/4")]),
    // Heat through a pipe's wall from radius 1 to 2.
    ("ln(x^2 + y^2)/ln(4)", "x,y", "flux", &[("q_x", "-x/(ln(2) (x^2 + y^2))"), ("q_y", "-y/(ln(2) (x^2 + y^2))")]),
    ("-y; x", "x,y", "divergence", &[("divergence", "0")]),
    ("-y; x", "x,y", "curl", &[("curl", "2")]),
    ("x^2 y; sin(x)", "x,y", "divergence", &[("divergence", "2x y")]),
    ("x^2 y; sin(x)", "x,y", "curl", &[("curl", "cos(x) - x^2")]),
    ("y z; z x; x y", "x,y,z", "curl", &[("curl_x", "0"), ("curl_y", "0"), ("curl_z", "0")]),
    ("y^2; z^3; x^4", "x,y,z", "curl", &[("curl_x", "-3z^2"), ("curl_y", "-4x^3"), ("curl_z", "-2y")]),
    ("x y; y^2", "x,y", "jacobian", &[("dF_x/dx", "y"), ("dF_x/dy", "x"), ("dF_y/dx", "0"), ("dF_y/dy", "2y")]),
    // Shear, pure stretching, and both in space.
    ("0.1y; 0", "x,y", "strain", &[("e_xx", "0"), ("e_xy", "0.05"), ("e_yy", "0")]),
    ("0.1y; 0", "x,y", "principal", &[("e_1", "0.05"), ("e_2", "-0.05"), ("theta", "pi/4")]),
    ("0.2x; 0.5y", "x,y", "principal", &[("e_1", "0.5"), ("e_2", "0.2"), ("theta", "pi/2")]),
    ("2z; 0; 0", "x,y,z", "principal", &[("e_1", "1"), ("e_2", "0"), ("e_3", "-1")]),
    ("3x; y; 2z", "x,y,z", "principal", &[("e_1", "3"), ("e_2", "2"), ("e_3", "1")]),
    ("4x; 4y; 4z", "x,y,z", "principal", &[("e_1", "4"), ("e_2", "4"), ("e_3", "4")]),
    // diag(1, 2, 6), turned by 30 degrees about z.
    (
        "1.25x - 0.25sqrt(3) y; -0.25sqrt(3) x + 1.75y; 6z",
        "x,y,z",
        "principal",
        &[("e_1", "6"), ("e_2", "2"), ("e_3", "1")],
    ),
    (
        "1.25x - 0.25sqrt(3) y; -0.25sqrt(3) x + 1.75y; 6z",
        "x,y,z",
        "directions",
        &[
            ("n1_x", "0"),
            ("n1_y", "0"),
            ("n1_z", "1"),
            ("n2_x", "0.5"),
            ("n2_y", "-sqrt(3)/2"),
            ("n2_z", "0"),
            ("n3_x", "sqrt(3)/2"),
            ("n3_y", "0.5"),
            ("n3_z", "0"),
        ],
    ),
    (HOLE, "x,y", "divergence", &[("divergence", HOLE_SUM)]),
];

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests: Vec<Trial> = CASES
        .iter()
        .map(|case| Trial::test(format!("derived::{}::{}", case.2, case.0.replace(['\n', ' '], "")), || compare(case)))
        .collect();
    tests.push(Trial::test("derived::a_wrong_closed_form_is_seen", || {
        let wrong: Case = ("x^2 y; sin(x)", "x,y", "curl", &[("curl", "cos(x) + x^2")]);
        require(compare(&wrong).is_err(), || "it passed".to_string())
    }));
    tests.push(Trial::test("derived::directions_are_eigenvectors", eigenvectors));
    tests.push(Trial::test("derived::stress_at_a_hole_is_three_times_as_large", stress));
    tests
}

fn context(variables: &str) -> Result<Context, Failed> {
    let declared: Result<Vec<Declared>, _> = variables.split(',').map(str::parse).collect();
    Ok(Context { variables: Some(declared?), ..Context::default() })
}

/// The parts of a quantity, with their names.
fn parts(text: &str, context: &Context, quantity: &str) -> Result<(Vec<String>, Outputs), Failed> {
    let vector = derived::by_name(quantity).is_some_and(|row| row.of_vectors);
    let expression =
        if vector { Expression::parse_vector(text, context) } else { Expression::parse_with(text, context) }?;
    let row = derived::by_name(quantity).filter(|row| row.is_of(&expression)).ok_or("no such quantity")?;
    let parts = row.parts(expression.variables());
    let mut outputs = derived::outputs(&expression, &parts, None)?;
    outputs.outputs.drain(..=expression.variables().len());
    Ok((parts.into_iter().map(|part| part.name).collect(), outputs))
}

/// Values and bounds in f64.
fn checked(outputs: &Outputs, points: &Points) -> Vec<gradfield::backend::bound::Checked> {
    Checker::new(&Reference, Precision::F64).check(&tape_of(outputs), points, &[], 0, points.len())
}

fn compare((text, variables, quantity, forms): &Case) -> Result<(), Failed> {
    let context = context(variables)?;
    let (names, outputs) = parts(text, &context, quantity)?;
    let wanted: Vec<&str> = forms.iter().map(|(name, _)| *name).collect();
    require(names == wanted, || format!("{names:?} instead of {wanted:?}"))?;
    let column = |v: u64| (0..200).map(|k| 1.0 + uniform(3, k, v)).collect::<Vec<f64>>();
    let points = Points::columns((0..outputs.variables.len() as u64).map(column).collect());
    for ((name, form), found) in forms.iter().zip(checked(&outputs, &points)) {
        let exact = checked(&Expression::parse_with(form, &context)?.value(), &points).remove(0);
        for k in 0..points.len() {
            // A rounding more for either, as a constant is rounded too.
            let room = found.bound[k] + exact.bound[k] + 4.0 * f64::EPSILON * exact.value[k].abs();
            let room = room + 1e-15;
            require((found.value[k] - exact.value[k]).abs() <= room && room < 1e-6, || {
                let (found, exact) = (found.value[k], exact.value[k]);
                format!("{name} at {:?}: {found} instead of {exact}, room {room:e}", points.point(k))
            })?;
        }
    }
    Ok(())
}

/// At the hole's edge, across the tension: the strain along the edge is that of three times the stress.
fn stress() -> Result<(), Failed> {
    let (names, outputs) = parts(HOLE, &context("x,y")?, "strain")?;
    let points = Points::columns(vec![vec![0.0], vec![1.0]]);
    let found = checked(&outputs, &points);
    for ((name, found), exact) in names.iter().zip(&found).zip([3.0, 0.0, -0.9]) {
        let apart = (found.value[0] - exact).abs();
        require(apart <= found.bound[0] + 4.0 * f64::EPSILON, || {
            format!("{name} is {} instead of {exact}", found.value[0])
        })?;
    }
    Ok(())
}

/// A n = e n for each principal strain e of a strain A and its direction n, which are upright on each other and of length 1;
/// of a strain of any size.
fn eigenvectors() -> Result<(), Failed> {
    for size in ["1", "1e-12", "1e9"] {
        let text = format!("{size} (sin(x y) + z^2); {size} (x^2 - y z); {size} (x cos(y) + 0.3z)");
        let context = context("x,y,z")?;
        let column = |v: u64| (0..500).map(|k| 4.0 * uniform(8, k, v) - 2.0).collect::<Vec<f64>>();
        let points = Points::columns((0..3).map(column).collect());
        let values = |quantity: &str| -> Result<Vec<Vec<f64>>, Failed> {
            let (_, outputs) = parts(&text, &context, quantity)?;
            Ok(checked(&outputs, &points).into_iter().map(|found| found.value).collect())
        };
        let (strain, principal, directions) = (values("strain")?, values("principal")?, values("directions")?);
        for k in 0..points.len() {
            let entry = |i: usize, j: usize| strain[[[0, 1, 2], [1, 3, 4], [2, 4, 5]][i][j]][k];
            let n = |which: usize, i: usize| directions[3 * which + i][k];
            let most = principal[0][k].abs().max(principal[2][k].abs());
            let gap = (principal[0][k] - principal[1][k]).min(principal[1][k] - principal[2][k]) / most;
            for (which, size_of) in principal.iter().enumerate() {
                for i in 0..3 {
                    let turned: f64 = (0..3).map(|j| entry(i, j) * n(which, j)).sum();
                    let off = (turned - size_of[k] * n(which, i)).abs() / most;
                    require(off * gap < 1e-12, || format!("{size}, at {:?}: {off:e}, gap {gap}", points.point(k)))?;
                    let dot: f64 = (0..3).map(|j| n(which, j) * n(i, j)).sum();
                    let wanted = if i == which { 1.0 } else { 0.0 };
                    require((dot - wanted).abs() * gap < 1e-12, || format!("{size}: {dot} instead of {wanted}"))?;
                }
            }
        }
    }
    Ok(())
}

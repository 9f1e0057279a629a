//! Fields derived from a function or a vector field: Hessian, Laplacian, curvature, heat flux; Jacobian, divergence, curl,
//! strain.
//!
//! Flows in: an [`Expression`], the [`Part`]s wanted. Flows out: [`Outputs`] for an engine. A quantity is a row of
//! [`TABLE`]: formulas in gradfield's own language over exact derivatives, so that every engine computes it, and a new one
//! is a row. In them f is the value, g1, g2, ... the gradient, h11, h12, ... the Hessian; of a vector field u1, u2, ... are
//! the components and j12 is the derivative of the first by the second variable; k is the conductivity of the heat flux.
//!
//! Who should not use it: who wants f and its gradient alone; these are `Expression::gradient`.

use crate::expr::{Context, Declared, DeriveError, Expression, Id, Outputs, parse, simplify};
use std::ops::RangeInclusive;

/// A quantity, of one or several numbers at a point.
pub struct Quantity {
    /// What `--with` calls it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Of a vector field; else of a function.
    pub of_vectors: bool,
    /// Numbers of variables for which it is defined.
    pub dimensions: RangeInclusive<usize>,
    /// Name and formula of each number, for so many variables. In a name <1> is the first variable, {1} its axis.
    parts: fn(usize) -> Vec<(String, String)>,
}

/// A number of a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `laplacian`, `e_xy`, `dF_x/dy`, ...
    pub name: String,
    formula: String,
}

impl Part {
    /// The same by another name.
    #[must_use]
    pub fn called(self, name: String) -> Part {
        Part { name, ..self }
    }
}

/// All quantities, those of functions first.
pub static TABLE: [Quantity; 10] = [
    Quantity {
        name: "hessian",
        about: "the second derivatives, row by row",
        of_vectors: false,
        dimensions: 1..=usize::MAX,
        parts: |n| matrix(n, |i, j| (format!("d2f/d<{i}>d<{j}>"), format!("h{i}_{j}"))),
    },
    Quantity {
        name: "laplacian",
        about: "the sum of the second derivatives, the divergence of the gradient",
        of_vectors: false,
        dimensions: 1..=usize::MAX,
        parts: |n| one("laplacian", sum(n, |i| format!("h{i}_{i}"))),
    },
    Quantity {
        name: "curvature",
        about: "the mean curvature of the graph, positive where it is a bowl",
        of_vectors: false,
        dimensions: 2..=2,
        // M. P. do Carmo, Differential Geometry of Curves and Surfaces, 3-3.
        parts: |_| {
            let above = "(1 + g2^2)*h1_1 - 2*g1*g2*h1_2 + (1 + g1^2)*h2_2";
            one("curvature", format!("({above}) / (2*(1 + g1^2 + g2^2)^1.5)"))
        },
    },
    Quantity {
        name: "flux",
        about: "the heat flux -k grad f, k from --conductivity (Fourier's law)",
        of_vectors: false,
        dimensions: 1..=usize::MAX,
        parts: |n| (1..=n).map(|i| (format!("q_{{{i}}}"), format!("-k*g{i}"))).collect(),
    },
    Quantity {
        name: "jacobian",
        about: "the derivatives of the components, row by row",
        of_vectors: true,
        dimensions: 2..=3,
        parts: |n| matrix(n, |i, j| (format!("dF_{{{i}}}/d<{j}>"), format!("j{i}_{j}"))),
    },
    Quantity {
        name: "divergence",
        about: "how much flows out of a point",
        of_vectors: true,
        dimensions: 2..=3,
        parts: |n| one("divergence", sum(n, |i| format!("j{i}_{i}"))),
    },
    Quantity {
        name: "curl",
        about: "how the flow turns: in the plane one number, positive anticlockwise; in space a vector",
        of_vectors: true,
        dimensions: 2..=3,
        parts: curl,
    },
    Quantity {
        name: "strain",
        about: "the symmetric part of the Jacobian, of a displacement the small strain",
        of_vectors: true,
        dimensions: 2..=3,
        parts: |n| {
            let all = matrix(n, |i, j| (format!("e_{{{i}}}{{{j}}}"), format!("(j{i}_{j} + j{j}_{i})/2")));
            // It is symmetric: the upper triangle.
            all.into_iter().enumerate().filter(|(k, _)| k % n >= k / n).map(|(_, part)| part).collect()
        },
    },
    Quantity {
        name: "principal",
        about: "the principal strains, the largest first, and in the plane the angle of the first's direction to the x axis",
        of_vectors: true,
        dimensions: 2..=3,
        parts: principal,
    },
    Quantity {
        name: "directions",
        about: "in space the directions of the principal strains, a unit vector for each; NaN where two are equal",
        of_vectors: true,
        dimensions: 3..=3,
        parts: |_| directions(),
    },
];

/// A matrix row by row, counted from 1.
fn matrix(n: usize, entry: impl Fn(usize, usize) -> (String, String)) -> Vec<(String, String)> {
    (1..=n).flat_map(|i| (1..=n).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
}

fn one(name: &str, formula: String) -> Vec<(String, String)> {
    vec![(name.to_string(), formula)]
}

fn sum(n: usize, term: impl Fn(usize) -> String) -> String {
    (1..=n).map(term).collect::<Vec<String>>().join(" + ")
}

fn curl(n: usize) -> Vec<(String, String)> {
    if n == 2 {
        return one("curl", "j2_1 - j1_2".to_string());
    }
    let around = |i: usize| (i % 3 + 1, (i + 1) % 3 + 1);
    let part = |i: usize| {
        let (a, b) = around(i);
        (format!("curl_{{{i}}}"), format!("j{b}_{a} - j{a}_{b}"))
    };
    (1..=3).map(part).collect()
}

/// The eigenvalues of the strain: of a 2 x 2 matrix Mohr's circle; of a 3 x 3 matrix O. K. Smith, "Eigenvalues of a
/// symmetric 3 x 3 matrix", Communications of the ACM 4 (1961), 168.
fn principal(n: usize) -> Vec<(String, String)> {
    let named = |name: &str, text: String| (name.to_string(), text);
    if n == 2 {
        let (mean, radius) = ("(j1_1 + j2_2)/2", "hypot((j1_1 - j2_2)/2, (j1_2 + j2_1)/2)");
        let angle = "atan2(j1_2 + j2_1, j1_1 - j2_2)/2".to_string();
        let [first, second] = ["+", "-"].map(|sign| format!("{mean} {sign} {radius}"));
        return vec![named("e_1", first), named("e_2", second), named("theta", angle)];
    }
    let part =
        |name: &str, value: &str| named(name, format!("{STRAIN} s_1 = s_m + s_p*s_u; s_3 = s_m + s_p*s_w; {value}"));
    vec![part("e_1", "s_1"), part("e_2", "3*s_m - s_1 - s_3"), part("e_3", "s_3")]
}

/// The strain in space: its mean s_m, its size s_p, and the largest and the least eigenvalue of what is left, s_u and s_w
/// times s_p.
const STRAIN: &str = "s_m = (j1_1 + j2_2 + j3_3)/3; s_a = j1_1 - s_m; s_b = j2_2 - s_m; s_c = j3_3 - s_m; \
                      s_d = (j1_2 + j2_1)/2; s_f = (j1_3 + j3_1)/2; s_g = (j2_3 + j3_2)/2; \
                      s_p = sqrt((s_a^2 + s_b^2 + s_c^2 + 2*(s_d^2 + s_f^2 + s_g^2))/6); \
                      s_r = s_a*(s_b*s_c - s_g^2) - s_d*(s_d*s_c - s_g*s_f) + s_f*(s_d*s_g - s_b*s_f); \
                      s_t = acos(if(s_p > 0, clamp(s_r/(2*s_p^3), -1, 1), 1))/3; \
                      s_u = 2*cos(s_t); s_w = 2*cos(s_t + 2*pi/3);";

/// The eigenvectors of the strain in space. For an eigenvalue v of A the adjugate of A - v is a multiple of n n^T: its column
/// with the largest diagonal element has the direction n, that component positive. The second is upright on the others.
fn directions() -> Vec<(String, String)> {
    let lines = |value: &str, name: &str| {
        format!(
            "{name}_a = s_a/s_p - {value}; {name}_b = s_b/s_p - {value}; {name}_c = s_c/s_p - {value}; \
             {name}_xx = {name}_b*{name}_c - h_g^2; {name}_yy = {name}_a*{name}_c - h_f^2; \
             {name}_zz = {name}_a*{name}_b - h_d^2; {name}_xy = h_f*h_g - h_d*{name}_c; \
             {name}_xz = h_d*h_g - h_f*{name}_b; {name}_yz = h_d*h_f - h_g*{name}_a; \
             {name}_1 = {name}_xx >= max({name}_yy, {name}_zz); {name}_2 = {name}_yy >= {name}_zz; \
             {name}_p = if({name}_1, {name}_xx, if({name}_2, {name}_xy, {name}_xz)); \
             {name}_q = if({name}_1, {name}_xy, if({name}_2, {name}_yy, {name}_yz)); \
             {name}_r = if({name}_1, {name}_xz, if({name}_2, {name}_yz, {name}_zz)); \
             {name}_n = hypot(hypot({name}_p, {name}_q), {name}_r); \
             {name}_x = {name}_p/{name}_n; {name}_y = {name}_q/{name}_n; {name}_z = {name}_r/{name}_n;"
        )
    };
    let common =
        format!("{STRAIN} h_d = s_d/s_p; h_f = s_f/s_p; h_g = s_g/s_p; {} {}", lines("s_u", "p"), lines("s_w", "q"));
    let second = ["q_y*p_z - q_z*p_y", "q_z*p_x - q_x*p_z", "q_x*p_y - q_y*p_x"];
    let first = ["p_x", "p_y", "p_z"].into_iter();
    let all = first.chain(second).chain(["q_x", "q_y", "q_z"]).enumerate();
    all.map(|(k, value)| (format!("n{}_{{{}}}", k / 3 + 1, k % 3 + 1), format!("{common} {value}"))).collect()
}

/// The quantity of this name.
pub fn by_name(name: &str) -> Option<&'static Quantity> {
    TABLE.iter().find(|quantity| quantity.name == name)
}

/// What an axis is called within a name: as the variable, or by its number where that is `x[1]`.
fn axis(variables: &[String], place: usize) -> String {
    let plain = variables.iter().all(|name| !name.contains('['));
    if plain { variables[place].clone() } else { (place + 1).to_string() }
}

/// The names of a vector field's components: `F_x`, `F_y`.
pub fn component_names(variables: &[String]) -> Vec<String> {
    (0..variables.len()).map(|place| format!("F_{}", axis(variables, place))).collect()
}

impl Quantity {
    /// Whether it is defined for an expression.
    pub fn is_of(&self, expression: &Expression) -> bool {
        self.of_vectors == expression.is_vector() && self.dimensions.contains(&expression.variables().len())
    }

    /// Its numbers, named by the variables.
    pub fn parts(&self, variables: &[String]) -> Vec<Part> {
        let named = |(name, formula): (String, String)| {
            let name = (0..variables.len()).fold(name, |name, place| {
                let name = name.replace(&format!("<{}>", place + 1), &variables[place]);
                name.replace(&format!("{{{}}}", place + 1), &axis(variables, place))
            });
            Part { name, formula }
        };
        (self.parts)(variables.len()).into_iter().map(named).collect()
    }
}

/// An expression's value, its gradient or its components, and then these parts of quantities of it: 1 + n outputs, and one
/// for each part. `conductivity` is an expression of the same variables; 1 where there is none.
///
/// ```
/// use gradfield::{Expression, derived, expr::Style};
/// let swirl = Expression::parse_vector("-y; x", &Default::default())?;
/// let curl = derived::by_name("curl").unwrap().parts(swirl.variables());
/// assert_eq!(derived::outputs(&swirl, &curl, None)?.print(Style::Text).texts[3], "2");
/// # Ok::<(), gradfield::Error>(())
/// ```
///
/// # Errors
/// As [`Expression::hessian`].
///
/// # Panics
/// If a part is not of such an expression ([`Quantity::is_of`]): a mistake of the caller.
pub fn outputs(
    expression: &Expression,
    parts: &[Part],
    conductivity: Option<&Expression>,
) -> Result<Outputs, DeriveError> {
    let n = expression.variables().len();
    let bends = parts.iter().any(|part| part.formula.contains(['h', 'j']));
    let Outputs { mut graph, variables, mut outputs } =
        if bends { expression.vectors_and_slopes()? } else { expression.vectors()? };
    let (first, second) = if expression.is_vector() { ("u", "j") } else { ("g", "h") };
    let mut known: Vec<(String, Id)> = vec![("f".to_string(), outputs[0])];
    known.extend((0..n).map(|i| (format!("{first}{}", i + 1), outputs[1 + i])));
    if bends {
        let entry = |k: usize| format!("{second}{}_{}", k / n + 1, k % n + 1);
        known.extend((0..n * n).map(|k| (entry(k), outputs[1 + n + k])));
    }
    known.push((
        "k".to_string(),
        match conductivity {
            None => graph.number(1.0),
            Some(k) => {
                let Outputs { graph: other, outputs, .. } = k.value();
                graph.import(&other, &outputs, |graph, place| graph.variable(place))[0]
            }
        },
    ));
    let names = known.iter().map(|(name, _)| Declared { name: name.clone(), components: None }).collect();
    let context = Context { variables: Some(names), ..Context::default() };
    outputs.truncate(1 + n);
    for Part { formula, .. } in parts {
        let parsed = parse::parse(formula, &context).expect("the table's formulas are in the language");
        let replace = |_: &mut _, place: u32| known[place as usize].1;
        outputs.extend(graph.import_with(&parsed.graph, &[parsed.value], replace, simplify::apply));
    }
    Ok(Outputs { graph, variables, outputs })
}

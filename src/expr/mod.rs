//! What a user holds: an [`Expression`], parsed from text, with its exact gradient and Hessian; of a vector field its
//! components too.
//!
//! Flows in: text and a [`Context`] (declared variables, parameters, operations). Flows out: one graph in which f
//! and its derivatives share their subexpressions, ready to be printed or lowered to a tape.

mod build;
mod call;
mod grammar;
pub mod graph;
mod lex;
mod names;
mod operand;
pub mod parse;
pub mod print;
pub mod simplify;
mod spelling;

pub mod derive;

pub use derive::DeriveError;
pub use graph::{Graph, Id};
pub use parse::{Context, Declared, Note, ParseError, ParsedList};
pub use print::{Printed, Style};

use crate::op::ops;
use derive::Deriver;

/// Why a text is not a function with a gradient.
#[derive(Debug, thiserror::Error)]
pub enum ExpressionError {
    /// The text is not in the language.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It has no derivative in the language.
    #[error(transparent)]
    Derive(#[from] DeriveError),
}

/// A function of some variables, f: R^n -> R, as its text said it, with derivatives made on demand.
///
/// ```
/// let f = gradfield::Expression::parse("3x^2 + 8xy - 3y^5")?;
/// assert_eq!(f.variables(), ["x", "y"]);
/// let gradient = f.gradient()?;
/// let printed = gradient.print(gradfield::expr::Style::Text);
/// assert_eq!(printed.texts, ["3x^2 + 8x*y - 3y^5", "6x + 8y", "8x - 15y^4"]);
/// # Ok::<(), gradfield::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    graph: Graph,
    variables: Vec<String>,
    value: Id,
    /// Of a vector field; none of a function.
    components: Vec<Id>,
    notes: Vec<Note>,
}

impl Expression {
    /// Parses a text whose free names are its variables.
    ///
    /// # Errors
    /// - A [`ParseError`] that names the position and shows it.
    pub fn parse(text: &str) -> Result<Expression, ParseError> {
        Expression::parse_with(text, &Context::default())
    }

    /// Parses a text with declared variables, parameters or further operations.
    ///
    /// # Errors
    /// As [`Expression::parse`].
    pub fn parse_with(text: &str, context: &Context) -> Result<Expression, ParseError> {
        let parsed = parse::parse(text, context)?;
        Ok(Expression {
            text: text.trim().to_string(),
            graph: parsed.graph,
            variables: parsed.variables,
            value: parsed.value,
            components: Vec::new(),
            notes: parsed.notes,
        })
    }

    /// Parses a vector field: two or three expressions, each but the last ended by `;`, one for each variable in order,
    /// as in `-y; x`. As a function it is its length, the speed of a flow: that is its value, which has a gradient.
    ///
    /// ```
    /// let swirl = gradfield::Expression::parse_vector("-y; x", &Default::default())?;
    /// assert_eq!(swirl.vectors()?.print(gradfield::expr::Style::Text).texts[1..], ["-y", "x"]);
    /// # Ok::<(), gradfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Expression::parse`]; and where there are not two or three components, as many as variables.
    pub fn parse_vector(text: &str, context: &Context) -> Result<Expression, ParseError> {
        let ParsedList { mut graph, variables, values: components, notes } = parse::parse_list(text, context)?;
        let (count, names) = (components.len(), variables.join(", "));
        if !(2..=3).contains(&count) {
            let message = format!("a vector field has two or three components, this has {count}");
            return Err(
                ParseError::beside(message).hint("write one for each variable, with `;` between, as in `-y; x`")
            );
        }
        if count != variables.len() {
            let names = if names.is_empty() { "none".to_string() } else { names };
            let message = format!("{count} components, but the variables are: {names}");
            let hint = "a vector field has one for each; --vars x,y declares those that no component uses";
            return Err(ParseError::beside(message).hint(hint));
        }
        let value = length(&mut graph, &components);
        Ok(Expression { text: text.trim().to_string(), graph, variables, value, components, notes })
    }

    /// The text as it was typed, without space around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same function under another text, where it was put together from more than was typed.
    #[must_use]
    pub fn with_text(self, text: &str) -> Expression {
        Expression { text: text.trim().to_string(), ..self }
    }

    /// The variables, in the order of points and gradients; an indexed one is `x[1]`, `x[2]`, ...
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Remarks on how the text was read where that may surprise.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The function alone: one output.
    pub fn value(&self) -> Outputs {
        self.outputs(self.graph.clone(), vec![self.value])
    }

    /// Whether it is a vector field.
    pub fn is_vector(&self) -> bool {
        !self.components.is_empty()
    }

    /// The value and a vector at each point: of a vector field its length and its components, of a function f and its
    /// partial derivatives. 1 + n outputs.
    ///
    /// # Errors
    /// As [`Expression::gradient`].
    pub fn vectors(&self) -> Result<Outputs, DeriveError> {
        if !self.is_vector() {
            return self.gradient();
        }
        let outputs = std::iter::once(self.value).chain(self.components.iter().copied()).collect();
        Ok(self.outputs(self.graph.clone(), outputs))
    }

    /// The vector at each point and how it changes: 1 + n + n^2 outputs. Of a vector field its length, its components and
    /// their partial derivatives, component by component; of a function f, its gradient and its Hessian.
    ///
    /// # Errors
    /// As [`Expression::hessian`].
    pub fn vectors_and_slopes(&self) -> Result<Outputs, DeriveError> {
        if !self.is_vector() {
            return self.hessian();
        }
        let (mut all, places, mut deriver) = (self.vectors()?, self.places(), Deriver::default());
        for component in &self.components {
            all.outputs.extend(deriver.gradient(&mut all.graph, *component, &places)?);
        }
        Ok(all)
    }

    /// The function and its partial derivatives: 1 + n outputs, f first, then in the order of the variables.
    ///
    /// # Errors
    /// As [`Deriver::gradient`](derive::Deriver::gradient).
    pub fn gradient(&self) -> Result<Outputs, DeriveError> {
        let mut graph = self.graph.clone();
        let mut outputs = vec![self.value];
        outputs.extend(Deriver::default().gradient(&mut graph, self.value, &self.places())?);
        Ok(self.outputs(graph, outputs))
    }

    /// The function, its partial derivatives and its second derivatives: 1 + n + n^2 outputs; the Hessian row by
    /// row (it is symmetric, and equal entries are one node).
    ///
    /// # Errors
    /// As [`Expression::gradient`]; for `lgamma` and its kin the second derivative may be missing.
    pub fn hessian(&self) -> Result<Outputs, DeriveError> {
        let mut graph = self.graph.clone();
        let places = self.places();
        let mut deriver = Deriver::default();
        let gradient = deriver.gradient(&mut graph, self.value, &places)?;
        let n = places.len();
        let zero = graph.number(0.0);
        let mut rows = vec![vec![zero; n]; n];
        for (i, partial) in gradient.iter().enumerate() {
            // The upper triangle; the rest is the same by symmetry.
            let row = deriver.gradient(&mut graph, *partial, &places[i..])?;
            for (offset, entry) in row.into_iter().enumerate() {
                rows[i][i + offset] = entry;
                rows[i + offset][i] = entry;
            }
        }
        let outputs = std::iter::once(self.value).chain(gradient).chain(rows.into_iter().flatten()).collect();
        Ok(self.outputs(graph, outputs))
    }

    fn places(&self) -> Vec<u32> {
        (0..self.variables.len() as u32).collect()
    }

    fn outputs(&self, graph: Graph, outputs: Vec<Id>) -> Outputs {
        Outputs { graph, variables: self.variables.clone(), outputs }
    }
}

/// The length of a vector.
fn length(graph: &mut Graph, components: &[Id]) -> Id {
    match *components {
        [x, y] => graph.apply(ops::HYPOT, &[x, y]),
        [x, y, z] => {
            let plane = graph.apply(ops::HYPOT, &[x, y]);
            graph.apply(ops::HYPOT, &[plane, z])
        }
        _ => graph.number(f64::NAN),
    }
}

/// Some nodes of one graph: what to print, or to lower to a tape.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The graph they share.
    pub graph: Graph,
    /// Its variables by place.
    pub variables: Vec<String>,
    /// The nodes, in the order asked for.
    pub outputs: Vec<Id>,
}

impl Outputs {
    /// The texts of the outputs.
    pub fn print(&self, style: Style) -> Printed {
        print::print(&self.graph, &self.outputs, &self.variables, style)
    }
}

//! THE TABLE of losses: what a row of data costs, by the model's value f and the response y.
//!
//! Flows in: a name, or a formula of one's own. Flows out: [`Loss`], its formula and exact derivatives as a graph. A loss
//! is a formula in gradfield's language; the sum over rows, each times its weight, is minimised by steps that take its
//! curvature by f for the rows' weights (iteratively reweighted least squares, Fisher scoring).

use super::FitError;
use crate::expr::derive::Deriver;
use crate::expr::parse::parse;
use crate::expr::{Context, Declared, Graph, Id};
use crate::op::{Operations, ops};

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// `huber` and so on.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The loss over f, y and the scale s.
    pub loss: &'static str,
    /// Its curvature by f, as the steps take it; empty: the second derivative.
    pub curvature: &'static str,
}

/// The losses beside least squares, whose rows cost (f - y)^2 / 2.
pub const TABLE: [Row; 4] = [
    // Huber, Robust estimation of a location parameter, 1964; the weight is that of the reweighted least squares.
    Row {
        name: "huber",
        about: "squares up to s, beyond that straight lines: rows that are far off count less",
        loss: "if(abs(f - y) <= s, (f - y)^2/2, s abs(f - y) - s^2/2)",
        curvature: "if(abs(f - y) <= s, 1, s/abs(f - y))",
    },
    Row {
        name: "cauchy",
        about: "a logarithm: rows that are very far off hardly count",
        loss: "s^2/2 log1p(((f - y)/s)^2)",
        curvature: "1/(1 + ((f - y)/s)^2)",
    },
    // Half the deviance. The curvature is the expected one (Fisher's).
    Row { name: "poisson", about: "counts y of mean f", loss: "f - y - if(y > 0, y ln(f/y), 0)", curvature: "1/f" },
    Row {
        name: "logistic",
        about: "y is 1 or 0 (or a share), f the logarithm of the odds of 1",
        loss: "softplus(f) - y f",
        curvature: "sigmoid(f) sigmoid(-f)",
    },
];

/// What a row of data costs.
#[derive(Debug, Clone, PartialEq)]
pub enum Loss {
    /// (f - y)^2 / 2.
    Squares,
    /// A row of the table, with its scale.
    Row(Row, f64),
    /// A formula over f and y.
    Own(String),
}

/// Nodes of one graph over f and y, which are its variables 0 and 1.
pub(super) struct Formula {
    pub(super) graph: Graph,
    /// The loss's slope by f, its curvature, the loss.
    pub(super) nodes: [Id; 3],
}

impl Loss {
    /// The loss called `name`, of scale 1 or the one given.
    pub fn by_name(name: &str, scale: f64) -> Option<Loss> {
        TABLE.iter().find(|row| row.name == name).map(|row| Loss::Row(*row, scale))
    }

    /// Its name; the formula of one of one's own.
    pub fn name(&self) -> &str {
        match self {
            Loss::Squares => "squares",
            Loss::Row(row, _) => row.name,
            Loss::Own(text) => text,
        }
    }

    /// Whether it is a likelihood's logarithm (times -1): standard errors then follow from its curvature alone, and need no
    /// scatter of residuals.
    pub fn is_likelihood(&self) -> bool {
        match self {
            Loss::Squares => false,
            Loss::Row(row, _) => matches!(row.name, "poisson" | "logistic"),
            Loss::Own(_) => true,
        }
    }

    /// Whether it is a robust one. Its standard errors are Huber's: those of the reweighted least squares are too small.
    pub fn is_robust(&self) -> bool {
        matches!(self, Loss::Row(row, _) if matches!(row.name, "huber" | "cauchy"))
    }

    /// The formula with its derivatives; none for least squares.
    pub(super) fn formula(&self) -> Result<Option<Formula>, FitError> {
        let (text, curvature, scale) = match self {
            Loss::Squares => return Ok(None),
            Loss::Row(row, scale) => (row.loss, row.curvature, *scale),
            Loss::Own(text) => (text.as_str(), "", 1.0),
        };
        let read = |text: &str| {
            let variables = ["f", "y"].map(|name| Declared { name: name.to_owned(), components: None });
            let parameters = match self {
                Loss::Row(..) => vec![("s".to_owned(), scale)],
                _ => Vec::new(),
            };
            parse(text, &Context { variables: Some(variables.to_vec()), parameters, operations: Operations::default() })
        };
        let parsed = read(text).map_err(|error| FitError::Loss(Box::new(error)))?;
        let mut graph = Graph::new();
        let loss = graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place))[0];
        let mut deriver = Deriver::default();
        let slope = deriver.gradient(&mut graph, loss, &[0])?[0];
        let curvature = if curvature.is_empty() {
            let second = deriver.gradient(&mut graph, slope, &[0])?[0];
            // A step along a slope that curves down would climb: its size is kept, its sign is not.
            graph.apply(ops::ABS, &[second])
        } else {
            let parsed = read(curvature).map_err(|error| FitError::Loss(Box::new(error)))?;
            graph.import(&parsed.graph, &[parsed.value], |graph, place| graph.variable(place))[0]
        };
        Ok(Some(Formula { graph, nodes: [slope, curvature, loss] }))
    }

    /// What Huber's standard errors are made of, in the places of [`Loss::formula`]: the slope, 1, and the second derivative
    /// or its square; none for least squares.
    pub(super) fn variation(&self, squared: bool) -> Result<Option<Formula>, FitError> {
        let Some(Formula { mut graph, nodes: [slope, ..] }) = self.formula()? else { return Ok(None) };
        let second = Deriver::default().gradient(&mut graph, slope, &[0])?[0];
        let third = if squared { graph.apply(ops::MUL, &[second, second]) } else { second };
        let one = graph.number(1.0);
        Ok(Some(Formula { graph, nodes: [slope, one, third] }))
    }
}

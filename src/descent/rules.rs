//! THE OTHER TABLE: optimisers, each a formula per coordinate in gradfield's own language.
//!
//! `x` is the coordinate, `g` its slope, `t` the number of the step from 1, `f` the function's value, `g2` the
//! squared norm of the gradient; the hyper-parameters are the row's; every other name on the left is state that
//! starts at 0. To add an optimiser is to add a row. What depends on `t` and the hyper-parameters alone is computed
//! once per step: gather it.

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The name on the command line.
    pub name: &'static str,
    /// The update of one coordinate.
    pub formula: &'static str,
    /// Hyper-parameters with their defaults; `lr` is the learning rate (step size).
    pub defaults: &'static [(&'static str, f64)],
    /// Where the rule is from.
    pub source: &'static str,
}

/// Every optimiser.
pub const TABLE: &[Row] = &[
    Row {
        name: "gd",
        formula: "x = x - lr g",
        defaults: &[("lr", 0.01)],
        source: "gradient descent: Cauchy, Methode generale pour la resolution des systemes d'equations, 1847",
    },
    Row {
        name: "momentum",
        formula: "v = beta v - lr g; x = x + v",
        defaults: &[("lr", 0.01), ("beta", 0.9)],
        source: "heavy ball: Polyak, Some methods of speeding up the convergence of iteration methods, 1964",
    },
    Row {
        name: "adam",
        formula: "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; \
                  x = x - (lr / (1 - beta1^t)) m / (sqrt((1 / (1 - beta2^t)) v) + eps)",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
        source: "Kingma and Ba, Adam: a method for stochastic optimization, arXiv:1412.6980, algorithm 1",
    },
];

/// The row of this name.
pub fn by_name(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

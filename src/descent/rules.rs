//! THE OTHER TABLE: optimisers, each a formula per coordinate in gradfield's own language.
//!
//! `x` is the coordinate, `g` its slope, `t` the number of the step from 1, `f` the function's value, `g2` the
//! squared norm of the gradient, `total(e)` the sum of e over all coordinates, `noise` a standard normal deviate that
//! is new in every step; the hyper-parameters are the row's; every other name on the left is state that starts at 0.
//! State that starts elsewhere says so by the step: `h = if(t == 1, lr, h)`. To add an optimiser is to add a row (and
//! its pseudo-code, written independently, to the tests). What depends on `t` and the hyper-parameters alone is
//! computed once per step: gather it. Nothing may divide by a number that is 0 where the gradient is.

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
        name: "nesterov",
        formula: "v = beta v - lr g; x = x + beta v - lr g",
        defaults: &[("lr", 0.01), ("beta", 0.9)],
        source: "Nesterov's accelerated gradient, as Sutskever, Martens, Dahl and Hinton, On the importance of \
                 initialization and momentum in deep learning, 2013; x is the point that looks ahead, where they take \
                 the gradient",
    },
    Row {
        name: "adagrad",
        formula: "s = s + g^2; x = x - lr g / (sqrt(s) + eps)",
        defaults: &[("lr", 0.5), ("eps", 1e-8)],
        source: "Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic \
                 optimization, 2011",
    },
    Row {
        name: "rmsprop",
        formula: "s = rho s + (1 - rho) g^2; x = x - lr g / (sqrt(s) + eps)",
        defaults: &[("lr", 0.01), ("rho", 0.9), ("eps", 1e-8)],
        source: "Hinton, Neural networks for machine learning, lecture 6e, 2012",
    },
    Row {
        name: "adadelta",
        formula: "s = rho s + (1 - rho) g^2; d = sqrt((u + eps) / (s + eps)) g; u = rho u + (1 - rho) d^2; \
                  x = x - lr d",
        defaults: &[("lr", 1.0), ("rho", 0.95), ("eps", 1e-6)],
        source: "Zeiler, Adadelta: an adaptive learning rate method, arXiv:1212.5701, algorithm 1",
    },
    Row {
        name: "adam",
        formula: "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; \
                  x = x - (lr sqrt(1 - beta2^t) / (1 - beta1^t)) (m / (sqrt(v) + eps sqrt(1 - beta2^t)))",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
        source: "Kingma and Ba, Adam: a method for stochastic optimization, arXiv:1412.6980, algorithm 1, in the order \
                 of the end of section 2 (eps stays what it is in the algorithm)",
    },
    Row {
        name: "amsgrad",
        formula: "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; u = max(u, v); \
                  x = x - lr m / (sqrt(u) + eps)",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
        source: "Reddi, Kale and Kumar, On the convergence of Adam and beyond, arXiv:1904.09237, algorithm 2 (without \
                 correction of the bias), with eps as in Adam",
    },
    Row {
        name: "adamax",
        formula: "m = beta1 m + (1 - beta1) g; u = max(beta2 u, abs(g) + eps); x = x - (lr / (1 - beta1^t)) m / u",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
        source: "Kingma and Ba, arXiv:1412.6980, algorithm 2; eps is added to the size of g, which may be 0",
    },
    Row {
        name: "nadam",
        formula: "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; \
                  x = x - ((lr beta1 / (1 - beta1^(t + 1))) m + (lr (1 - beta1) / (1 - beta1^t)) g) \
                  / (sqrt((1 / (1 - beta2^t)) v) + eps)",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
        source: "Dozat, Incorporating Nesterov momentum into Adam, 2016, with one beta1 for all steps",
    },
    Row {
        name: "adamw",
        formula: "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; \
                  x = x - (lr sqrt(1 - beta2^t) / (1 - beta1^t)) (m / (sqrt(v) + eps sqrt(1 - beta2^t))) - lr decay x",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8), ("decay", 0.01)],
        source: "Loshchilov and Hutter, Decoupled weight decay regularization, arXiv:1711.05101, algorithm 2, with the \
                 decay times the learning rate; it draws x towards 0",
    },
    Row {
        name: "adabelief",
        formula: "m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) (g - m)^2 + eps; \
                  x = x - (lr sqrt(1 - beta2^t) / (1 - beta1^t)) (m / (sqrt(s) + eps sqrt(1 - beta2^t)))",
        defaults: &[("lr", 0.01), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-16)],
        source: "Zhuang and others, AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, \
                 arXiv:2010.07468, algorithm 2",
    },
    Row {
        name: "lion",
        formula: "c = sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g; x = x - lr c - lr decay x",
        defaults: &[("lr", 0.003), ("beta1", 0.9), ("beta2", 0.99), ("decay", 0.0)],
        source: "Chen and others, Symbolic discovery of optimization algorithms, arXiv:2302.06675, algorithm 2",
    },
    Row {
        name: "sign",
        formula: "x = x - lr sign(g)",
        defaults: &[("lr", 0.01)],
        source: "sign descent: the Manhattan rule of Riedmiller and Braun, 1993; signSGD of Bernstein and others, \
                 arXiv:1802.04434",
    },
    Row {
        name: "rprop",
        formula: "h = if(t == 1, lr, if(p == 0 or g == 0, h, \
                  clamp(h if(sign(p) == sign(g), grow, shrink), least, most))); \
                  p = if(sign(p) == -sign(g), 0, g); x = x - h sign(p)",
        defaults: &[("lr", 0.1), ("grow", 1.2), ("shrink", 0.5), ("least", 1e-6), ("most", 50.0)],
        source: "Riedmiller and Braun, A direct adaptive method for faster backpropagation learning, 1993, without \
                 weight backtracking (iRprop- of Igel and Huesken, 2000); lr is the first step only",
    },
    Row {
        name: "normalised",
        formula: "x = x - lr g / (sqrt(g2) + eps)",
        defaults: &[("lr", 0.01), ("eps", 1e-8)],
        source: "normalised gradient descent: Nesterov, Minimization methods for nonsmooth convex and quasiconvex \
                 functions, 1984; every step is lr long",
    },
    Row {
        name: "langevin",
        formula: "x = x - lr g + sqrt(2 lr temperature) noise",
        defaults: &[("lr", 0.01), ("temperature", 1.0)],
        source: "unadjusted Langevin algorithm: Roberts and Tweedie, Exponential convergence of Langevin distributions \
                 and their discrete approximations, 1996; samples exp(-f/temperature) for small lr",
    },
    Row {
        name: "dog",
        formula: "o = if(t == 1, x, o); \
                  r = if(t == 1, first (1 + sqrt(total(x^2))), max(r, sqrt(total((x - o)^2)))); \
                  s = s + g2; x = x - lr r g / sqrt(s + eps)",
        defaults: &[("lr", 1.0), ("first", 1e-6), ("eps", 1e-8)],
        source: "distance over gradients: Ivgi, Hinder and Carmon, DoG is SGD's best friend, arXiv:2302.12022; needs no \
                 learning rate, lr is a factor",
    },
    Row {
        name: "prodigy",
        formula: "o = if(t == 1, x, o); d = if(t == 1, first, d); b = sqrt(beta2); \
                  m = beta1 m + (1 - beta1) d g; v = beta2 v + (1 - beta2) (d g)^2; \
                  r = b r + ((1 - b) lr) d^2 total(g (o - x)); s = b s + ((1 - b) lr) d^2 g; \
                  x = x - lr d m / (sqrt(v) + d eps); \
                  n = total(abs(s)); d = if(n > 0, max(d, r / n), d)",
        defaults: &[("lr", 1.0), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8), ("first", 1e-6)],
        source: "Mishchenko and Defazio, Prodigy: an expeditiously adaptive parameter-free learner, arXiv:2306.06101, \
                 algorithm 4; needs no learning rate, lr is a factor",
    },
];

/// The row of this name.
pub fn by_name(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The names of all, for messages: `gd, momentum, ...`.
pub fn names() -> String {
    TABLE.iter().map(|row| row.name).collect::<Vec<&str>>().join(", ")
}

//! Graph to text: gradfield's own language (which parses back to the same function) or LaTeX.
//!
//! Flows in: a graph, the nodes to print, the variables' names. Flows out: [`Printed`]. A graph shares, a text
//! repeats; where the text of a node would pass a few thousand nodes, its parts are printed as definitions
//! (`t1 = ...; t2 = ...`), which the language has, so no output is exponentially long.
//!
//! Who should not use it: the engines, which read the tape.

use super::graph::{Graph, Id, Node};
use crate::op::{Op, Syntax, ops};
use std::collections::HashMap;

/// A text larger than this many nodes is cut into definitions.
const TEXT_NODES: usize = 2000;
/// So is one that nests deeper than this.
const TEXT_DEPTH: usize = 100;

/// The language to print in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// gradfield's own.
    Text,
    /// LaTeX, for a formula environment.
    Latex,
}

/// The texts of some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Definitions, in an order in which each uses only earlier ones; mostly empty.
    pub definitions: Vec<(String, String)>,
    /// The nodes asked for, in their order.
    pub texts: Vec<String>,
}

/// Prints `roots` of a graph over variables called `names`.
pub fn print(graph: &Graph, roots: &[Id], names: &[String], style: Style) -> Printed {
    let cuts = cuts(graph, roots);
    let stem = ["t", "u", "v", "w", "q", "tmp"]
        .into_iter()
        .find(|stem| !names.iter().any(|name| name.starts_with(stem)))
        .unwrap_or("shared");
    let mut printer = Printer { graph, names, style, defined: HashMap::new() };
    let mut definitions = Vec::new();
    for id in cuts {
        let text = printer.top(id);
        let name = format!("{stem}{}", definitions.len() + 1);
        printer.defined.insert(id, name.clone());
        definitions.push((name, text));
    }
    Printed { definitions, texts: roots.iter().map(|root| printer.top(*root)).collect() }
}

/// The nodes that become definitions, in order.
fn cuts(graph: &Graph, roots: &[Id]) -> Vec<Id> {
    let needed = graph.reachable(roots);
    let mut measure = vec![(1usize, 1usize); graph.len()];
    let mut cuts = Vec::new();
    for (id, node) in graph.iter().filter(|(id, _)| needed[id.index()]) {
        let Node::Apply(op, _) = node else { continue };
        let (mut nodes, mut depth) = (1, 1);
        for operand in graph.operands(id) {
            let (n, d) = measure[operand.index()];
            nodes += n;
            // Chains of sums and products print side by side, not inside one another.
            let same = graph.applied(operand).is_some_and(|(inner, _)| is_chain(op) && is_chain(inner));
            depth = depth.max(d + usize::from(!same));
        }
        measure[id.index()] = (nodes, depth);
        if (nodes > TEXT_NODES || depth > TEXT_DEPTH) && !roots.contains(&id) {
            measure[id.index()] = (1, 1);
            cuts.push(id);
        }
    }
    cuts
}

fn is_chain(op: Op) -> bool {
    op == ops::ADD || op == ops::SUB
}

/// How tightly the outermost operation of a text binds, on the scale of [`Syntax::Infix`].
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const PREFIX: u8 = 7;
const POWER: u8 = 8;
const ATOM: u8 = 9;

struct Printer<'a> {
    graph: &'a Graph,
    names: &'a [String],
    style: Style,
    defined: HashMap<Id, String>,
}

impl Printer<'_> {
    fn top(&self, id: Id) -> String {
        self.inner(id).0
    }

    /// The text, in parentheses if it binds looser than `least`.
    fn at(&self, id: Id, least: u8) -> String {
        let (text, binds) = self.text(id);
        if binds >= least {
            text
        } else if self.style == Style::Latex {
            format!("\\left({text}\\right)")
        } else {
            format!("({text})")
        }
    }

    fn text(&self, id: Id) -> (String, u8) {
        match self.defined.get(&id) {
            Some(name) => (self.name(name), ATOM),
            None => self.inner(id),
        }
    }

    fn inner(&self, id: Id) -> (String, u8) {
        match self.graph.node(id) {
            Node::Number(bits) => number(f64::from_bits(bits), self.style),
            Node::Variable(place) => (self.name(&self.names[place as usize]), ATOM),
            Node::Apply(op, operands) => self.applied(op, operands, id),
        }
    }

    fn applied(&self, op: Op, [a, b, _]: [Id; 3], id: Id) -> (String, u8) {
        if is_chain(op) {
            return (self.chain(id), SUM);
        }
        let latex = self.style == Style::Latex;
        if op == ops::MUL {
            return (self.product(a, b), PRODUCT);
        }
        if op == ops::DIV {
            return self.quotient(a, b);
        }
        if op == ops::NEG {
            // `-u*v` reads as -(u*v), which is the same number.
            return (format!("-{}", self.at(a, PRODUCT)), PRODUCT);
        }
        if op == ops::POW {
            let base = self.at(a, ATOM);
            let power =
                if latex { format!("{base}^{{{}}}", self.top(b)) } else { format!("{base}^{}", self.at(b, POWER)) };
            return (power, POWER);
        }
        match op.syntax {
            Syntax::Infix(sign, binds) => {
                let sign = if latex { latex_sign(sign) } else { sign };
                (format!("{} {sign} {}", self.at(a, binds + 1), self.at(b, binds + 1)), binds)
            }
            Syntax::Prefix(sign, binds) => {
                let sign = if latex { "\\lnot " } else { sign };
                (format!("{sign}{}", self.at(a, binds)), binds)
            }
            Syntax::Function | Syntax::Variadic | Syntax::Reduction | Syntax::Hidden => self.function(op, id),
        }
    }

    /// A sum of any length, without recursion along it.
    fn chain(&self, id: Id) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut head = id;
        loop {
            match self.graph.applied(head) {
                Some((op, [a, b, _])) if is_chain(op) && (head == id || !self.defined.contains_key(&head)) => {
                    let sign = if op == ops::SUB { " - " } else { " + " };
                    // After + or -, anything that begins with a minus sign needs parentheses.
                    let text = self.at(b, PRODUCT);
                    let text = if text.starts_with('-') { format!("({text})") } else { text };
                    parts.push(format!("{sign}{text}"));
                    head = a;
                }
                _ => break,
            }
        }
        parts.push(self.at(head, SUM));
        parts.reverse();
        parts.concat()
    }

    /// A product of any length; `a*(b*c)` and `a*(b/c)` are printed without their parentheses.
    fn product(&self, a: Id, b: Id) -> String {
        let left = self.at(a, PRODUCT);
        let right = self.at(b, PRODUCT);
        let right = if right.starts_with('-') { format!("({right})") } else { right };
        let is_number =
            self.graph.value(a).is_some_and(f64::is_finite) && left.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        // `3x` and `3exp(x)` but `3*e`: 3e could begin an exponent.
        let exponent = right.starts_with('e') && !right[1..].starts_with(char::is_alphabetic);
        let joins = right.starts_with(|c: char| c.is_alphabetic() || c == '(' || c == '\\') && !exponent;
        match self.style {
            Style::Text if is_number && joins => format!("{left}{right}"),
            Style::Text => format!("{left}*{right}"),
            Style::Latex if right.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                format!("{left} \\cdot {right}")
            }
            Style::Latex => format!("{left} {right}"),
        }
    }

    /// `u/v/v` is printed as `u/v^2`: the same function; the graph keeps the form that does not overflow.
    fn quotient(&self, a: Id, b: Id) -> (String, u8) {
        let (mut above, mut times) = (a, 1);
        while let Some((op, [u, v, _])) = self.graph.applied(above)
            && op == ops::DIV
            && v == b
            && !self.defined.contains_key(&above)
        {
            above = u;
            times += 1;
        }
        if self.style == Style::Latex {
            let below = if times == 1 { self.text(b).0 } else { format!("{}^{{{times}}}", self.at(b, ATOM)) };
            return (format!("\\frac{{{}}}{{{below}}}", self.text(above).0), PRODUCT);
        }
        let below = if times == 1 { self.at(b, PREFIX) } else { format!("{}^{times}", self.at(b, ATOM)) };
        (format!("{}/{below}", self.at(above, PRODUCT)), PRODUCT)
    }

    fn function(&self, op: Op, id: Id) -> (String, u8) {
        let arguments: Vec<String> = self.graph.operands(id).map(|operand| self.text(operand).0).collect();
        if self.style == Style::Text {
            return (format!("{}({})", op.name, arguments.join(", ")), ATOM);
        }
        let text = match op.name {
            "sqrt" => format!("\\sqrt{{{}}}", arguments[0]),
            "abs" => format!("\\left|{}\\right|", arguments[0]),
            "exp" => return (format!("e^{{{}}}", arguments[0]), POWER),
            "if" => format!(
                "\\begin{{cases}} {} & {} \\\\ {} & \\text{{otherwise}} \\end{{cases}}",
                arguments[1], arguments[0], arguments[2]
            ),
            "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "ln" | "min" | "max" => {
                format!("\\{}\\left({}\\right)", op.name, arguments.join(", "))
            }
            name => format!("\\operatorname{{{name}}}\\left({}\\right)", arguments.join(", ")),
        };
        (text, ATOM)
    }

    /// A variable's name: `x[3]` and `x12` are indexed in LaTeX.
    fn name(&self, name: &str) -> String {
        if self.style == Style::Text {
            return name.to_string();
        }
        let letters = name.trim_end_matches(|c: char| c.is_ascii_digit() || "[]_".contains(c));
        let index: String = name[letters.len()..].chars().filter(char::is_ascii_digit).collect();
        let letters = letters.replace('_', "\\_");
        let letters = if letters.chars().count() == 1 { letters } else { format!("\\mathrm{{{letters}}}") };
        if index.is_empty() { letters } else { format!("{letters}_{{{index}}}") }
    }
}

/// A number with enough digits to round-trip; the named constants by name.
fn number(value: f64, style: Style) -> (String, u8) {
    use std::f64::consts::{E, PI, TAU};
    let latex = style == Style::Latex;
    for (constant, name, command) in [(PI, "pi", "\\pi"), (TAU, "tau", "\\tau"), (E, "e", "e")] {
        if value.abs() == constant {
            let name = if latex { command } else { name };
            return if value < 0.0 { (format!("-{name}"), PRODUCT) } else { (name.to_string(), ATOM) };
        }
    }
    if value.is_nan() {
        return (if latex { "\\mathrm{NaN}" } else { "0/0" }.to_string(), PRODUCT);
    }
    if value.is_infinite() {
        let text = if latex { "\\infty" } else { "1/0" };
        return (if value < 0.0 { format!("-{text}") } else { text.to_string() }, PRODUCT);
    }
    let size = value.abs();
    let text = if size != 0.0 && !(1e-5..1e16).contains(&size) { format!("{value:e}") } else { format!("{value}") };
    let text = match text.split_once('e') {
        Some((digits, exponent)) if latex => format!("{digits} \\cdot 10^{{{exponent}}}"),
        _ => text,
    };
    let product = value.is_sign_negative() || latex && text.contains("10^");
    (text, if product { PRODUCT } else { ATOM })
}

fn latex_sign(sign: &str) -> &str {
    match sign {
        "<=" => "\\le",
        ">=" => "\\ge",
        "==" => "=",
        "!=" => "\\ne",
        "and" => "\\land",
        "or" => "\\lor",
        other => other,
    }
}

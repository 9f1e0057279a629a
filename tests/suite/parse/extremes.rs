//! Texts that nobody would write: deep, long, random.

use super::{Check, Outcome, declare, evaluate, same, within};
use gradfield::expr::parse::{Context, Declared, ParseError, Parsed, parse, parse_rule};
use gradfield::op::Operations;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

pub(super) const TESTS: [(&str, Check); 7] = [
    ("nesting", nesting),
    ("long texts", long_texts),
    ("limits", limits),
    ("declared variables", declared_variables),
    ("random text", random_text),
    ("token soup", token_soup),
    ("printed errors are plain", printed_errors),
];

/// A text in a thread with the stack of a library user's thread: 2 MiB.
fn in_small_stack(text: String) -> Result<Parsed, ParseError> {
    let run = move || parse(&text, &Context::default());
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread starts");
    thread.join().expect("no panic")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + inner + &close.repeat(depth)
}

fn nesting() -> Outcome {
    let shapes = [
        ("(", "x", ")"),
        ("sin(", "x", ")"),
        ("if(1,1 or 1 and not 1<1+1*-2^(", "x", "),2)"),
        ("max(1,", "x", ")"),
        ("g(t)=t+x;g(", "x", ")"),
        ("-", "x", ""),
        ("+", "x", ""),
        ("2^", "x", ""),
        ("2^-", "x", ""),
        ("not ", "x", ""),
        ("if(x>0, ", "x", ""),
        ("x[", "1", "]"),
        ("sum(i,1,1,", "x", ")"),
    ];
    for (open, inner, close) in shapes {
        for depth in [100, 200, 201, 5000, 200_000 / open.len()] {
            let text = nested(open, inner, close, depth);
            if let Err(error) = in_small_stack(text.clone()) {
                within(&text, &error)?;
            }
        }
    }
    for (open, close, message) in [
        ("(", ")", "nested too deeply: 201 levels, the limit is 200"),
        ("-", "", "too many signs, powers or `not` in a row: 201, the limit is 200"),
        ("2^", "", "too many signs, powers or `not` in a row: 201, the limit is 200"),
    ] {
        in_small_stack(nested(open, "x", close, 200)).map_err(|error| error.to_string())?;
        let error = in_small_stack(nested(open, "x", close, 201)).err().ok_or("201 levels are accepted")?;
        same("the message", error.message() == message, error.message(), message)?;
    }
    Ok(())
}

fn long_texts() -> Outcome {
    for (text, nodes) in [
        ("a+b+".repeat(50_000) + "c", 100_003),
        ("xy*".repeat(60_000) + "z", 120_003),
        ("1/2x+".repeat(40_000) + "z", 40_004),
        ("ab ".repeat(60_000) + "c", 120_003),
    ] {
        let parsed = in_small_stack(text).map_err(|error| error.to_string())?;
        same("the nodes", parsed.graph.len() == nodes, parsed.graph.len(), nodes)?;
        same("the notes", parsed.notes.len() <= 17, parsed.notes.len(), "some 16")?;
    }
    Ok(())
}

/// Each limit is told with its value.
fn limits() -> Outcome {
    let doubling: String = (1..60).map(|k| format!("f{k}(t) = f{}(t + {k}) f{}(t - {k}); ", k - 1, k - 1)).collect();
    for (text, message) in [
        ("x+".repeat(500_000) + "x", "the text is too long: 1000001 bytes, the limit is 262144"),
        ("sum(i, 1, 1e300, x)".to_owned(), "a bound is an integer up to 9e15, not 1e300"),
        ("sum(i, 0, 1e15, x)".to_owned(), "too many terms: 1000000000000001 in all sums and products, the limit is"),
        ("sum(i, 1, 1001, sum(j, 1, 1000, 1))".to_owned(), "too many terms: 100"),
        ("x[100001]".to_owned(), "`x[100001]` is out of range: the index is from 1 to 100000"),
        ("x[60000] + y[60000]".to_owned(), "too many variables: 120000, the limit is 100000"),
        (format!("f0(t) = t^2; {doubling}f59(x)"), "the expression is too large: "),
    ] {
        let error = in_small_stack(text.clone()).err().ok_or_else(|| format!("accepted: {message}"))?;
        same("the message", error.message().contains(message), error.message(), message)?;
        within(&text, &error)?;
    }
    Ok(())
}

fn declared_variables() -> Outcome {
    for (components, message) in [(0, "`x` has 0 components"), (100_001, "`x` has 100001 components")] {
        let variables = Some(vec![Declared { name: "x".to_owned(), components: Some(components) }]);
        let error = parse("1", &Context { variables, ..Context::default() }).err().ok_or("accepted")?;
        same("the message", error.message().contains(message), error.message(), message)?;
    }
    for (text, name, components) in
        [("x", "x", None), (" width ", "width", None), ("x[5]", "x", Some(5)), ("x [ 5 ]", "x", Some(5))]
    {
        let declared: Declared = text.parse().map_err(|error: ParseError| error.to_string())?;
        let found = (declared.name.as_str(), declared.components);
        same("the variable", found == (name, components), declared.to_string(), text)?;
    }
    for text in [
        "",
        "2x",
        "x y",
        "x[",
        "x[0]",
        "x[-1]",
        "x[5",
        "x[5]]",
        "x[1e2]",
        "x[100001]",
        "[5]",
        "not",
        "_x",
        "é",
        "x[\u{1b}]",
    ] {
        match text.parse::<Declared>() {
            Ok(declared) => return Err(format!("accepted `{declared}`").into()),
            Err(error) => within(text, &error)?,
        }
    }
    Ok(())
}

/// Runs `check` on random values of a strategy.
fn random<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> Outcome) -> Outcome
where
    S::Value: std::fmt::Debug,
{
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let run = |value| check(value).map_err(|failed| TestCaseError::fail(failed.message().unwrap_or("").to_owned()));
    runner.run(&strategy, run).map_err(|error| error.to_string().into())
}

/// Whatever a text is, it is read or refused with a place in it; and twice alike.
fn reads_or_refuses(text: &str) -> Outcome {
    let declared = ["x", "y[3]", "width"].map(declare).to_vec();
    let parameters = vec![("a".to_owned(), 2.0)];
    for variables in [None, Some(declared)] {
        let context = Context { variables, parameters: parameters.clone(), operations: Operations::default() };
        match (parse(text, &context), parse(text, &context)) {
            (Ok(one), Ok(two)) => {
                same(
                    "the second reading",
                    one.variables == two.variables && one.value == two.value,
                    text,
                    "the first",
                )?;
                let at = one.variables.iter().map(|name| (name.clone(), 0.5)).collect();
                evaluate(&one, &at)?;
            }
            (Err(one), Err(two)) => {
                within(text, &one)?;
                same("the second error", one == two, two, one)?;
            }
            _ => return Err("read once and refused once".into()),
        }
    }
    if let Err(error) = parse_rule(text, &["x".to_owned(), "g".to_owned()], &Operations::default()) {
        within(text, &error)?;
    }
    Ok(())
}

fn random_text() -> Outcome {
    random(".{0,60}", |text| reads_or_refuses(&text))?;
    random("[ -~]{0,40}", |text| reads_or_refuses(&text))?;
    random("[xyae0-9.()\\[\\],;=+*/^<²π -]{0,40}", |text| reads_or_refuses(&text))
}

const TOKENS: [&str; 64] = [
    "x",
    "y",
    "xy",
    "width",
    "y[",
    "y[1]",
    "a",
    "e",
    "pi",
    "π",
    "g",
    "g(",
    "g(t) = t^2;",
    "r = x;",
    "r",
    "i",
    "sum(i, 1, 3,",
    "prod(i, 0, 2,",
    "sum(",
    "sin(",
    "sin",
    "max(",
    "if(",
    "if(1,",
    "if(x,",
    "not ",
    " and ",
    " or ",
    "<",
    "<=",
    "==",
    "=",
    "!=",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "·",
    "−",
    "²",
    "⁻¹",
    "(",
    ")",
    ")",
    ")",
    "[",
    "]",
    ",",
    ",",
    ";",
    "1",
    "2.5",
    ".5",
    "2e",
    "1e3",
    "0",
    " ",
    "\n",
    "$",
    "\u{1b}",
    "é",
    "x_1",
];

fn token_soup() -> Outcome {
    let soup = proptest::collection::vec(proptest::sample::select(TOKENS.to_vec()), 0..24);
    random(soup, |tokens| reads_or_refuses(&tokens.concat()))
}

/// No control character of a text reaches the terminal, and the carets stand within the shown line.
fn printed_errors() -> Outcome {
    random("(\\PC|\\pC|[x+1\n\t]){0,80}", |text| {
        let Err(error) = parse(&text, &Context::default()) else { return Ok(()) };
        let shown = error.to_string();
        let plain = shown.chars().all(|c| c == '\n' || !c.is_control());
        same("the printed error", plain, shown.escape_debug(), "without control characters")?;
        same("the lines", shown.lines().count() <= 4, &shown, "four lines at most")?;
        same("the width", shown.lines().all(|line| line.chars().count() < 200), &shown, "short lines")
    })
}

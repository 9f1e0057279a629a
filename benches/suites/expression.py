"""The suites' functions for others: the part of gradfield's language that they use, their gradients, and both as C.

Flows in: an expression and its variables. Flows out: a `Graph` whose nodes are shared, with the partial derivatives by
reverse accumulation, and the text of two C functions: f, and f with its gradient. Sums are written out, constants folded,
whole powers multiplied. It is written anew, not taken from gradfield, so that `checked` in `objective.py` can hold the two
against each other.
"""

import math
import re

TOKEN = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|[A-Za-z_]\w*|<=|>=|==|[-+*/^()\[\],;=<>])")
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
UNARY = ["sin", "cos", "tan", "exp", "ln", "log10", "sqrt", "abs", "sign", "floor", "sigmoid", "atan", "neg"]
FUNCTIONS = {*UNARY, "max", "if", "sum", "prod"} - {"neg"}
CONSTANTS = {"pi": math.pi, "e": math.e}


class Parser:
    """Text to nested tuples: ("call", name, arguments...), ("index", name, at), ("name", n), ("number", v)."""

    def __init__(self, text: str, known: set[str]):
        self.known = known | set(CONSTANTS) | FUNCTIONS | {"and", "or"}
        self.tokens: list[str] = []
        at, text = 0, text.strip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if not match:
                raise ValueError(f"not read: {text[at:]}")
            self.tokens.append(match.group(1))
            at = match.end()

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str = "") -> str:
        token = self.tokens.pop(0)
        if wanted and token != wanted:
            raise ValueError(f"`{wanted}` expected, `{token}` found")
        return token

    def statements(self) -> tuple[list, tuple]:
        """`a = ...; b = ...; result`"""
        lets = []
        while len(self.tokens) > 1 and self.tokens[1] == "=":
            name = self.take()
            self.take("=")
            self.known.add(name)
            lets.append((name, self.both()))
            self.take(";")
        return lets, self.both()

    def both(self) -> tuple:
        left = self.comparison()
        while self.peek() == "and":
            self.take()
            left = ("call", "and", left, self.comparison())
        return left

    def comparison(self) -> tuple:
        left = self.terms()
        if self.peek() in COMPARISONS:
            return ("call", COMPARISONS[self.take()], left, self.terms())
        return left

    def terms(self) -> tuple:
        left = self.factors()
        while self.peek() in ("+", "-"):
            left = ("call", "add" if self.take() == "+" else "sub", left, self.factors())
        return left

    def factors(self) -> tuple:
        """`*`, `/` and nothing at all are one level, left to right."""
        left = self.signed()
        while True:
            token = self.peek()
            if token in ("*", "/"):
                self.take()
                left = ("call", "mul" if token == "*" else "div", left, self.signed())
            elif token == "(" or (token and token not in ("and", "or") and re.match(r"[\w.]", token)):
                left = ("call", "mul", left, self.power())
            else:
                return left

    def signed(self) -> tuple:
        if self.peek() == "-":
            self.take()
            return ("call", "neg", self.signed())
        return self.power()

    def power(self) -> tuple:
        base = self.atom()
        if self.peek() == "^":
            self.take()
            return ("call", "pow", base, self.signed())
        return base

    def atom(self) -> tuple:
        token = self.take()
        if token == "(":
            inner = self.both()
            self.take(")")
            return inner
        if not token[0].isalpha():
            return ("number", float(token))
        token = self.whole(token)
        if token in FUNCTIONS:
            return self.call(token)
        if self.peek() == "[":
            self.take()
            at = self.both()
            self.take("]")
            return ("index", token, at)
        return ("name", token)

    def whole(self, token: str) -> str:
        """A known name; of `xy` the x, and the rest stays in front."""
        if token in self.known:
            return token
        for end in range(len(token) - 1, 0, -1):
            if token[:end] in self.known:
                self.tokens.insert(0, token[end:])
                return token[:end]
        raise ValueError(f"unknown name {token}")

    def call(self, name: str) -> tuple:
        self.take("(")
        found: list[tuple] = []
        while True:
            if name in ("sum", "prod") and not found:
                self.known.add(self.peek())
            found.append(self.both())
            if self.take() == ")":
                return ("call", name, *found)


class Graph:
    """Nodes (operation, arguments), each once; those of smaller number come first."""

    def __init__(self) -> None:
        self.nodes: list[tuple] = []
        self.places: dict[tuple, int] = {}

    def node(self, *key) -> int:
        if key not in self.places:
            self.places[key] = len(self.nodes)
            self.nodes.append(key)
        return self.places[key]

    def number(self, value: float) -> int:
        return self.node("number", float(value))

    def value(self, place: int) -> float | None:
        node = self.nodes[place]
        return node[1] if node[0] == "number" else None

    def make(self, name: str, *arguments: int) -> int:
        values = [self.value(argument) for argument in arguments]
        if None not in values:
            return self.number(FOLD[name](*values))
        if name == "pow":
            return self.power(*arguments)
        if name == "max" and len(arguments) > 2:
            return self.make("max", self.make("max", *arguments[:-1]), arguments[-1])
        a, b = (values + [None])[:2]
        if (name, a) in (("add", 0.0), ("mul", 1.0)):
            return arguments[1]
        if (name, b) in (("add", 0.0), ("sub", 0.0), ("mul", 1.0), ("div", 1.0)):
            return arguments[0]
        if name == "mul" and 0.0 in (a, b):
            return self.number(0)
        return self.node(name, *arguments)

    def power(self, base: int, exponent: int) -> int:
        whole = self.value(exponent)
        if whole is None or whole != int(whole) or abs(whole) > 64:
            return self.node("pow", base, exponent)
        if whole < 0:
            return self.make("div", self.number(1), self.power(base, self.number(-whole)))
        result, square, left = self.number(1), base, int(whole)
        while left:
            if left & 1:
                result = self.make("mul", result, square)
            left >>= 1
            square = self.make("mul", square, square) if left else square
        return result


FOLD = {name: getattr(math, name) for name in ("sin", "cos", "tan", "exp", "log10", "sqrt", "atan")} | {
    "ln": math.log,
    "abs": abs,
    "neg": lambda a: -a,
    "sign": lambda a: float((a > 0) - (a < 0)),
    "floor": lambda a: float(math.floor(a)),
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "max": max,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "gt": lambda a, b: float(a > b),
    "ge": lambda a, b: float(a >= b),
    "and": lambda a, b: float(a != 0 and b != 0),
    "if": lambda c, a, b: a if c else b,
}


def built(graph: Graph, tree: tuple, names: dict[str, int]) -> int:
    """The node of a tree; `names` holds variables (as `x` or `x[3]`), what was defined before, and indices."""
    kind, what, *rest = tree
    if kind == "number":
        return graph.number(what)
    if kind == "name":
        return names[what] if what in names else graph.number(CONSTANTS[what])
    if kind == "index":
        return names[f"{what}[{round(graph.value(built(graph, rest[0], names)))}]"]
    if what in ("sum", "prod"):
        index, low, high, body = rest
        first, last = (round(graph.value(built(graph, end, names))) for end in (low, high))
        step, total = ("add", 0.0) if what == "sum" else ("mul", 1.0)
        place = graph.number(total)
        for k in range(first, last + 1):
            place = graph.make(step, place, built(graph, body, names | {index[1]: graph.number(k)}))
        return place
    return graph.make(what, *(built(graph, one, names) for one in rest))


def function(text: str, variables: list[str]) -> tuple[Graph, int, list[int]]:
    """The graph of f, its node, and those of its partial derivatives."""
    graph = Graph()
    names = {name: graph.node("variable", k) for k, name in enumerate(variables)}
    places = list(names.values())
    lets, result = Parser(text, {name.split("[")[0] for name in variables}).statements()
    for name, tree in lets:
        names[name] = built(graph, tree, names)
    f = built(graph, result, names)
    return graph, f, partials(graph, f, places)


def partials(graph: Graph, f: int, variables: list[int]) -> list[int]:
    zero = graph.number(0)
    slopes = {f: graph.number(1)}
    for place in range(f, -1, -1):
        slope = slopes.get(place)
        if slope is None or graph.nodes[place][0] in ("number", "variable"):
            continue
        for argument, share in shares(graph, place, slope):
            if graph.value(argument) is None and graph.value(share) != 0.0:
                slopes[argument] = graph.make("add", slopes[argument], share) if argument in slopes else share
    return [slopes.get(place, zero) for place in variables]


def shares(graph: Graph, place: int, s: int) -> list[tuple[int, int]]:
    """What a node's slope `s` gives to its arguments."""
    name, a, *rest = graph.nodes[place]
    make, number = graph.make, graph.number
    b = rest[0] if rest else a
    if name in ("add", "sub"):
        return [(a, s), (b, s if name == "add" else make("neg", s))]
    if name == "mul":
        return [(a, make("mul", s, b)), (b, make("mul", s, a))]
    if name == "div":
        share = make("div", s, b)
        return [(a, share), (b, make("neg", make("mul", share, place)))]
    if name == "pow":
        lower = make("pow", a, make("sub", b, number(1)))
        log = make("if", make("gt", a, number(0)), make("ln", a), number(0))
        return [(a, make("mul", s, make("mul", b, lower))), (b, make("mul", s, make("mul", place, log)))]
    if name == "max":
        first = make("ge", a, b)
        return [(a, make("if", first, s, number(0))), (b, make("if", first, number(0), s))]
    if name == "if":
        return [(rest[0], make("if", a, s, number(0))), (rest[1], make("if", a, number(0), s))]
    return [(a, make("mul", s, slope(graph, name, a, place)))] if name in UNARY else []


def slope(graph: Graph, name: str, a: int, place: int) -> int:
    """The derivative of a function of one argument."""
    make, number = graph.make, graph.number
    one = number(1)
    return {
        "sin": lambda: make("cos", a),
        "cos": lambda: make("neg", make("sin", a)),
        "tan": lambda: make("add", one, make("mul", place, place)),
        "exp": lambda: place,
        "ln": lambda: make("div", one, a),
        "log10": lambda: make("div", number(1 / math.log(10)), a),
        "sqrt": lambda: make("div", number(0.5), place),
        "abs": lambda: make("sign", a),
        "sign": lambda: number(0),
        "floor": lambda: number(0),
        "sigmoid": lambda: make("mul", place, make("sub", one, place)),
        "atan": lambda: make("div", one, make("add", one, make("mul", a, a))),
        "neg": lambda: number(-1),
    }[name]()


C_TEXT = {
    **{name: f"{name}({{0}})" for name in ("sin", "cos", "tan", "exp", "log10", "sqrt", "atan", "floor")},
    **{"ln": "log({0})", "abs": "fabs({0})", "neg": "-({0})", "sign": "(double)(({0} > 0) - ({0} < 0))"},
    **{"sigmoid": "1 / (1 + exp(-({0})))", "max": "({0} >= {1} ? {0} : {1})", "pow": "pow({0}, {1})"},
    **{"add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "div": "{0} / {1}", "if": "({0} != 0 ? {1} : {2})"},
    **{"lt": "(double)({0} < {1})", "le": "(double)({0} <= {1})", "gt": "(double)({0} > {1})"},
    **{"ge": "(double)({0} >= {1})", "and": "(double)({0} != 0 && {1} != 0)"},
}


def c_lines(graph: Graph, wanted: list[int]) -> tuple[list[str], list[str]]:
    """Lines that compute the wanted nodes, and what they are called there."""
    needed, stack = set(), list(wanted)
    while stack:
        place = stack.pop()
        if place not in needed:
            needed.add(place)
            node = graph.nodes[place]
            stack += [] if node[0] in ("number", "variable") else node[1:]
    called, lines = {}, []
    for place in sorted(needed):
        name, *arguments = graph.nodes[place]
        if name in ("number", "variable"):
            called[place] = f"x[{arguments[0]}]" if name == "variable" else f"({arguments[0]!r})"
            continue
        called[place] = f"t{place}"
        lines.append(f"  const double t{place} = {C_TEXT[name].format(*(called[one] for one in arguments))};")
    return lines, [called[place] for place in wanted]


def c_source(number: int, text: str, variables: list[str]) -> str:
    """`f<number>` and `g<number>` in C. What is no number counts as infinite, such a slope as 0."""
    graph, f, slopes = function(text, variables)
    lines, (result,) = c_lines(graph, [f])
    head = f"double f{number}(const double *x) {{\n" + "\n".join(lines)
    value = f"{head}\n  return {result} == {result} ? {result} : INFINITY;\n}}\n"
    lines, (result, *results) = c_lines(graph, [f, *slopes])
    stores = [f"  g[{k}] = isfinite({one}) ? {one} : 0;" for k, one in enumerate(results)]
    head = f"double g{number}(const double *x, double *g) {{\n" + "\n".join([*lines, *stores])
    return value + f"{head}\n  return {result} == {result} ? {result} : INFINITY;\n}}\n"

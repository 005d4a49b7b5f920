"""Makes templates.json and expressions.json with Jinja 3.1 itself, set up as transformers' apply_chat_template does it.

    python3 make_templates.py        # needs python3-jinja2

Templates: written for this test in the shape of the families' own; expressions: drawn at random from a grammar with a
fixed seed, each kept with what Jinja renders, or with null where Jinja ends in an error.
"""
import copy, datetime, json, random, pathlib
import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = pathlib.Path(__file__).parent


class Generation(Extension):
    """{% generation %}: what the assistant said; only training looks at it."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_plain", [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _plain(self, caller):
        return caller()


def environment():
    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.datetime(2025, 3, 7, 14, 5, 9).strftime(form)
    return env


ENV = environment()


def render(source, variables):
    try:
        return ENV.from_string(source).render(**copy.deepcopy(variables))
    except Exception:
        return None


TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather of a \"place\" <now> & later", "parameters": {
    "type": "object", "properties": {"place": {"type": "string", "description": "Wo? Zürich 東京"}, "days": {"type": "integer"}, "scale": {"type": "string", "enum": ["C", "F"]}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}}]
U = lambda c: {"role": "user", "content": c}
A = lambda c: {"role": "assistant", "content": c}
S = lambda c: {"role": "system", "content": c}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "weather", "arguments": {"place": "Bern", "days": 2, "x": 1.5, "y": None, "z": [True, 1e20]}}}]}
ANSWER = {"role": "tool", "name": "weather", "tool_call_id": "call00001", "content": "{\"sky\": \"blue\"}"}
CHATS = {
    "one": [U("Hello?")],
    "turns": [U(" Hi \n"), A("Hello. "), U("Who are you?\nReally?")],
    "system": [S("Be brief.\n"), U("Hi"), A("<think>\nhm\n</think>\n\nYes"), U("日本語 🙂 'quoted' \"twice\"")],
    "tools": [S("Use tools."), U("Weather in Bern?"), CALL, ANSWER, A("Blue."), U("Thanks")],
    "parts": [U([{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "text", "text": "what is it?"}])],
    "two_users": [U("a"), U("b")],
    "empty": [],
}


def templates():
    rows = []
    for path in sorted(HERE.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name, messages in CHATS.items():
            for tools in ([None, TOOLS] if name in ("one", "tools") else [None]):
                for prompt in ([True, False] if name in ("turns", "system") else [True]):
                    variables = {"messages": messages, "add_generation_prompt": prompt, "bos_token": "<s>", "eos_token": "</s>"}
                    if tools:
                        variables["tools"] = tools
                    text = render(source, variables)
                    rows.append({"template": path.name, "chat": name, "tools": bool(tools), "prompt": prompt, "text": text})
    return rows


VARIABLES = {"s": "Hello, World", "t": " a-b  c\n", "u": "žluť 🙂ß", "e": "", "i": 7, "n": -3, "z": 0, "f": 2.5, "g": 1e-7, "h": 1e21, "b": True, "c": False, "none_": None,
             "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "m": {"b": 1, "a": "x", "C": None}, "nested": {"k": [{"role": "user", "n": 1}, {"role": "tool", "n": 2}, {"role": "user"}]}, "x": [[1, 2], [3]]}


class Grammar:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *xs):
        return self.r.choice(xs)

    def atom(self):
        r = self.r.random()
        if r < 0.55:
            return self.pick(*VARIABLES, "missing")
        return self.pick("'it''s'", "'a'", "\"q'\"", "0", "1", "2", "-1", "3.0", "0.1", "10", "true", "none", "[]", "{}", "[1, 'a']", "{'k': 1}", "(1, 2)", "'%'", "'\\n\\t\\\\'", "'a,b,,c'", "range(4)|list")

    def expr(self, depth):
        if depth == 0:
            return self.atom()
        e = lambda: self.expr(depth - 1)
        kind = self.r.randrange(13)
        if kind == 0:
            return f"({e()} {self.pick('+', '-', '*', '/', '//', '~', '~')} {e()})"
        if kind == 1:
            return f"({e()} {self.pick('==', '!=', '<', '<=', '>', '>=', 'in', 'not in')} {e()})"
        if kind == 2:
            return f"({e()} {self.pick('and', 'or')} {e()})"
        if kind == 3:
            return f"({e()} if {e()} else {e()})"
        if kind == 4:
            return f"(not {e()})"
        if kind == 5:
            return f"({e()} if b else missing)[{self.pick('0', '-1', '1:', ':-1', '::-1', '::2', '-2:', '5:1:-2', repr('a'), repr('k'))}]"
        if kind == 6:
            return f"({e()}).{self.pick('strip()', 'upper()', 'lower()', 'title()', 'split()', 'split(chr)'.replace('chr', repr(',')), 'rstrip()', 'lstrip(chr)'.replace('chr', repr(' a')), 'startswith(chr)'.replace('chr', repr('H')), 'endswith(chr)'.replace('chr', repr('d')), 'replace(a, b)'.replace('a', repr('l'), 1).replace('b)', repr('LL') + ')'), 'items()|list', 'keys()|list', 'values()|list', 'get(chr)'.replace('chr', repr('b')), 'get(1, 2)', 'k', 'a', 'capitalize()', 'splitlines()', 'count(chr)'.replace('chr', repr('l')), 'find(chr)'.replace('chr', repr('o')), 'rsplit(none, 1)', 'split(none, 1)')}"
        if kind in (7, 8, 9):
            return f"({e()}|{self.pick(*FILTERS)})"
        if kind == 10:
            return f"({e()} is {self.pick('', 'not ')}{self.pick(*TESTS)})"
        if kind == 11:
            return f"[{e()}, {e()}]"
        return f"-({e()})" if self.r.random() < 0.3 else f"({e()}|tojson)"


FILTERS = ["trim", "upper", "lower", "length", "first", "last", "list", "tojson", "tojson(indent=2)", "string", "int", "float", "abs", "round", "round(1)", "round(2, 'floor')", "title", "capitalize",
           "unique|list", "reverse|list", "reverse", "sort", "sort(reverse=true)", "join", "join(', ')", "default('d')", "default('d', true)", "replace('a', 'bb')", "replace('l', '', 1)", "items|list", "dictsort",
           "map('upper')|list", "map('string')|join('+')", "map(attribute='role')|list", "map(attribute='n', default=0)|list", "selectattr('role', 'equalto', 'user')|list", "rejectattr('n')|list", "selectattr('n', 'defined')|list",
           "select('string')|list", "reject('none')|list", "select('odd')|list", "batch(2)|list", "batch(2, 'x')|list", "slice(2)|list", "sum", "min", "max", "safe", "indent", "indent(2, true)", "wordcount", "count", "tojson(sort_keys=true)",
           "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "sort(case_sensitive=true)", "map('length')|list", "map('first')|list"]
TESTS = ["defined", "undefined", "none", "string", "mapping", "iterable", "number", "boolean", "integer", "float", "sequence", "true", "false", "odd", "even", "divisibleby 2", "divisibleby(3)", "sameas none", "equalto 1", "eq('a')",
         "in [1, 'a', none]", "in 'Hello'", "lower", "upper", "gt 1", "callable", "ne 7", "le 2"]


def expressions(count):
    grammar, rows, seen = Grammar(20250307), [], set()
    while len(rows) < count:
        source = "{{ " + grammar.expr(grammar.pick(1, 1, 2, 2, 3)) + " }}"
        if source in seen:
            continue
        seen.add(source)
        text = render(source, VARIABLES)
        # What Python writes for its own objects, and the few errors, tell nothing after some of them.
        if text is not None and any(word in text for word in ("<generator", "object at", "built-in", "dict_", "range(", "<undefined", "Undefined", "0x")):
            continue
        if text is None and grammar.r.random() < 0.8:
            continue
        if text is not None and len(text) > 400:
            continue
        rows.append({"source": source, "text": text})
    return rows


def write(name, value):
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in value.pop("rows"))
    head = json.dumps(value, ensure_ascii=False)[:-1]
    (HERE / name).write_text(f"{head},\n\"rows\": [\n{lines}\n]}}\n", encoding="utf-8")


if __name__ == "__main__":
    write("templates.json", {"made_with": f"Jinja {jinja2.__version__}", "chats": CHATS, "tools": TOOLS, "rows": templates()})
    write("expressions.json", {"made_with": f"Jinja {jinja2.__version__}", "variables": VARIABLES, "rows": expressions(1200)})

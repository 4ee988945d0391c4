"""YAML to plain data that remembers where each key and value stood.

The document is only composed to nodes, never constructed: no tag of a file can name code to run, and a tag that is
not plain YAML is refused. What cannot be read becomes a problem with its line; nothing is raised.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from gateway.config.problems import Mark, Path, Problem

LITELLMS_BLOCKS = frozenset(
    {"model_list", "litellm_settings", "router_settings", "general_settings", "environment_variables"}
)
MAX_DEPTH = 50
MAX_NODES = 100_000
_CORE = "tag:yaml.org,2002:"
_MERGE = _CORE + "merge"
_PLAIN = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge"))

# The parser's own words, and what a person can do about it.
_SYNTAX = (
    ("'\\t' that cannot start", "a tab is used for indentation", "indent with spaces only"),
    ("cannot start any token", "a value starts with a character that means something in YAML", "put it in quotes"),
    (
        "mapping values are not allowed",
        "a `:` stands where YAML expects none",
        "check the indentation, or put the value in quotes",
    ),
    ("<block end>, but found '}'", "a closing bracket that nothing opened", "take it out"),
    ("<block end>, but found ']'", "a closing bracket that nothing opened", "take it out"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above",
        "indent entries of one section alike, here or in the line above",
    ),
    ("could not find expected ':'", "a key without its `:`", "write `key: value`"),
    ("undefined alias", "a `*name` without its `&name`", "put the value in quotes if no alias is meant"),
    ("expected the node content", "a value or a closing bracket is missing here", "write it, or close what was opened"),
    ("expected node content", "a value or a closing bracket is missing here", "write it, or close what was opened"),
    ("unknown escape", "an unknown escape in a double-quoted text", "use single quotes"),
    ("found another document", "a second document begins here", "keep one document: take out the `---`"),
)
# The same for what begins at the place of the mistake and is noticed only later.
_UNCLOSED = (
    ("expected ',' or", "a bracket that opens here is not closed", "close it, or put each entry on a line of its own"),
    ("unexpected end of stream", "a quote that opens here is not closed", "close it"),
)


class Section(dict[str, Any]):
    """A mapping, with the places of itself, its keys and its values."""

    __slots__ = ("keys_at", "mark", "values_at")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.keys_at: dict[str, Mark] = {}
        self.values_at: dict[str, Mark] = {}

    def put(self, key: str, value: Any, key_at: Mark, value_at: Mark) -> None:
        """Set `key` and remember where it and its value stand."""
        self[key] = value
        self.keys_at[key] = key_at
        self.values_at[key] = value_at


class Items(list[Any]):
    """A list, with the places of its entries."""

    __slots__ = ("mark", "values_at")

    def __init__(self, mark: Mark) -> None:
        super().__init__()
        self.mark = mark
        self.values_at: list[Mark] = []

    def put(self, value: Any, value_at: Mark) -> None:
        """Append `value` and remember where it stands."""
        self.append(value)
        self.values_at.append(value_at)


def place(root: Section, path: Path, *, key: bool = False) -> Mark:
    """Where the value at `path` stands (`key`: its key), or else the nearest thing around it."""
    mark = root.mark
    here: Any = root
    for depth, part in enumerate(path):
        if isinstance(here, Section) and part in here:
            wants_key = key and depth == len(path) - 1
            mark = here.keys_at[str(part)] if wants_key else here.values_at[str(part)]
        elif isinstance(here, Items) and isinstance(part, int) and part < len(here):
            mark = here.values_at[part]
        else:
            break
        here = here[part]
    return mark


def parse(text: str, file: str, problems: list[Problem], warnings: list[Problem] | None = None) -> Section:
    """The mapping that `text` holds. Whatever is wrong is added to `problems`; the rest is still returned.

    `warnings`: keys that stand twice in a block of LiteLLM's, who takes the last one.
    """
    start = Mark(file, 1, 1)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        problems.append(_syntax_problem(error, file))
        return Section(start)
    except ReaderError as error:
        line, column = text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
        problems.append(Problem(Mark(file, line, column), (), "a control character stands here", "take it out"))
        return Section(start)
    except (YAMLError, RecursionError):
        problems.append(Problem(start, (), "this cannot be read as YAML", "check the brackets and the indentation"))
        return Section(start)
    if node is None:
        return Section(start)
    if not isinstance(node, MappingNode):
        problems.append(
            Problem(start, (), "the file is not a list of `key: value` entries", "start with `model_list:`")
        )
        return Section(start)
    return _Composition(file, problems, [] if warnings is None else warnings).document(node)


def _syntax_problem(error: MarkedYAMLError, file: str) -> Problem:
    said = f"{error.context or ''} {error.problem or ''}".replace("\t", "\\t")
    for words, what, mend in _UNCLOSED:
        if words in said and error.context_mark:
            return Problem(_mark(file, error.context_mark), (), what, mend)
    mark = _mark(file, error.problem_mark or error.context_mark)
    for words, what, mend in _SYNTAX:
        if words in said:
            return Problem(mark, (), what, mend)
    return Problem(mark, (), "this is not YAML", "check the brackets, quotes and indentation around it")


def _mark(file: str, mark: Any) -> Mark:
    """The parser's mark, whose lines and columns begin at 0, as ours."""
    return Mark(file, mark.line + 1, mark.column + 1) if mark else Mark(file, 1, 1)


class _Composition:
    """One walk over the nodes of one document."""

    def __init__(self, file: str, problems: list[Problem], warnings: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._warnings = warnings
        self._nodes = 0
        self._full = False

    def document(self, node: MappingNode) -> Section:
        value = self._value(node, ())
        return value if isinstance(value, Section) else Section(self._at(node))

    def _section(self, node: MappingNode, path: Path) -> Section:
        """The mapping of `node`. Of a key that stands twice the first value counts, in LiteLLM's blocks the last."""
        out = Section(self._at(node))
        merged: list[Section] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._merged(value_node, path)
                continue
            key_at = self._at(key_node)
            if not isinstance(key_node, ScalarNode) or key_node.tag not in _PLAIN:
                self._complain(key_at, path, "a key is not a plain word", "write `key: value`")
                continue
            key = self._text(key_node, path)
            if key in out and not self._counts_again(key_at, (*path, key), out.keys_at[key].line):
                continue
            out.put(key, self._value(value_node, (*path, key)), key_at, self._at(value_node))
        for other in merged:
            for key, value in other.items():
                if key not in out:
                    out.put(key, value, other.keys_at[key], other.values_at[key])
        return out

    def _counts_again(self, mark: Mark, path: Path, first: int) -> bool:
        """Tells of a key that stands twice; whether its later value counts."""
        what, mend = f"the key stands twice, first in line {first}", "keep one of them"
        if path[0] not in LITELLMS_BLOCKS or path == ("model_list",):
            self._complain(mark, path, what, mend)
            return False
        self._warnings.append(Problem(mark, path, f"{what}; the last one counts", mend))
        return True

    def _merged(self, node: Node, path: Path) -> list[Section]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        values = [self._value(each, (*path, "<<")) for each in nodes]
        sections = [value for value in values if isinstance(value, Section)]
        if len(sections) != len(values):
            self._complain(self._at(node), (*path, "<<"), "only sections can be merged", "name a section: `<<: *name`")
        return sections

    def _value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if not self._full and (len(path) > MAX_DEPTH or self._nodes > MAX_NODES):
            self._full = True
            self._complain(self._at(node), path[:3], "too deep or too much", "do without aliases of aliases")
        if self._full:
            return None
        if node.tag not in _PLAIN:
            self._complain(
                self._at(node), path, "a tag (`!…`) that is not plain YAML", "take the tag out; it is never run"
            )
            return None
        if isinstance(node, MappingNode):
            return self._section(node, path)
        if isinstance(node, SequenceNode):
            items = Items(self._at(node))
            for index, each in enumerate(node.value):
                items.put(self._value(each, (*path, index)), self._at(each))
            return items
        return scalar(node.tag.removeprefix(_CORE), self._text(node, path))

    def _text(self, node: Node, path: Path) -> str:
        """The text of a scalar. Two escapes that are the halves of one character, as JSON writes them, are joined."""
        text = str(node.value)
        if text.isascii() and "\0" not in text:
            return text
        try:
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            whole = "\0"
        if "\0" not in whole:
            return whole
        self._complain(
            self._at(node), path, "the escapes of a text give no characters", "write the characters themselves"
        )
        return ""

    def _at(self, node: Node) -> Mark:
        return _mark(self._file, node.start_mark)

    def _complain(self, mark: Mark, path: Path, what: str, mend: str) -> None:
        self._problems.append(Problem(mark, path, what, mend))


def scalar(kind: str, text: str) -> str | int | float | bool | None:
    """A scalar by YAML 1.2's rules, but for dates: they stay text, because an `api_version` looks like one."""
    plain = text.replace("_", "").lower()
    try:
        match kind:
            case "null":
                return None
            case "bool":
                return plain in {"true", "yes", "on", "y"}
            case "int":
                return int(plain, 0 if plain.lstrip("+-")[:2] in {"0x", "0o", "0b"} else 10)
            case "float":
                return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
    return text

"""docs/errors.md lists every code that the gateway can give, with its status, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway import errors
from gateway.errors import GatewayError, Reason
from gateway.ledger.wire import STOPPED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
ELSEWHERE = ("gateway/fleet/", "gateway/config/")  # programs and texts of their own
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, GatewayError)}
NOT_RAISED = {"gateway/bootstrap.py": 503, "gateway/protocol.py": 400}  # written before there is an app to raise in
OTHER_STATUS = {"request_timeout": 408, "cancelled": 499}  # set beside the class's own


def documented() -> dict[str, str]:
    """Code → status, of the first table."""
    table = PAGE.partition("## In records only")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", table, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a code stands there twice"
    return dict(rows)


def texts(node: ast.AST) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def raised(tree: ast.Module) -> Iterator[tuple[str, int | None]]:
    """Codes that are given to an error where it is made, with its class's status."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            kind = KINDS.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
            codes = [code for keyword in node.keywords if keyword.arg == "code" for code in texts(keyword.value)]
            if kind is not None:
                yield from ((code, kind.status) for code in codes or [kind.code])
        elif isinstance(node, ast.Assign) and "code" in {
            name.id for name in node.targets if isinstance(name, ast.Name)
        }:
            yield from ((code, None) for code in texts(node.value))


def in_use() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if where.startswith(ELSEWHERE):
            continue
        source = path.read_text()
        for code, status in raised(ast.parse(source)):
            found.setdefault(code, set()).update({status} if status is not None else ())
        if where in NOT_RAISED:
            for code in re.findall(r'"code": "(\w+)"', source):
                found.setdefault(code, set()).add(NOT_RAISED[where])
    return found


def test_the_page_has_every_code_and_no_other() -> None:
    provider_errors = {
        "unsupported_parameter",
        "unsupported_image_url",
    }  # made in a lane, passed on as a caller's error
    assert set(documented()) == set(in_use()) | provider_errors


def test_each_code_has_its_status() -> None:
    found = in_use()
    wrong = {
        code: (told, statuses)
        for code, told in documented().items()
        if (statuses := found.get(code)) and int(told) not in statuses | {OTHER_STATUS.get(code)}
    }
    assert wrong == {}


def test_codes_of_records_are_there_too() -> None:
    records = PAGE.partition("## In records only")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", records, re.MULTILINE)) == {Reason.CLIENT_GONE.value, STOPPED}


def test_the_tree_in_the_source_names_every_class() -> None:
    tree = errors.__doc__ or ""
    assert [name for name in KINDS if name not in tree] == []
    assert [
        str(kind.status) for name, kind in KINDS.items() if name != "GatewayError" and str(kind.status) not in tree
    ] == []

"""Errors are caught by their names; modules import at their top. Each exception is named here with its reason."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("gateway", "routing_policies", "templates", "dashboard")
WIDE = {"Exception", "BaseException"}

MAY_CATCH_ALL = {
    "gateway/api/": "the edge: whatever breaks becomes a clean answer",
    "gateway/pipeline.py": "a bug in one request is that request's",
    "gateway/providers/": "LiteLLM raises anything; all of it becomes a ProviderError",
    "gateway/bootstrap.py": "whatever keeps the gateway from starting is told",
    "gateway/ledger/upkeep.py": "a step's bug is told, and must not end what keeps the ledger going",
    "gateway/tasks.py": "what goes on beside the requests is begun anew, whatever broke it",
    "gateway/ledger/writer.py": "an act's error is its waiter's, and must not end the thread",
}
MAY_IMPORT_LATE = {
    "gateway/__main__.py": "importing it stays free",
    "gateway/cli.py": "each command imports what it needs, so that `serve` listens within a second",
    "gateway/cli_check.py": "heavy, and needed only once the file was read",
    "gateway/start.py": "the heavy imports, in a thread",
    "gateway/bootstrap.py": "uvloop is not on every platform",
    "gateway/backends.py": "redis-py is for those who have a Redis",
    "gateway/reports/live.py": "redis-py is for those who have a Redis",
    "gateway/oidc.py": "PyJWT brings cryptography, which signing in by an identity provider alone needs",
    "gateway/providers/": "LiteLLM takes seconds to import",
    "gateway/store/schema.py": "Alembic is slow to import, and needed when the schema changes only",
    "dashboard/": "pages import what they show",
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for top in CODE:
        for path in sorted((ROOT / top).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def unexplained(found: set[str], reasons: dict[str, str]) -> list[str]:
    return sorted(where for where in found if not where.startswith(tuple(reasons)))


def unused(found: set[str], reasons: dict[str, str]) -> list[str]:
    return sorted(prefix for prefix in reasons if not any(where.startswith(prefix) for where in found))


def catches_all(node: ast.ExceptHandler) -> bool:
    names = ast.walk(node.type) if node.type is not None else ()
    return node.type is None or any(isinstance(each, ast.Name) and each.id in WIDE for each in names)


def test_errors_are_caught_by_name() -> None:
    found = {
        where
        for where, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and catches_all(node)
    }
    assert unexplained(found, MAY_CATCH_ALL) == []
    assert unused(found, MAY_CATCH_ALL) == []


def late_imports(tree: ast.Module) -> int:
    within = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sum(isinstance(inner, ast.Import | ast.ImportFrom) for node in within for inner in ast.walk(node))


def test_modules_import_at_their_top() -> None:
    found = {where for where, tree in sources() if late_imports(tree)}
    assert unexplained(found, MAY_IMPORT_LATE) == []


def test_nothing_is_printed_and_nothing_is_left_for_later() -> None:
    left = defaultdict(list)
    for where, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"print", "breakpoint"}
            ):
                left[where].append(node.func.id)
        text = (ROOT / where).read_text()
        left[where] += [mark for mark in ("TODO", "FIXME", "XXX", "HACK") if mark in text]
    assert {where: marks for where, marks in left.items() if marks} == {}

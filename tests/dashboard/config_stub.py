"""The gateway's configuration for the dashboard's tests: sections that are edited in memory, checked by what a test says.

It takes edits as the gateway does (JSON pointers; `add` creates what is missing), writes sections as YAML, keeps
versions, and refuses what was made for another version.
"""

from __future__ import annotations

import difflib
import json
from copy import deepcopy
from typing import Any

import httpx
import yaml

Rows = dict[str, Any]
DEFAULTS: Rows = {
    "routing": {"policy": "weighted", "models": {}, "rules": [], "timezone": "UTC"},
    "groups": {},
    "limits": {
        "default_max_tokens": 8192,
        "default_max_tokens_reasoning": 32768,
        "max_n": 16,
        "rpm": None,
        "max_parallel": None,
        "max_parallel_total": None,
        "require_user": False,
    },
    "budgets": {"total": None, "providers": {}, "new_keys": None, "new_users": None, "new_teams": None},
    "retry": {"attempts": 3, "per_group": None, "by_error": {}},
    "health": {"enabled": True, "failures": 5, "failures_by_error": {}, "open_for": 5.0, "max_open": 300.0},
    "queue": {"max_wait": 30.0, "max_length": 1000},
    "timeouts": {"connect": 5.0, "total": 300.0},
    "cache": {"enabled": False, "scope": "tenant", "ttl": 3600.0, "max_entries": 1000},
}


class ConfigStub:
    """`file` is what the file says; `mistakes` are answered to checks and saves while there are any."""

    def __init__(self) -> None:
        self.file: Rows = {"groups": {"fast": {"fallbacks": ["smart"]}}}
        self.mistakes: list[Rows] = []
        self.asked: list[tuple[str, str, Rows | None, str | None]] = []  # method, address, body, If-Match
        self.more: Rows = {"writable": True, "why_not": None, "rejected": None, "restart": [], "warnings": []}
        self.workers: list[Rows] = [{"name": "w1", "version": "v1", "current": True}]
        self.names: Rows = {
            "groups": ["fast", "smart", "best"],
            "embeddings": [],
            "models": ["auto"],
            "aliases": [],
            "policies": ["priority", "weighted", "complexity", "cost"],
            "tiers": ["fast", "smart", "best"],
            "templates": ["blog_post"],
            "brands": ["lumen"],
            "teams": [{"id": "t_social", "name": "Social"}, {"id": "t_blog", "name": "Blog"}],
        }
        self.kept: list[tuple[Rows, Rows]] = []  # oldest first: a version as it is listed, and its file
        self.keep("file", [])

    @property
    def version(self) -> str:
        return str(self.kept[-1][0]["version"])

    @property
    def saves(self) -> list[Rows]:
        """Bodies that were to be written."""
        return [body or {} for method, _, body, _ in self.asked if method == "PATCH"]

    @property
    def checks(self) -> list[Rows]:
        return [body or {} for _, address, body, _ in self.asked if address.endswith("/check")]

    def keep(self, by: str, what: list[str]) -> None:
        at = 1_900_000_000.0 + len(self.kept)
        self.kept.append(({"version": f"v{len(self.kept) + 1}", "at": at, "by": by, "what": what}, deepcopy(self.file)))

    def somebody_else(self, **sections: Any) -> None:
        """Change the file as another admin would."""
        self.file.update(sections)
        self.keep("user:u_bob", ["Bob was here."])

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        seen = request.headers.get("if-match")
        method, address = request.method, request.url.path.removeprefix("/admin/config")
        self.asked.append((method, address, body, seen))
        if method == "PATCH" or address.endswith("/restore"):
            return self._write(address, body or {}, seen)
        if address == "/check":
            return httpx.Response(200, json=self._check(body or {}))
        if address == "/versions":
            rows = [
                {**row, "current": row["version"] == self.version, "differs": file != self.file}
                for row, file in reversed(self.kept)
            ]
            return httpx.Response(200, json={"object": "list", "data": rows})
        if address.endswith("/check"):
            return httpx.Response(200, json=self._difference(self._file(address.split("/")[2])))
        if address == "/reload" and self.mistakes:
            return error(422, "validation_error", self.mistakes)
        return httpx.Response(200, json=self.shown())

    def shown(self) -> Rows:
        return {
            "object": "config",
            "version": self.version,
            "loaded_at": self.kept[-1][0]["at"],
            "file": "config.yaml",
            **self.more,
            "workers": self.workers,
            "sections": {name: self._section(name) for name in DEFAULTS},
            "names": self.names,
        }

    def _section(self, name: str) -> Rows:
        there = name in self.file
        value = {**DEFAULTS[name], **(self.file.get(name) or {})}
        return {
            "file": "config.yaml",
            "line": 7 if there else None,
            "yaml": text(self.file, name),
            "value": self.file.get(name, DEFAULTS[name]),
            "effective": value,
        }

    def _check(self, body: Rows) -> Rows:
        if self.mistakes:
            return {"ok": False, "problems": self.mistakes, "differences": [], "diff": "", "sections": {}}
        return self._difference(changed(self.file, body))

    def _file(self, version: str) -> Rows:
        return next(file for row, file in self.kept if row["version"] == version)

    def _difference(self, after: Rows) -> Rows:
        names = [name for name in DEFAULTS if text(self.file, name) != text(after, name)]
        lines: list[str] = []
        for name in names:
            old, new = text(self.file, name).splitlines(), text(after, name).splitlines()
            lines += difflib.unified_diff(old, new, "config.yaml", "config.yaml", lineterm="")
        what = [{"what": f"The section {name} changes.", "key": name, "restart": False} for name in names]
        sections = {name: text(after, name) for name in names}
        return {"ok": True, "problems": [], "differences": what, "diff": "\n".join(lines), "sections": sections}

    def _write(self, address: str, body: Rows, seen: str | None) -> httpx.Response:
        if seen not in {f'"{self.version}"', "*"} or self.more["rejected"]:
            return error(409, "version_conflict")
        if not self.more["writable"]:
            return error(409, "config_not_writable")
        if self.mistakes:
            return error(422, "validation_error", self.mistakes)
        if address.endswith("/restore"):
            wanted = address.split("/")[2]
            self.file = deepcopy(self._file(wanted))
            self.keep("user:u_ada", [f"Went back to {wanted}."])
        else:
            differences = self._check(body)["differences"]
            self.file = changed(self.file, body)
            self.keep("user:u_ada", [each["what"] for each in differences])
        self.workers = [{**each, "version": self.version} for each in self.workers]
        return httpx.Response(200, json={**self.shown(), "differences": []})


def changed(file: Rows, body: Rows) -> Rows:
    """The file after a change."""
    after = deepcopy(file)
    for name, written in (body.get("sections") or {}).items():
        after.pop(name, None)
        after.update(yaml.safe_load(written) or {})
    for edit in body.get("edits") or ():
        value = take(after, edit["from"]) if edit["op"] == "move" else edit.get("value")
        if edit["op"] == "remove":
            take(after, edit["path"])
        else:
            give(after, edit["path"], value)
    return after


def parent(file: Rows, path: str) -> tuple[Any, Any]:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    found: Any = file
    for number, part in enumerate(parts[:-1]):
        if isinstance(found, list):
            found = found[int(part)]
        else:
            found = found.setdefault(part, [] if parts[number + 1].isdigit() else {})
    return found, int(parts[-1]) if isinstance(found, list) else parts[-1]


def take(file: Rows, path: str) -> Any:
    found, key = parent(file, path)
    return found.pop(key)


def give(file: Rows, path: str, value: Any) -> None:
    found, key = parent(file, path)
    if isinstance(found, list):
        found.insert(key, value)
    else:
        found[key] = value


def text(file: Rows, name: str) -> str:
    return yaml.safe_dump({name: file[name]}, sort_keys=False) if name in file else ""


def error(status: int, code: str, details: list[Rows] | None = None) -> httpx.Response:
    body = {"message": f"Refused: {code}.", "code": code, "type": "x", "param": None}
    return httpx.Response(status, json={"error": body | ({"details": details} if details else {})})

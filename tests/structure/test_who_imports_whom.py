"""The import rules that say "only these": an allow-list a package, so that a new module is outside until it is named.

Layers, walls around libraries and cycles are held by import-linter (`[tool.importlinter]` in pyproject.toml).
"""

from __future__ import annotations

import grimp
import pytest

PROJECT = ("gateway", "routing_policies", "templates", "dashboard")
ONLY: dict[str, frozenset[str]] = {
    "dashboard": frozenset({"gateway.reports"}),
    "gateway.fleet": frozenset(),
    "gateway.stages": frozenset(
        {
            "gateway.errors",
            "gateway.ports",
            "gateway.types",
            "gateway.accounts.roles",
            "gateway.attempts",
            "gateway.killpoints",
            "gateway.ledger.prices",
            "gateway.ledger.scopes",
            "gateway.measure",
            "gateway.prompts",
            "gateway.queue",
            "gateway.relay",
            "gateway.resilience.retries",
            "gateway.routing",
            "gateway.sse",
            "gateway.telemetry.metrics",
            "gateway.telemetry.tracing",
            "gateway.trace_context",
        }
    ),
    "gateway.reports": frozenset({"gateway.ledger.prices", "gateway.ledger.sums", "gateway.store", "gateway.types"}),
    "gateway.resilience": frozenset({"gateway.errors", "gateway.ports", "gateway.types"}),
    "gateway.config": frozenset({"gateway.types"}),
    "gateway.providers": frozenset(
        {
            "gateway.config.deployments",
            "gateway.errors",
            "gateway.ledger.prices",
            "gateway.ports",
            "gateway.sse",
            "gateway.trace_context",
            "gateway.types",
        }
    ),
    "routing_policies": frozenset({"gateway.ports", "gateway.types"}),
    "templates": frozenset(),
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PROJECT, cache_dir=None)


def within(module: str, packages: frozenset[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("package", ONLY)
def test_a_package_imports_what_it_may(graph: grimp.ImportGraph, package: str) -> None:
    modules = {package, *graph.find_descendants(package)}
    strange = {
        (importer, imported)
        for importer in modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported not in modules and not within(imported, ONLY[package])
    }
    assert strange == set()


@pytest.mark.parametrize("package", [name for name, allowed in ONLY.items() if allowed])
def test_an_allow_list_has_nothing_to_spare(graph: grimp.ImportGraph, package: str) -> None:
    modules = {package, *graph.find_descendants(package)}
    imported = {each for module in modules for each in graph.find_modules_directly_imported_by(module)}
    assert {name for name in ONLY[package] if not any(within(each, frozenset({name})) for each in imported)} == set()

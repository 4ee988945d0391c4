"""What a library would import only because it is there can be kept from it; nobody else misses it."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from gateway.start import without


def test_a_package_is_not_found_meanwhile_and_is_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with without("colorsys"), pytest.raises(ImportError):
        import_module("colorsys")
    assert import_module("colorsys") is not None


def test_what_is_there_already_stays() -> None:
    with without("json"):
        assert import_module("json").dumps([]) == "[]"


def test_a_failure_meanwhile_leaves_nothing_behind() -> None:
    with pytest.raises(RuntimeError), without("no_such_package"):
        raise RuntimeError
    assert "no_such_package" not in sys.modules

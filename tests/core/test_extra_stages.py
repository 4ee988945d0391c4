"""A user's own stages stand where the configuration puts them; one that cannot be had is named."""

from __future__ import annotations

import pytest

from gateway.config.models import CustomStage
from gateway.extra_stages import StageError, with_extra
from gateway.ports import Stage
from gateway.stages import ORDER
from gateway.types import Call, Outcome


class Mine:
    async def enter(self, call: Call) -> None: ...
    async def exit(self, call: Call, outcome: Outcome) -> None: ...


class NeedsMore(Mine):
    def __init__(self, needed: str) -> None: ...


class HalfAStage:
    async def enter(self, call: Call) -> None: ...


class NotAsync(Mine):
    def exit(self, call: Call, outcome: Outcome) -> None: ...  # type: ignore[override]


def wanted(name: str, cls: str = "Mine", module: str = __name__, **where: str) -> CustomStage:
    return CustomStage.model_validate({"name": name, "class": f"{module}:{cls}", **where})


def built_in(*left_out: str) -> dict[str, Stage]:
    return {name: Mine() for name in ORDER if name not in left_out}


def names(stages: dict[str, Stage], *extra: CustomStage) -> list[str]:
    known = {id(stage): name for name, stage in stages.items()}
    return [known.get(id(stage), "mine") for stage in with_extra(stages, extra)]


def test_without_extra_ones_the_order_is_the_documented_one() -> None:
    assert names(built_in()) == list(ORDER)
    assert names(dict(reversed(built_in().items()))) == list(ORDER)


@pytest.mark.parametrize("anchor", ORDER)
def test_before_and_after(anchor: str) -> None:
    place = ORDER.index(anchor)
    assert names(built_in(), wanted("mine", before=anchor)).index("mine") == place
    assert names(built_in(), wanted("mine", after=anchor)).index("mine") == place + 1


def test_one_may_stand_beside_another() -> None:
    found = with_extra(built_in(), [wanted("first", after="admit"), wanted("second", before="first")])
    assert len(found) == len(ORDER) + 2


@pytest.mark.parametrize(("where", "before"), [("before", "route"), ("after", "route")])
def test_a_place_counts_although_its_stage_is_off(where: str, before: str) -> None:
    found = names(built_in("cache"), wanted("mine", **{where: "cache"}))
    assert found[found.index("mine") + 1] == before
    assert found[found.index("mine") - 1] == "prompt"


@pytest.mark.parametrize(
    ("cls", "module"),
    [
        ("Mine", "no_such_module"),
        ("NoSuchClass", __name__),
        ("NeedsMore", __name__),
        ("HalfAStage", __name__),
        ("NotAsync", __name__),
    ],
)
def test_one_that_cannot_be_had_is_named(cls: str, module: str) -> None:
    with pytest.raises(StageError) as caught:
        with_extra(built_in(), [wanted("watermark", cls, module, after="prompt")])
    assert "watermark" in str(caught.value)
    assert f"{module}:{cls}" in str(caught.value)

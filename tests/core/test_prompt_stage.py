"""Brand, template and the client's own messages, in this order; a key writes for its own brands only."""

from __future__ import annotations

from pathlib import Path

import pytest

import templates
from gateway.errors import Forbidden, InvalidRequest, NotFound
from gateway.prompts.library import Library
from gateway.stages.prompt import Prompt
from gateway.types import Call, Endpoint, Identity, Options
from tests.core.fakes import FakeClock, asking, person


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.load([Path(templates.__file__).parent])


class Brands:
    """Who may write for which brand: everybody, but for those of another team; "voiceless" has no voice."""

    async def allowed(self, identity: Identity, brand_id: str) -> bool:
        return brand_id != "theirs" or identity.team == "them"

    async def known(self, brand_id: str) -> bool:
        return brand_id in {"theirs", "voiceless"}


@pytest.fixture
def stage(library: Library) -> Prompt:
    return Prompt(library, b"secret", Brands())


def templated(clock: FakeClock, **changes: object) -> Call:
    """A call for a template with a long text in it, which is fenced with a code that nobody can foresee."""
    variables = {"text": "First line.\nSecond line."}
    return asking(clock, options=Options(template="summary", variables=variables, brand="lumen"), **changes)


async def test_without_brand_and_template_nothing_is_touched(clock: FakeClock, stage: Prompt) -> None:
    call = asking(clock)
    before = call.body["messages"]
    await stage.enter(call)
    assert call.body["messages"] is before
    assert (call.brand, call.template) == (None, None)


async def test_the_brand_speaks_first(clock: FakeClock, stage: Prompt, library: Library) -> None:
    call = asking(clock, options=Options(brand="lumen"))
    await stage.enter(call)
    first, *rest = call.body["messages"]
    assert first == {"role": "system", "content": library.brand("lumen").text}
    assert rest == [{"role": "user", "content": "three short words"}]
    assert (call.brand, call.brand_version) == ("lumen", library.brand("lumen").version)


async def test_the_keys_own_brand_is_the_default(clock: FakeClock, stage: Prompt) -> None:
    call = asking(clock, identity=person(default_brand="harbour"))
    await stage.enter(call)
    assert call.brand == "harbour"
    named = asking(clock, identity=person(default_brand="harbour"), options=Options(brand="lumen"))
    await stage.enter(named)
    assert named.brand == "lumen"


@pytest.mark.parametrize("default", [None, "lumen"])
async def test_another_brand_is_refused(clock: FakeClock, stage: Prompt, default: str | None) -> None:
    asked = None if default else "lumen"
    call = asking(
        clock, identity=person(brands=frozenset({"harbour"}), default_brand=default), options=Options(brand=asked)
    )
    with pytest.raises(Forbidden) as caught:
        await stage.enter(call)
    assert (caught.value.code, caught.value.param) == ("brand_not_allowed", "brand")


async def test_an_own_brand_is_allowed(clock: FakeClock, stage: Prompt) -> None:
    call = asking(clock, identity=person(brands=frozenset({"harbour"})), options=Options(brand="harbour"))
    await stage.enter(call)
    assert call.brand == "harbour"


@pytest.mark.parametrize("options", [Options(brand="nobody"), Options(template="nothing")])
async def test_what_is_not_there_is_not_found(clock: FakeClock, stage: Prompt, options: Options) -> None:
    with pytest.raises(NotFound):
        await stage.enter(asking(clock, options=options))


async def test_variables_that_do_not_fit_are_refused(clock: FakeClock, stage: Prompt) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await stage.enter(asking(clock, options=Options(template="release_notes", variables={"unknown": 1})))
    assert caught.value.code == "invalid_prompt_variables"


async def test_a_template_comes_between_brand_and_client(clock: FakeClock, stage: Prompt, library: Library) -> None:
    call = templated(clock)
    await stage.enter(call)
    messages = call.body["messages"]
    assert messages[0]["content"] == library.brand("lumen").text
    assert messages[-1] == {"role": "user", "content": "three short words"}
    assert len(messages) > 2
    assert call.template_version is not None


async def test_equal_requests_of_a_tenant_give_equal_messages(clock: FakeClock, stage: Prompt) -> None:
    first, second = templated(clock), templated(clock, id="gen-2")
    other = templated(clock, identity=person(team="blue"))
    for call in (first, second, other):
        await stage.enter(call)
    assert first.body["messages"] == second.body["messages"]
    assert first.body["messages"] != other.body["messages"]


async def test_embeddings_have_no_prompt(clock: FakeClock, stage: Prompt) -> None:
    call = asking(clock, endpoint=Endpoint.EMBEDDINGS, options=Options(brand="lumen"))
    before = dict(call.body)
    await stage.enter(call)
    assert (call.brand, call.brand_version, call.body) == ("lumen", None, before)


async def test_another_teams_brand_is_refused(clock: FakeClock, stage: Prompt) -> None:
    with pytest.raises(Forbidden) as refused:
        await stage.enter(asking(clock, options=Options(brand="theirs")))
    assert (refused.value.code, refused.value.param) == ("brand_not_allowed", "brand")
    call = asking(clock, identity=person(team="them"), options=Options(brand="theirs"))
    await stage.enter(call)
    assert call.brand == "theirs"


async def test_a_brand_without_a_voice_pays_and_says_nothing(clock: FakeClock, stage: Prompt) -> None:
    call = asking(clock, options=Options(brand="voiceless"))
    before = call.body["messages"]
    await stage.enter(call)
    assert (call.brand, call.brand_version) == ("voiceless", None)
    assert call.body["messages"] == before


async def test_a_brand_that_nobody_knows_is_not_found(clock: FakeClock, stage: Prompt) -> None:
    with pytest.raises(NotFound):
        await stage.enter(asking(clock, options=Options(brand="voicles")))


async def test_embeddings_for_a_brand_that_nobody_knows_are_refused(clock: FakeClock, stage: Prompt) -> None:
    with pytest.raises(NotFound):
        await stage.enter(asking(clock, endpoint=Endpoint.EMBEDDINGS, options=Options(brand="nobody")))

"""The newest `openai` and `anthropic` packages, unmodified: embeddings, models, and every client's way to sign in."""

from __future__ import annotations

import math
from typing import Any

import anthropic
import openai
import pytest


@pytest.fixture
def client(gateway: Any) -> Any:
    with openai.OpenAI(base_url=gateway.base_url, api_key=gateway.api_key, max_retries=0) as made:
        yield made


@pytest.mark.parametrize(("model", "size"), [("embed", 1536), ("embed-gemini", 3072)])
def check_the_clients_default_is_the_same_as_floats(client: Any, model: str, size: int) -> None:
    default = client.embeddings.create(model=model, input="rye bread")
    floats = client.embeddings.create(model=model, input="rye bread", encoding_format="float")
    [vector] = [item.embedding for item in default.data]
    assert len(vector) == size
    assert vector == pytest.approx(floats.data[0].embedding, abs=1e-6)
    assert math.isclose(sum(x * x for x in vector), 1, rel_tol=1e-3)
    assert default.object == "list"
    assert default.usage.total_tokens == default.usage.prompt_tokens > 0


def check_base64_comes_as_base64(client: Any) -> None:
    answer = client.embeddings.create(model="embed", input="rye bread", encoding_format="base64", dimensions=8)
    assert isinstance(answer.data[0].embedding, str)


@pytest.mark.parametrize("model", ["embed", "embed-gemini"])
def check_lists_keep_their_order(client: Any, model: str) -> None:
    texts = ["rye bread", "wheat bread", "a bicycle"]
    answer = client.embeddings.create(model=model, input=texts, dimensions=64)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert all(len(item.embedding) == 64 for item in answer.data)
    alone = [client.embeddings.create(model=model, input=text, dimensions=64).data[0].embedding for text in texts]
    assert [item.embedding for item in answer.data] == [pytest.approx(vector, abs=1e-6) for vector in alone]


def check_tokens_as_input(client: Any) -> None:
    assert len(client.embeddings.create(model="embed", input=[1, 2, 3]).data) == 1
    assert len(client.embeddings.create(model="embed", input=[[1, 2], [3]]).data) == 2


async def check_the_async_client(gateway: Any) -> None:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key) as client:
        answer = await client.embeddings.create(model="embed", input=["a", "b"], dimensions=4, user="person-17")
        assert [len(item.embedding) for item in answer.data] == [4, 4]
        assert "embed" in [model.id async for model in client.models.list()]


@pytest.mark.parametrize(
    ("members", "param"), [({"input": ""}, "input"), ({"input": "x", "dimensions": 0}, "dimensions")]
)
def check_refusals(client: Any, members: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failed:
        client.embeddings.create(model="embed", **members)
    assert failed.value.param == param


def check_a_chat_model_gives_no_embeddings(client: Any) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="echo", input="x")


def check_models(client: Any, gateway: Any) -> None:
    names = [model.id for model in client.models.list()]
    assert {"gpt", "claude", "gemini", "auto", "embed", "vendor/house/large"} <= set(names)
    for name in names:
        model = client.models.retrieve(name)
        assert (model.id, model.object) == (name, "model")
        assert isinstance(model.created, int)
        assert model.owned_by
    with pytest.raises(openai.NotFoundError) as failed:
        client.models.retrieve("no/such/model")
    assert failed.value.code == "model_not_found"


def check_a_key_sees_only_its_models(gateway: Any) -> None:
    key = gateway.key(models=["gpt", "vendor/house/large"])
    with openai.OpenAI(base_url=gateway.base_url, api_key=key) as client:
        assert {model.id for model in client.models.list()} == {"gpt", "vendor/house/large"}
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("claude")


def check_anthropics_header(gateway: Any) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.api_key, max_retries=0) as client:
        assert client.get("/v1/me", cast_to=dict[str, Any])["object"] == "identity"
    wrong = anthropic.Anthropic(base_url=gateway.url, api_key="wrong", max_retries=0)
    with wrong, pytest.raises(anthropic.AuthenticationError):
        wrong.get("/v1/me", cast_to=dict[str, Any])


def check_azures_header(gateway: Any) -> None:
    with openai.AzureOpenAI(base_url=gateway.base_url, api_key=gateway.api_key, api_version="2025-01-01") as client:
        assert "gpt" in [model.id for model in client.models.list()]

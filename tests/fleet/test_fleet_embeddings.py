"""Embeddings: the same on every wire and in every encoding, and near where texts are alike."""

from __future__ import annotations

import base64
import math
import struct

import httpx
import openai
import pytest

from gateway.fleet import RunningFleet, embeddings, tokenizer


def dot(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


def test_alike_texts_lie_closer_than_others() -> None:
    bread, breads, taxes = (
        embeddings.vector(text, 512)
        for text in ("how to bake sourdough bread", "baking a sourdough bread at home", "annual tax declaration form")
    )
    assert dot(bread, breads) > 0.4 > abs(dot(bread, taxes))


@pytest.mark.parametrize("text", ["", "a", "!!!", "漢字 und Äpfel", "word " * 9_000])
def test_every_vector_has_length_one(text: str) -> None:
    values = embeddings.vector(text, 256)
    assert math.isclose(dot(values, values), 1.0, abs_tol=1e-5)
    assert values == embeddings.vector(text, 256)


async def test_openai_embeds_lists_in_order_with_true_usage(openai_client: openai.AsyncOpenAI) -> None:
    texts = ["first text", "second text"]
    answer = await openai_client.embeddings.create(model="text-embedding-3-small", input=texts)
    assert [item.index for item in answer.data] == [0, 1]
    assert [item.embedding for item in answer.data] == [embeddings.vector(text, 1536) for text in texts]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(map(tokenizer.count, texts))


async def test_openai_packs_floats_in_base64(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    url = f"{fleet.urls['openai']}/embeddings"
    body = {"model": "text-embedding-3-large", "input": "x", "dimensions": 8}
    plain = (await http.post(url, json=body)).json()["data"][0]["embedding"]
    packed = (await http.post(url, json={**body, "encoding_format": "base64"})).json()["data"][0]["embedding"]
    assert list(struct.unpack("<8f", base64.b64decode(packed))) == plain


@pytest.mark.parametrize(("given", "tokens"), [([1, 2, 3], 3), ([[1, 2], [3]], 3)])
async def test_openai_embeds_tokens(openai_client: openai.AsyncOpenAI, given: list[int], tokens: int) -> None:
    answer = await openai_client.embeddings.create(model="text-embedding-3-small", input=given, dimensions=16)
    assert answer.usage.prompt_tokens == tokens


@pytest.mark.parametrize("given", ["", [], [""], [[]], ["a", 1], None, 7])
async def test_openai_refuses_an_empty_or_mixed_input(
    fleet: RunningFleet, http: httpx.AsyncClient, given: object
) -> None:
    answer = await http.post(f"{fleet.urls['openai']}/embeddings", json={"model": "m", "input": given})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input"


async def test_gemini_embeds_one_text_or_many(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    base = f"{fleet.urls['gemini']}/models/gemini-embedding-001"
    content = {"parts": [{"text": "first text"}]}
    one = await http.post(f"{base}:embedContent", json={"content": content, "outputDimensionality": 12})
    assert one.json()["embedding"]["values"] == embeddings.vector("first text", 12)
    requests = [{"content": content, "output_dimensionality": 12}, {"content": {"parts": [{"text": "second"}]}}]
    many = await http.post(f"{base}:batchEmbedContents", json={"requests": requests})
    vectors = [item["values"] for item in many.json()["embeddings"]]
    assert vectors == [embeddings.vector("first text", 12), embeddings.vector("second", 12)]
    assert many.json()["usageMetadata"]["promptTokenCount"] == fleet.journal.ended[-1].billed.input


async def test_gemini_refuses_an_empty_batch(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{fleet.urls['gemini']}/models/e:batchEmbedContents", json={"requests": []})
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"

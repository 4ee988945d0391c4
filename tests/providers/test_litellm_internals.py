"""What the lane uses of LiteLLM's insides: each test here fails when a new version has changed one of them."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider
from gateway.providers import runtime
from gateway.providers.params import arguments
from gateway.providers.recorder import recorder, recorder_class
from gateway.providers.translated import Anthropic, Gemini, as_it_is, parser
from gateway.providers.transport import exchange
from tests.providers.asking import ANSWER, HELLO, TOOL, request
from tests.providers.clientside import completed, streamed
from tests.providers.exchanges import answered_by_openai
from tests.providers.lanes import Lanes
from tests.providers.replay import Recorded, ReplayServer

EVENT_STREAM = {"content-type": "text/event-stream"}
OPENAI_END = (
    b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
ANTHROPIC_END = b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
GEMINI_END = b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}\n\n'


def test_the_version_is_the_one_that_these_tests_are_about() -> None:
    assert importlib.metadata.version("litellm") == "1.106.2"


@pytest.mark.parametrize(
    ("model", "body", "module", "name", "reader"),
    [
        ("openai/m", OPENAI_END, "openai", "AsyncStream", as_it_is),
        ("cerebras/m", OPENAI_END, "openai", "AsyncStream", as_it_is),
        ("perplexity/m", OPENAI_END, "openai", "AsyncStream", as_it_is),
        ("hosted_vllm/m", OPENAI_END, "litellm.llms.openai", "OpenAIChatCompletionStreamingHandler", as_it_is),
        ("groq/m", OPENAI_END, "litellm.llms.groq", "GroqChatCompletionStreamingHandler", as_it_is),
        ("mistral/m", OPENAI_END, "litellm.llms.mistral", "MistralChatResponseIterator", as_it_is),
        ("openrouter/m", OPENAI_END, "litellm.llms.openrouter", "OpenRouterChatCompletionStreamingHandler", as_it_is),
        ("anthropic/m", ANTHROPIC_END, "litellm.llms.anthropic.chat.handler", "ModelResponseIterator", Anthropic),
        ("gemini/m", GEMINI_END, "litellm.llms.vertex_ai.gemini", "ModelResponseIterator", Gemini),
    ],
)
async def test_under_the_stream_wrapper_is_a_reader_that_is_known(
    lane: Provider, replay: ReplayServer, model: str, body: bytes, module: str, name: str, reader: Any
) -> None:
    replay.answer = Recorded(body, headers=EVENT_STREAM)
    given = arguments(request(model, replay.url))
    given["litellm_logging_obj"] = recorder(given, stream=True)
    with exchange() as sent:
        wrapper = await runtime.load().acompletion(**given, stream=True)
        if wrapper.completion_stream is None:
            await wrapper.fetch_stream()
    kind = type(wrapper.completion_stream)
    assert (kind.__module__.startswith(module), kind.__name__) == (True, name)
    found = parser(wrapper.completion_stream)
    assert found is reader or type(found) is reader
    assert wrapper.received_finish_reason is None
    assert sent.response is not None
    assert len(sent.sent) == 1
    await sent.response.aread()


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


SAYS_HI = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": "Hi"}}
ENDS = {**SAYS_HI, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


@pytest.mark.parametrize(("ended", "fault"), [(True, None), (False, Fault.TRUNCATED)])
async def test_a_stream_of_another_kind_comes_through_the_wrapper(
    lane: Provider, replay: ReplayServer, ended: bool, fault: Fault | None
) -> None:
    documents = [{**SAYS_HI, "done": False}] + ([{**ENDS, "prompt_eval_count": 3, "eval_count": 1}] if ended else [])
    replay.answer = Recorded(lines(*documents), headers={"content-type": "application/x-ndjson"})
    reading, _ = await streamed(lane, request("ollama_chat/m", replay.url))
    assert (reading.choice(0).text, reading.fault) == ("Hi", fault)
    assert reading.choice(0).finish == ("stop" if ended else None)


async def test_litellm_still_says_stop_in_every_event_of_gemini(lane: Provider, replay: ReplayServer) -> None:
    """When it no longer does, `translated.Gemini` can go."""
    module = importlib.import_module("litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini")
    given = arguments(request("gemini/m", replay.url))
    logging = recorder(given, stream=True)
    logging.optional_params = {}
    inner = module.ModelResponseIterator(streaming_response=None, sync_stream=False, logging_obj=logging)
    event = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "index": 0}]}
    assert inner.chunk_parser(dict(event)).choices[0].finish_reason == "stop"
    chunk = Gemini(inner)(dict(event))
    assert chunk is not None
    assert chunk["choices"][0]["finish_reason"] is None


def test_litellm_still_estimates_what_thoughts_cost_and_calls_hosted_tools() -> None:
    """When it no longer does, most of `translated.Anthropic` can go."""
    inner = importlib.import_module("litellm.llms.anthropic.chat.handler").ModelResponseIterator(
        None, sync_stream=False
    )
    begun = {"type": "content_block_start", "index": 0}
    thought = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Well, now"}}
    search = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    inner.chunk_parser({**begun, "content_block": {"type": "thinking", "thinking": "", "text": ""}})
    inner.chunk_parser(thought)
    assert inner.chunk_parser(dict(end)).usage.completion_tokens_details.reasoning_tokens > 0
    assert inner.chunk_parser({**begun, "content_block": search}).choices[0].delta.tool_calls
    honest = Anthropic(inner)
    ended, called = honest(dict(end)), honest({**begun, "content_block": {**search, "id": "srvtoolu_2"}})
    assert ended is not None
    assert "completion_tokens_details" not in ended["usage"]
    assert called is not None
    assert not called["choices"][0]["delta"]["tool_calls"]


def test_the_recorder_takes_the_place_of_handlers_that_are_there() -> None:
    ours = recorder_class()
    (theirs,) = ours.__bases__
    replaced = [name for name in vars(ours) if not name.startswith("_")]
    assert len(replaced) == 8
    assert not [name for name in replaced if not inspect.isfunction(getattr(theirs, name, None))]


@pytest.mark.parametrize(("model", "by_sdk"), [("openai/m", True), ("cerebras/m", True), ("hosted_vllm/m", False)])
async def test_requests_of_openais_sdk_are_known_by_a_header(
    lane: Provider, replay: ReplayServer, model: str, by_sdk: bool
) -> None:
    replay.answer = Recorded(json.dumps(ANSWER).encode())
    given = arguments(request(model, replay.url))
    with exchange() as sent:
        await runtime.load().acompletion(**given, litellm_logging_obj=recorder(given, stream=False))
    assert sent.by_openai_sdk is by_sdk


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("litellm.llms.custom_httpx.aiohttp_transport", "class LiteLLMAiohttpTransport"),
        ("litellm.llms.custom_httpx.aiohttp_transport", "async def handle_async_request("),
        ("litellm.responses.main", "def _responses_try_dispatch_mcp_gateway("),
        ("litellm.litellm_core_utils.url_utils", "def validate_url("),
        ("litellm.main", 'kwargs.pop("_skip_mcp_handler"'),
        ("litellm.main", 'kwargs.pop("_skip_responses_api_bridge"'),
        ("litellm.llms.openai.openai", "max_retries or litellm.DEFAULT_MAX_RETRIES"),
        ("litellm.utils", "if not logging_obj.claim_async_success_log():"),
    ],
)
def test_what_is_replaced_or_switched_is_still_there(module: str, name: str) -> None:
    assert name in Path(str(importlib.import_module(module).__file__)).read_text()


async def test_the_sdk_never_tries_again_by_itself(lanes: Lanes, replay: ReplayServer) -> None:
    replay.answer = Recorded(b"{}", 500)
    for asked in (request("openai/m", replay.url), request("openai/embed", replay.url, {"input": "Hi"})):
        with pytest.raises(ProviderError):
            await lanes.slow.complete(asked)
    clients = runtime.load().in_memory_llm_clients_cache.cache_dict.values()
    sdks = [client for client in clients if type(client).__module__.startswith("openai")]
    assert sdks
    assert {client.max_retries for client in sdks} == {0}


@pytest.mark.parametrize(("has_it", "path"), [(True, "/responses"), (False, "/chat/completions")])
async def test_only_openai_itself_is_asked_through_its_responses_api(
    lanes: Lanes, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch, has_it: bool, path: str
) -> None:
    if has_it:
        answered_by_openai(monkeypatch)
    replay.seen.clear()
    replay.answer = Recorded(b"{}", 503)
    body = {**HELLO, "tools": [TOOL], "reasoning_effort": "low"}
    for lane in (lanes.slow, lanes.chosen):
        reading, _ = await completed(lane, request("openai/gpt-6-luna", replay.url, body))
        assert reading.fault is Fault.SERVER
    assert [seen.target for seen in replay.seen] == [path, path]

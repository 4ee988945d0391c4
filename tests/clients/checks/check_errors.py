"""The newest `openai` package, unmodified: each kind of failure as the exception its users expect."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest

HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello there, all of you"}]}
ECHOES = ["echo", "claude-echo", "gemini-echo"]


class Counting:
    """An HTTP client that counts what the SDK really sends."""

    def __init__(self) -> None:
        self.sent: list[httpx2.Request] = []
        self.http = openai.DefaultHttpxClient(event_hooks={"request": [self.sent.append]})


def sdk(gateway: Any, key: str | None = None, **options: Any) -> openai.OpenAI:
    options.setdefault("max_retries", 0)
    return openai.OpenAI(base_url=gateway.base_url, api_key=key or gateway.api_key, **options)


def caught(kind: type[openai.APIStatusError], client: openai.OpenAI, **members: Any) -> Any:
    """The exception, which has its request id and a whole error object."""
    with client, pytest.raises(openai.APIStatusError) as failed:
        client.chat.completions.create(**{**HELLO, **members})
    error = failed.value
    assert type(error) is kind, repr(error)
    assert error.request_id
    assert error.request_id == error.response.headers["x-request-id"]
    assert {"message", "type", "param", "code"} <= set(error.body)
    assert error.body["message"] in error.message
    return error


def check_our_own_refusal(gateway: Any) -> None:
    error = caught(openai.BadRequestError, sdk(gateway), messages="hello")
    assert (error.status_code, error.param, error.code, error.type) == (
        400, "messages", "invalid_value", "invalid_request_error",
    )  # fmt: skip


def check_the_providers_refusal_keeps_its_param_and_code(gateway: Any) -> None:
    error = caught(openai.BadRequestError, sdk(gateway), presence_penalty=3)
    assert (error.param, error.code) == ("presence_penalty", "invalid_value")
    assert "presence_penalty" in error.message


@pytest.mark.parametrize("model", ECHOES)
@pytest.mark.parametrize("stream", [False, True])
def check_a_context_that_is_too_long(gateway: Any, model: str, stream: bool) -> None:
    gateway.fault("context_length_exceeded")
    error = caught(openai.BadRequestError, sdk(gateway), model=model, stream=stream)
    assert error.code == "context_length_exceeded"


def check_a_policy_violation(gateway: Any) -> None:
    gateway.fault("content_policy")
    assert caught(openai.BadRequestError, sdk(gateway)).code == "content_policy_violation"


def check_a_parameter_that_the_provider_does_not_know(gateway: Any) -> None:
    error = caught(openai.BadRequestError, sdk(gateway), model="claude-echo", n=2)
    assert (error.code, error.param) == ("unsupported_parameter", "n")
    assert "drop" not in error.message


@pytest.mark.parametrize("key", ["sk-atl-wrong", "x", "sk-proj-" + "a" * 150])
def check_a_wrong_key(gateway: Any, key: str) -> None:
    error = caught(openai.AuthenticationError, sdk(gateway, key))
    assert (error.status_code, error.code) == (401, "invalid_api_key")
    assert error.response.headers["www-authenticate"] == "Bearer"
    assert key not in str(error.body)


def check_a_model_that_the_key_may_not_use(gateway: Any) -> None:
    error = caught(openai.PermissionDeniedError, sdk(gateway, gateway.key(models=["gpt"])))
    assert (error.status_code, error.code, error.param) == (403, "model_not_allowed", "model")


def check_an_unknown_model(gateway: Any) -> None:
    error = caught(openai.NotFoundError, sdk(gateway), model="gpt-nowhere")
    assert (error.status_code, error.code, error.param) == (404, "model_not_found", "model")


def check_an_unknown_address(gateway: Any) -> None:
    with sdk(gateway) as client, pytest.raises(openai.NotFoundError) as failed:
        client.images.generate(model="gpt", prompt="a cat")
    assert failed.value.code == "unknown_url"
    assert failed.value.request_id


def check_our_rate_limit(gateway: Any) -> None:
    key = gateway.key(rpm_limit=2)
    with sdk(gateway, key) as client:
        for left in ("1", "0"):
            headers = client.chat.completions.with_raw_response.create(**HELLO).headers
            assert headers["x-ratelimit-limit-requests"] == "2"
            assert headers["x-ratelimit-remaining-requests"] == left
            assert headers["x-ratelimit-reset-requests"]
    error = caught(openai.RateLimitError, sdk(gateway, key))
    headers = error.response.headers
    assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert 0 < int(headers["retry-after"]) <= 60
    assert 0 < int(headers["retry-after-ms"]) <= 60_000
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("2", "0")
    assert headers["x-ratelimit-reset-requests"]
    assert headers["x-should-retry"] == "true"


@pytest.mark.parametrize("model", ECHOES)
@pytest.mark.parametrize("stream", [False, True])
def check_the_providers_rate_limit(gateway: Any, model: str, stream: bool) -> None:
    gateway.fault("429", retry_after=7)
    error = caught(openai.RateLimitError, sdk(gateway), model=model, stream=stream)
    assert (error.code, error.response.headers["retry-after"]) == ("rate_limit_exceeded", "7")
    assert len(gateway.hits("echo")) == 1


def check_an_empty_budget_is_asked_for_once(gateway: Any) -> None:
    counting = Counting()
    client = sdk(gateway, gateway.key(max_budget=0.0), max_retries=5, http_client=counting.http)
    error = caught(openai.RateLimitError, client)
    assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
    assert error.response.headers["x-should-retry"] == "false"
    assert error.body["budget"]["limit"] == "0"
    assert len(counting.sent) == 1
    assert gateway.hits("echo") == []


@pytest.mark.parametrize("model", ECHOES)
@pytest.mark.parametrize("fault", ["500", "503"])
@pytest.mark.parametrize("stream", [False, True])
def check_a_provider_that_fails(gateway: Any, model: str, fault: str, stream: bool) -> None:
    gateway.fault(fault)
    error = caught(openai.InternalServerError, sdk(gateway), model=model, stream=stream)
    assert (error.status_code, error.code) == (502, "upstream_error")
    assert len(gateway.hits("echo")) == 3  # tried again before anybody heard of it


@pytest.mark.parametrize("model", ECHOES)
def check_our_own_credentials_refused(gateway: Any, model: str) -> None:
    gateway.fault("401")
    error = caught(openai.InternalServerError, sdk(gateway), model=model)
    assert (error.status_code, error.code) == (502, "upstream_credentials_exhausted")


def check_a_client_that_loses_patience(gateway: Any) -> None:
    gateway.fault("hang_before_headers")
    with sdk(gateway, timeout=0.4) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**HELLO)


def check_a_deadline_of_ours(gateway: Any) -> None:
    gateway.fault("hang_before_headers")
    client = sdk(gateway, default_headers={"x-atelier-timeout": "0.4"})
    error = caught(openai.InternalServerError, client)
    assert (error.status_code, error.code) == (504, "upstream_timeout")


def check_nobody_there(gateway: Any) -> None:
    client = openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**HELLO)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["429", "500"])
def check_the_sdks_own_retries(gateway: Any, fault: str, stream: bool) -> None:
    gateway.fault(fault, retry_after=0.02, times=4)
    with sdk(gateway, max_retries=2) as client:
        answer = client.chat.completions.create(**HELLO, stream=stream)
        text = (
            "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            if stream
            else answer.choices[0].message.content
        )
    assert text == HELLO["messages"][0]["content"]
    assert len(gateway.hits("echo")) == 5  # three of the gateway's, two of the SDK's next try


async def check_the_async_sdks_own_retries(gateway: Any) -> None:
    gateway.fault("429", retry_after=0.02, times=3)
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key) as client:
        assert (await client.chat.completions.create(**HELLO)).choices
    assert len(gateway.hits("echo")) == 4


@pytest.mark.parametrize("model", ECHOES)
@pytest.mark.parametrize("fault", ["in_band_error", "reset", "clean_end"])
def check_a_stream_that_breaks_raises(gateway: Any, model: str, fault: str) -> None:
    gateway.fault(fault, after_tokens=3)
    text = ""
    with sdk(gateway) as client, pytest.raises(openai.APIError) as failed:
        for chunk in client.chat.completions.create(**{**HELLO, "model": model}, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert failed.value.code == "upstream_error"
    assert HELLO["messages"][0]["content"].startswith(text)
    assert text


async def check_a_broken_stream_raises_in_the_async_client(gateway: Any) -> None:
    gateway.fault("reset", after_tokens=3)
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=gateway.api_key) as client:
        with pytest.raises(openai.APIError, match="broke off"):
            async for _ in await client.chat.completions.create(**HELLO, stream=True):
                pass


async def check_async_exceptions(gateway: Any) -> None:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(**HELLO)
        with pytest.raises(openai.AuthenticationError):
            await client.embeddings.create(model="embed", input="x")
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()

"""What Gemini may answer and no recorded exchange has, event by event; names say what is odd about it."""

from __future__ import annotations

import json
from typing import Any

from tests.providers.lanes_odd import WORDS
from tests.providers.lanes_odd_streams import SSE
from tests.providers.replay import Recorded

COUNTED = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}


def candidate(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    out = {"content": {"parts": [*parts], "role": "model"}, "index": 0, **members}
    return out if finish is None else {**out, "finishReason": finish}


def says(*candidates: dict[str, Any], usage: Any = COUNTED, **members: Any) -> dict[str, Any]:
    told = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [*candidates], **told, "modelVersion": "m-1", "responseId": "r-1", **members}


def part(words: str, **members: Any) -> dict[str, Any]:
    return {"text": words, **members}


def sse(*given: Any, **members: Any) -> Recorded:
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in given)
    return Recorded(body, headers=SSE, **members)


A, B, Z = says(candidate(part("H"))), says(candidate(part("i"))), says(candidate(part("!"), finish="STOP"))
FINISHES = (
    "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL", "FINISH_REASON_UNSPECIFIED", "NEW",
)  # fmt: skip
GEMINI_SAYS: dict[str, list[Any]] = {  # each as a stream; the last alone as a whole answer
    "good": [A, B, Z],
    "at-once": [says(candidate(part("Hi"), finish="STOP"))],
    **{f"ends-{finish}": [A, says(candidate(part("x"), finish=finish))] for finish in FINISHES},
    **{f"ends-empty-{finish}": [A, says(candidate(finish=finish))] for finish in ("STOP", "SAFETY", "MALFORMED_FUNCTION_CALL")},
    "ends-without-content": [A, says({"finishReason": "STOP", "index": 0})],
    "ends-safety-rated": [says({"finishReason": "SAFETY", "index": 0, "safetyRatings": [{"category": "C", "probability": "HIGH", "blocked": True}]})],
    "ends-with-a-message": [A, says(candidate(finish="OTHER", finishMessage="why"))],
    "no-end": [A, B],
    "ends-twice": [A, Z, Z],
    "after-the-end": [A, Z, B],
    "blocked": [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}],
    "blocked-without-usage": [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}}],
    "no-candidates": [A, {"usageMetadata": COUNTED}, Z],
    "no-candidates-at-all": [{"usageMetadata": COUNTED}],
    "candidates-empty": [says()],
    "candidates-null": [{**A, "candidates": None}, Z],
    "content-null": [says({"content": None, "finishReason": "STOP", "index": 0})],
    "content-empty": [says({"content": {}, "finishReason": "STOP", "index": 0})],
    "parts-null": [says({"content": {"parts": None, "role": "model"}, "finishReason": "STOP", "index": 0})],
    "part-empty": [A, says(candidate({}, finish="STOP"))],
    "text-empty": [A, says(candidate(part(""), finish="STOP"))],
    "two-parts": [says(candidate(part("H"), part("i"), finish="STOP"))],
    "index-missing": [says({"content": {"parts": [part("Hi")], "role": "model"}, "finishReason": "STOP"})],
    "two-candidates": [
        says(candidate(part("a")), candidate(part("b"), index=1)),
        says(candidate(part("A"), finish="STOP"), candidate(part("B"), index=1, finish="MAX_TOKENS")),
    ],
    "thoughts": [says(candidate(part("Hm", thought=True))), A, Z],
    "thoughts-beside": [says(candidate(part("Hm", thought=True), part("Hi"), finish="STOP"))],
    "thoughts-signed": [says(candidate(part("Hi", thoughtSignature="c2ln"), finish="STOP"))],
    "thoughts-signed-empty": [A, says(candidate(part("", thoughtSignature="c2ln"), finish="STOP"))],
    "thoughts-alone": [says(candidate(part("Hm", thought=True), finish="STOP"))],
    "call": [says(candidate(CALL, finish="STOP"))],
    "call-with-id": [says(candidate({"functionCall": {**CALL["functionCall"], "id": "fc-1"}}, finish="STOP"))],
    "call-signed": [says(candidate({**CALL, "thoughtSignature": "c2ln"}, finish="STOP"))],
    "call-without-args": [says(candidate({"functionCall": {"name": "f"}}, finish="STOP"))],
    "call-args-null": [says(candidate({"functionCall": {"name": "f", "args": None}}, finish="STOP"))],
    "call-nested": [says(candidate({"functionCall": {"name": "f", "args": {"a": {"b": [1, 2.5, None, "é\u2028"]}}}}, finish="STOP"))],
    "calls-at-once": [says(candidate(CALL, CALL, finish="STOP"))],
    "calls-one-by-one": [says(candidate(CALL)), says(candidate(CALL)), says(candidate(finish="STOP"))],
    "call-after-text": [A, says(candidate(CALL, finish="STOP"))],
    "call-then-the-end": [says(candidate(CALL)), says(candidate(part(""), finish="STOP"))],
    "call-and-limit": [says(candidate(CALL, finish="MAX_TOKENS"))],
    "code": [says(candidate({"executableCode": {"language": "PYTHON", "code": "1+1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}, part("2"), finish="STOP"))],
    "picture": [says(candidate({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, finish="STOP"))],
    "sound": [says(candidate({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}, finish="STOP"))],
    "grounded": [A, says(candidate(part("!"), finish="STOP", groundingMetadata={"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "u", "title": "t"}}], "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 1, "text": "H"}, "groundingChunkIndices": [0]}]}))],
    "grounded-emptily": [says(candidate(part("Hi"), finish="STOP", groundingMetadata={}))],
    "cited": [says(candidate(part("Hi"), finish="STOP", citationMetadata={"citationSources": [{"uri": "u", "startIndex": 0, "endIndex": 1}]}))],
    "rated": [says(candidate(part("Hi"), finish="STOP", safetyRatings=[{"category": "C", "probability": "LOW"}]))],
    "url-context": [says(candidate(part("Hi"), finish="STOP", urlContextMetadata={"urlMetadata": []}))],
    "logprobs": [says(candidate(part("Hi"), finish="STOP", avgLogprobs=-0.1, logprobsResult={"chosenCandidates": [{"token": "Hi", "logProbability": -0.1}], "topCandidates": [{"candidates": [{"token": "Hi", "logProbability": -0.1}]}]}))],
    "usage-absent": [says(candidate(part("Hi"), finish="STOP"), usage=None)],
    "usage-empty": [says(candidate(part("Hi"), finish="STOP"), usage={})],
    "usage-last-only": [says(candidate(part("H")), usage=None), Z],
    "usage-first-only": [A, says(candidate(part("!"), finish="STOP"), usage=None)],
    "usage-after": [A, says(candidate(part("!"), finish="STOP"), usage=None), {"usageMetadata": COUNTED}],
    "usage-prompt-only": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 5, "totalTokenCount": 5})],
    "usage-thoughts": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"thoughtsTokenCount": 9, "totalTokenCount": 21})],
    "usage-thoughts-within": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"thoughtsTokenCount": 4, "totalTokenCount": 12})],
    "usage-cached": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"cachedContentTokenCount": 3, "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]})],
    "usage-modes": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 2}, {"modality": "IMAGE", "tokenCount": 1}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 4}]})],
    "usage-mode-uncounted": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"promptTokensDetails": [{"modality": "TEXT"}]})],
    "usage-tools": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"toolUsePromptTokenCount": 11, "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}], "totalTokenCount": 23})],
    "usage-traffic": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"trafficType": "ON_DEMAND"})],
    "usage-zero": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0})],
    "usage-huge": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 10**15, "candidatesTokenCount": 10**18, "totalTokenCount": 10**18})],
    "usage-of-words": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": "5"})],
    "error": [A, {"error": {"code": 503, "message": "It failed.", "status": "UNAVAILABLE"}}],
    "error-first": [{"error": {"code": 429, "message": "It failed.", "status": "RESOURCE_EXHAUSTED", "details": []}}],
    "error-after-the-end": [A, Z, {"error": {"code": 500, "message": "It failed."}}],
    "error-list": [[{"error": {"code": 500, "message": "It failed."}}]],
    "characters": [says(candidate(part("Dîner 約束だよ 🍜\u2028"), finish="STOP"))],
    "surrogates-apart": [says(candidate(part("\ud83c"))), says(candidate(part("\udf5c"), finish="STOP"))],
    "no-names": [{"candidates": [candidate(part("Hi"), finish="STOP")], "usageMetadata": COUNTED}],
    "id-changes": [A, {**Z, "responseId": "r-2", "modelVersion": "m-2"}],
    "own-members": [says(candidate(part("Hi", own=1), finish="STOP", own=1), own=1, createTime="2026-01-01T00:00:00Z")],
    "array-for-events": [[A, Z]],
    "runaway": [*[A] * 200, Z],
}  # fmt: skip
GEMINI_STREAMS = {name: sse(*given) for name, given in GEMINI_SAYS.items()} | {
    "nothing": Recorded(b"", headers=SSE),
    "done": Recorded(sse(A, Z).body + b"data: [DONE]\n\n", headers=SSE),
    "no-json": Recorded(sse(A).body + b"data: {nonsense\r\n\r\n" + sse(Z).body, headers=SSE),
    "not-objects": Recorded(b"data: 5\n\n" + sse(A, Z).body, headers=SSE),
    "array": Recorded(json.dumps([A, B, Z]).encode()),
    "json": Recorded(json.dumps(Z).encode()),
    "html": Recorded(b"<html></html>", headers={"content-type": "text/html"}),
    "cut": sse(A, B, Z, cut=200),
    "cut-after-the-end": sse(A, Z, cut=10_000),
}
GEMINI_ANSWERS = {name: Recorded(json.dumps(given[-1]).encode()) for name, given in GEMINI_SAYS.items()} | {
    "empty": Recorded(b""),
    "null": Recorded(b"null"),
    "no-json": Recorded(b"{nonsense"),
    "nothing": Recorded(b"{}"),
    "html": Recorded(b"<html></html>", headers={"content-type": "text/html"}),
    "cut": Recorded(json.dumps(Z).encode(), cut=20),
}
WAIT = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def googles(status: int, word: str, *details: dict[str, Any], words: str = "It will not do.") -> Recorded:
    error = {"code": status, "message": words, "status": word, "details": [*details]}
    return Recorded(json.dumps({"error": error}).encode(), status)


GEMINI_REFUSALS: dict[str, Recorded] = {
    "400": googles(400, "INVALID_ARGUMENT"),
    "400-key": googles(400, "INVALID_ARGUMENT", BAD_KEY),
    "400-window": googles(400, "INVALID_ARGUMENT", words="The input exceeds the maximum number of tokens allowed"),
    "401": googles(401, "UNAUTHENTICATED"),
    "403": googles(403, "PERMISSION_DENIED"),
    "404": googles(404, "NOT_FOUND"),
    "429": googles(429, "RESOURCE_EXHAUSTED"),
    "429-wait": googles(429, "RESOURCE_EXHAUSTED", WAIT),
    "500": googles(500, "INTERNAL"),
    "503": googles(503, "UNAVAILABLE"),
    "504": googles(504, "DEADLINE_EXCEEDED"),
    "400-list": Recorded(b'[{"error": {"code": 400, "message": "It will not do."}}]', 400),
    **{f"400-{name}": Recorded(words, 400) for name, words in WORDS.items()},
}

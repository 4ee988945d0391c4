"""Every error a client can meet, and how it looks on the wire.

    GatewayError                 status  type                    codes
    ├── InvalidRequest           400     invalid_request_error   invalid_value, unsupported_parameter, context_length_exceeded,
    │                                                            content_policy_violation, model_capability_missing, …
    ├── Unauthenticated          401     invalid_request_error   invalid_api_key, expired_api_key
    ├── Forbidden                403     permission_error        model_not_allowed, brand_not_allowed, insufficient_permissions
    ├── NotFound                 404     invalid_request_error   model_not_found, not_found
    ├── MethodNotAllowed         405     invalid_request_error   method_not_allowed
    ├── Conflict                 409     conflict_error          version_conflict, already_finished
    ├── TooLarge                 413     invalid_request_error   request_too_large
    ├── Unprocessable            422     invalid_request_error   validation_error
    ├── RateLimited              429     rate_limit_error        rate_limit_exceeded, queue_full, queue_timeout, budget_busy
    ├── BudgetExhausted          429     insufficient_quota      insufficient_quota
    ├── InternalError            500     server_error            internal_error
    ├── UpstreamError            502     server_error            upstream_error, upstream_credentials_exhausted
    ├── Unavailable              503     server_error            no_healthy_upstream, service_draining, store_unavailable
    └── UpstreamTimeout          504     server_error            upstream_timeout

    ProviderError                what one attempt met; never sent as it is, the call stage turns the last one into one of the above
    Interrupted                  the work was asked to end: by the client's leaving, a stop, a stall or a drain

Messages are for the person who reads them: what happened, then what to do. They never hold a secret.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class GatewayError(Exception):
    """An answer to the client. `retry_after` is in seconds; `should_retry` overrides the SDK's own rule when set."""

    status = 500
    type = "server_error"
    code = "internal_error"
    should_retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.retry_after = retry_after
        if should_retry is not None:
            self.should_retry = should_retry
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The OpenAI error object: all four keys always, ours besides."""
        return {
            "error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code, **self.extra}
        }

    def headers(self) -> dict[str, str]:
        """Retry headers as the OpenAI SDKs read them."""
        out: dict[str, str] = {}
        if self.retry_after is not None:
            out["retry-after"] = str(max(0, -int(-self.retry_after // 1)))
            out["retry-after-ms"] = str(max(0, round(self.retry_after * 1000)))
        if self.should_retry is not None:
            out["x-should-retry"] = "true" if self.should_retry else "false"
        return out


class InvalidRequest(GatewayError):
    status, type, code = 400, "invalid_request_error", "invalid_value"


class Unauthenticated(GatewayError):
    status, type, code = 401, "invalid_request_error", "invalid_api_key"

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "www-authenticate": "Bearer"}


class Forbidden(GatewayError):
    status, type, code = 403, "permission_error", "insufficient_permissions"


class NotFound(GatewayError):
    status, type, code = 404, "invalid_request_error", "not_found"


class MethodNotAllowed(GatewayError):
    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class Conflict(GatewayError):
    status, type, code, should_retry = 409, "conflict_error", "version_conflict", False


class TooLarge(GatewayError):
    status, type, code = 413, "invalid_request_error", "request_too_large"


class Unprocessable(GatewayError):
    status, type, code = 422, "invalid_request_error", "validation_error"


class RateLimited(GatewayError):
    status, type, code, should_retry = 429, "rate_limit_error", "rate_limit_exceeded", True


class BudgetExhausted(GatewayError):
    status, type, code, should_retry = 429, "insufficient_quota", "insufficient_quota", False


class InternalError(GatewayError):
    status, type, code = 500, "server_error", "internal_error"


class UpstreamError(GatewayError):
    status, type, code = 502, "server_error", "upstream_error"


class Unavailable(GatewayError):
    status, type, code, should_retry = 503, "server_error", "no_healthy_upstream", True


class UpstreamTimeout(GatewayError):
    status, type, code = 504, "server_error", "upstream_timeout"


class Fault(StrEnum):
    """What kind of failure an attempt met; decides retry, fallback, health and what is owed."""

    CONNECT = "connect"  # nothing was sent: nothing is owed
    TIMEOUT = "timeout"  # no answer in time: unknown what is owed
    RESET = "reset"  # the connection broke before an answer: unknown what is owed
    RATE_LIMITED = "rate_limited"  # 429: nothing is owed, health untouched
    SERVER = "server"  # 5xx, 408, 409: nothing is owed
    CREDENTIALS = "credentials"  # 401, 403: our key, not the caller's fault
    NOT_FOUND = "not_found"  # 404: the provider does not know this model
    CALLER = "caller"  # other 4xx: the caller's request; no other deployment would help
    CONTEXT_WINDOW = "context_window"
    CONTENT_POLICY = "content_policy"
    TRUNCATED = "truncated"  # the answer ended without saying so
    IN_BAND = "in_band"  # an error inside the stream
    MALFORMED = "malformed"  # an answer that cannot be read
    STALLED = "stalled"  # no chunk for too long


class ProviderError(Exception):
    """One attempt's failure as a provider lane saw it. `message` is redacted already.

    `status` is the provider's HTTP status or None; `retry_after` seconds or None.
    """

    def __init__(
        self,
        fault: Fault,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.retry_after = retry_after


class Reason(StrEnum):
    """Why running work was asked to end."""

    CLIENT_GONE = "client_disconnected"
    CANCELLED = "cancelled"
    STALLED = "stalled"
    DEADLINE = "deadline"
    DRAINING = "service_draining"


class Interrupted(Exception):
    """Raised inside the walk when the call was interrupted; see `types.Interruption`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason

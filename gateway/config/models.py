"""Our own sections of `config.yaml`: one frozen model a section, an unknown key is a mistake.

The description of each key is its line in the JSON schema; docs/configuration.md says more. Seconds, megabytes and
counts are what the names say; null means "no limit" unless the description says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from gateway.config.kinds import (
    Address,
    Count,
    HeaderName,
    Host,
    HostPattern,
    HostPort,
    Issuer,
    Megabytes,
    Name,
    Number,
    Origin,
    Port,
    Seconds,
    Strict,
    Whole,
    one_or_many,
)

BUILT_IN_STAGES = ("observe", "authenticate", "replay", "admit", "prompt", "cache", "route", "wait", "spend", "call")
BUILT_IN_POLICIES = ("priority", "weighted", "complexity", "least_busy", "latency", "cost", "usage")
COMPLEXITY_TIERS = ("fast", "smart", "best")


class Cors(Strict):
    """What browsers are told when a web page calls."""

    allow_origins: Annotated[tuple[Origin, ...], BeforeValidator(one_or_many)] = Field(
        default=(), description="Browser origins that may call the gateway; `*` for all."
    )
    allow_credentials: bool = Field(default=False, description="Let browsers send cookies; not together with `*`.")


class Server(Strict):
    """Where it listens and how much it takes in."""

    workers: Count = Field(
        default=1, le=256, description="Processes that serve; more than one needs PostgreSQL and Redis."
    )
    host: Host = Field(default="127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    port: Port = Field(default=4000, description="Port to listen on; 0 takes a free one.")
    cors: Cors = Field(default=Cors(), description="Which web pages may call the gateway.")
    trusted_hosts: Annotated[tuple[HostPattern, ...], BeforeValidator(one_or_many)] = Field(
        default=("*",), description="Host headers that are answered; `*.example.com` is a pattern."
    )
    max_body_mb: Megabytes = Field(default=2, description="Largest JSON body without media.")
    max_media_body_mb: Megabytes = Field(default=32, description="Largest JSON body with media inline.")
    max_depth: Count = Field(default=32, description="Deepest nesting of a JSON body.")
    max_messages: Count = Field(default=1000, description="Most messages in one request.")
    drain_timeout: Seconds = Field(
        default=60, description="How long running streams may go on after a request to stop."
    )
    compat_headers: Literal["none", "litellm"] = Field(
        default="none", description="`litellm` sends x-litellm-* headers besides ours."
    )


class Admin(Strict):
    """Where the admin routes are."""

    listen: HostPort | None = Field(
        default=None, description="`host:port` on which alone they are answered; null: on the gateway's own port."
    )

    @property
    def host(self) -> str:
        return (self.listen or "").rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int((self.listen or "0").rpartition(":")[2])


class Stream(Strict):
    """Times of streamed answers."""

    commit_after: Seconds = Field(
        default=5, description="A stream that has no first chunk by then is answered 200 and kept alive."
    )
    heartbeat: Seconds = Field(
        default=10, le=15, description="Seconds between keep-alive comments while nothing is sent."
    )
    ttft_timeout: Seconds = Field(default=30, description="Longest wait for a provider's first chunk.")
    idle_timeout: Seconds = Field(default=20, description="Longest silence between two chunks.")
    client_stall: Seconds = Field(default=60, description="A client that reads nothing for so long is cut off.")


class Timeouts(Strict):
    """Times of every request."""

    connect: Seconds = Field(default=5, description="Longest wait for a provider's connection.")
    total: Seconds = Field(default=300, description="Longest life of a request, all attempts together.")


class Limits(Strict):
    """Bounds of requests, and of keys that have none of their own."""

    default_max_tokens: Count = Field(default=8192, description="Sent to the provider when a request names no limit.")
    default_max_tokens_reasoning: Count = Field(default=32768, description="The same for reasoning models.")
    max_n: Count = Field(default=16, description="Most choices (`n`) in one request.")
    rpm: Count | None = Field(default=None, description="Requests a minute for keys that have no limit of their own.")
    max_parallel: Count | None = Field(
        default=None, description="Requests at once for keys that have no limit of their own."
    )
    max_parallel_total: Count | None = Field(default=None, description="Requests at once, of everybody together.")
    require_user: bool = Field(default=False, description="Refuse requests that do not name their `user`.")


ErrorKind = Literal["timeout", "rate_limited", "server", "credentials", "bad_request", "content_policy"]


class Health(Strict):
    """When a failing deployment is left out."""

    enabled: bool = Field(default=True, description="false: every deployment always counts as healthy.")
    failures: Count = Field(default=5, description="Failures in a row that take a deployment out.")
    failures_by_error: Mapping[ErrorKind, Count] = Field(
        default={}, description="The same for single kinds of error; those that are not named go by `failures`."
    )
    open_for: Seconds = Field(default=5, description="How long it stays out the first time; doubles each time.")
    max_open: Seconds = Field(default=300, description="The longest it stays out.")


class Retry(Strict):
    """How often a request is tried."""

    attempts: Count = Field(default=3, le=10, description="Attempts a request, over all deployments.")
    per_group: Count | None = Field(
        default=None,
        le=10,
        description="Attempts in one group before its fallbacks; null: every deployment once, fallbacks too, before any is tried again.",
    )
    by_error: Mapping[ErrorKind, Count] = Field(
        default={}, description="Attempts in one group once it failed this way; kinds not named go by `per_group`."
    )


class Queue(Strict):
    """Waiting for a free place on a deployment."""

    max_wait: Number = Field(
        default=30, ge=0, description="Longest wait for a free place, in seconds; 0 refuses at once."
    )
    max_length: Whole = Field(default=1000, ge=0, description="Most requests that wait at once.")


class Cache(Strict):
    """Exact answers kept per tenant, or per key."""

    enabled: bool = Field(default=False, description="Answer repeated requests of one tenant from memory.")
    scope: Literal["tenant", "key"] = Field(
        default="tenant", description="Who shares answers: a team's (or person's) keys, or each key with itself alone."
    )
    ttl: Seconds = Field(default=3600, description="How long an answer is kept.")
    max_entries: Count = Field(default=1000, description="Most answers kept.")


class Templates(Strict):
    """Prompt templates and brand voices."""

    path: Path | None = Field(default=None, description="A folder of your own, read besides the one that is shipped.")


class Policies(Strict):
    """Routing policies."""

    path: Path | None = Field(default=None, description="A folder of your own, read besides the one that is shipped.")
    parameters: Mapping[str, Mapping[str, Any]] = Field(default={}, description="Policy name to its parameters.")


class CustomStage(Strict):
    """A stage of your own."""

    name: Name = Field(description="Its name in logs and for `after` and `before`.")
    class_path: str = Field(
        alias="class", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="`package.module:Class`."
    )
    after: Name | None = Field(default=None, description="The stage it follows.")
    before: Name | None = Field(default=None, description="The stage it precedes.")


class Pipeline(Strict):
    """The stages besides the built-in ones."""

    stages: tuple[CustomStage, ...] = Field(default=(), description="Stages of your own.")


class Keys(Strict):
    """Virtual keys."""

    header: HeaderName | None = Field(
        default=None, description="A header of your own that keys are taken from, before `Authorization`."
    )
    cache_ttl: Number = Field(
        default=60, ge=0, description="How long a looked-up key is remembered; a change is heard of within 2 s anyway."
    )


class Oidc(Strict):
    """An identity provider that people sign in with on the dashboard (OpenID Connect)."""

    issuer: Issuer = Field(description="Its address, as it writes it into its tokens.")
    client_id: Name = Field(description="What it calls this gateway.")
    client_secret: SecretStr | None = Field(default=None, description="Where it asks for one.")
    name: Name = Field(default="single sign-on", description="On the button: “Continue with …”.")


class Accounts(Strict):
    """People who sign in."""

    session_ttl: Seconds = Field(default=43200, description="How long a sign-in lasts.")
    oidc: Oidc | None = Field(default=None, description="An identity provider; null: e-mail and password only.")


class Content(Strict):
    """What is kept of requests that belong to no team; a team has settings of its own."""

    store: Literal["off", "metadata", "full"] = Field(
        default="metadata", description="`full`: texts too; `off`: not even tags, template and route."
    )
    retention_days: Count | None = Field(default=None, le=36500, description="When that is erased; null: never.")


class Store(Strict):
    """Where accounts, ledger and shared state lie."""

    database_url: SecretStr | None = Field(default=None, description="PostgreSQL; null: SQLite in the data folder.")
    redis_url: SecretStr | None = Field(default=None, description="Redis; null: memory.")


class Simulation(Strict):
    """How the simulated fleet answers."""

    mode: Literal["auto", "off"] = Field(default="auto", description="`auto`: it answers while no provider key is set.")
    speed: Annotated[Number, Field(ge=0)] = Field(default=1, description="Divides every time; 0: nothing waits.")
    ttft: Annotated[Number, Field(ge=0)] = Field(default=0.3, description="Seconds to the first token.")
    tokens_per_second: Annotated[Number, Field(ge=0)] = Field(default=60, description="0: as fast as possible.")
    concurrency: Count | None = Field(default=None, description="Answers at once of one model; more get a 429.")


class Dashboard(Strict):
    """The dashboard beside the gateway."""

    enabled: bool = Field(default=True, description="Whether `make run` starts the dashboard.")
    port: Port = Field(default=8501, description="Its port.")
    url: Address | None = Field(default=None, description="Its address for people, in invitations.")
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL with a role that may only read; `atelier grants` makes one."
    )
    redis_url: SecretStr | None = Field(default=None, description="Redis with a user that may only read.")

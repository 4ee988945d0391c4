"""The kinds of values that our sections are made of, and the base that they share.

A wrong value fails validation with pydantic's own error types; `wording.py` says them to a person.
"""

from __future__ import annotations

import difflib
import math
import re
import zoneinfo
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_HOST_AND_PORT = re.compile(rf"({_HOST_NAME.pattern}|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_TAKEN_HEADERS = frozenset({"authorization", "connection", "content-length", "content-type", "cookie", "host"})


class Strict(BaseModel):
    """A section of our own: frozen, and an unknown key is a mistake. An empty section is one with all its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, value: Any) -> Any:
        return without_nulls(value, cls)


def without_nulls(value: Any, model: type[BaseModel]) -> Any:
    """A section without the known keys that have no value; nothing at all is an empty section.

    So a key whose lines below it are all commented out has its default.
    """
    if not isinstance(value, dict):
        return {} if value is None else value
    known = {field.alias or name for name, field in model.model_fields.items()}
    return {key: each for key, each in value.items() if each is not None or key not in known}


def _plain_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is true or false, where a number is wanted; write a number")  # noqa: TRY004 - pydantic's way
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a finite number; write a plain number")
    return value


def one_or_many(value: Any) -> Any:
    """One text stands for a list with one entry."""
    return (value,) if isinstance(value, str) else value


def _host(value: str) -> str:
    if "/" in value or value.count(":") == 1 or not value.strip():
        raise ValueError("is not a plain host; write only a name or an address, the port stands in `port`")
    return value


def _host_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError("is not `host:port`; write `127.0.0.1:4001`")
    return value


def _host_pattern(value: str) -> str:
    if value != "*" and not _HOST_NAME.fullmatch(value.removeprefix("*.")):
        raise ValueError("is not a host; write `app.example.com`, `*.example.com` or `*`, without scheme and port")
    return value


def _origin(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if value != "*" and (scheme not in {"http", "https"} or not _HOST_AND_PORT.fullmatch(rest)):
        raise ValueError("is not an origin; write `https://app.example.com` without a path, or `*`")
    return value


def _issuer(value: str) -> str:
    host = urlsplit(value).hostname
    if not value.startswith("https://") and not (value.startswith("http://") and host in LOOPBACK):
        raise ValueError("is not an issuer; write it as its tokens do: `https://id.example.com`")
    return value


def _address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("is not an address; write `https://host/path`")
    return value


def _webhook(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("is not an address; write `https://host/path`, or `os.environ/NAME`")
    return value


def _header(value: str) -> str:
    if not _TOKEN.fullmatch(value):
        raise ValueError("is not the name of a header; use letters, digits and `-`")
    if value.lower() in _TAKEN_HEADERS:
        raise ValueError("is a header that means something else; name one of your own, such as `x-company-key`")
    return value


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError("is not a share from 0 to 1; write 0.8 for 80 per cent")
    return value


def _in_quotes(value: Any) -> Any:
    """`after: 18` is a number in YAML: it gets the words of a wrong time of day."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _time_of_day(value: str) -> str:
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError('is not a time of day; write it in quotes, from "00:00" to "24:00"')
    return value.rjust(5, "0")


@cache
def _zones() -> frozenset[str]:
    """Names of the tz database, which some machines lack; UTC needs none."""
    return frozenset({"UTC", *zoneinfo.available_timezones()})


def _timezone(value: str) -> str:
    known = _zones()
    if value not in known:
        if len(known) == 1:
            raise ValueError(
                "is not known: this machine has no time zones; install the package `tzdata`, or write `UTC`"
            )
        near = difflib.get_close_matches(value, known, n=1)
        example = f"did you mean `{near[0]}`?" if near else "write a name such as `Europe/Berlin` or `UTC`"
        raise ValueError(f"is not a time zone of the tz database; {example}")
    return value


def _dollars(value: float) -> float:
    if round(value * 1e9) < 1:
        raise ValueError("is less than a nano-dollar; write dollars, for example 20")
    return value


Number = Annotated[float, BeforeValidator(_plain_number), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(gt=0)]
Megabytes = Annotated[Number, Field(gt=0)]
Whole = Annotated[int, BeforeValidator(_plain_number)]
Count = Annotated[Whole, Field(ge=1)]
Port = Annotated[Whole, Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(one_or_many)]
Host = Annotated[str, AfterValidator(_host)]
HostPort = Annotated[str, AfterValidator(_host_port)]
HostPattern = Annotated[Name, AfterValidator(_host_pattern)]
Origin = Annotated[Name, AfterValidator(_origin)]
Issuer = Annotated[Name, AfterValidator(_issuer)]
Address = Annotated[Name, AfterValidator(_address)]
TimeOfDay = Annotated[Name, BeforeValidator(_in_quotes), AfterValidator(_time_of_day)]  # "HH:MM"
Timezone = Annotated[Name, AfterValidator(_timezone)]
SecretAddress = Annotated[SecretStr, AfterValidator(_webhook)]
HeaderName = Annotated[Name, AfterValidator(_header)]
Share = Annotated[Number, AfterValidator(_share)]
Dollars = Annotated[Number, Field(gt=0), AfterValidator(_dollars)]

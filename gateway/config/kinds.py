"""The kinds of values that our sections are made of, and the base that they share.

A wrong value fails validation with pydantic's own error types; `wording.py` says them to a person.
"""

from __future__ import annotations

import math
import re
import zoneinfo
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


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
    if "/" in value or ":" in value or "*" in value[1:] or (value.startswith("*") and value[1:2] not in {"", "."}):
        raise ValueError("is not a host; write `app.example.com`, `*.example.com` or `*`, without scheme and port")
    return value


def _origin(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if value != "*" and (scheme not in {"http", "https"} or not rest or "/" in rest or "*" in rest):
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


def _time_of_day(value: str) -> str:
    if not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError('is not a time of day; write it in quotes, from "00:00" to "24:00"')
    return value.rjust(5, "0")


def _timezone(value: str) -> str:
    if value not in zoneinfo.available_timezones():
        raise ValueError("is not a time zone; write its name from the tz database, such as `Europe/Berlin` or `UTC`")
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
TimeOfDay = Annotated[Name, AfterValidator(_time_of_day)]  # "HH:MM"
Timezone = Annotated[Name, AfterValidator(_timezone)]
Dollars = Annotated[Number, Field(gt=0), AfterValidator(_dollars)]

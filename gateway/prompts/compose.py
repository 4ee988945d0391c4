"""The one entry point of a request: brand, template and the client's own messages, put together in this order.

Pure, but for the injected nonce. What is asked for and not there raises `NotFound`; variables that do not fit raise
`InvalidRequest`. A request that asks for neither a template nor a brand keeps its own list of messages, untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import InvalidRequest
from gateway.prompts.library import Library
from gateway.prompts.render import OversizeError
from gateway.prompts.template import MAX_OUTPUT, Version
from gateway.prompts.variables import validate_variables
from gateway.types import JsonObject


@dataclass(frozen=True, slots=True)
class Composed:
    """What goes to a provider, and what it was made of."""

    messages: list[JsonObject]
    template: str | None = None
    template_version: str | None = None
    brand: str | None = None
    brand_version: str | None = None


def compose(
    library: Library,
    *,
    template: str | None,
    version: str | None,
    variables: Mapping[str, Any],
    brand: str | None,
    messages: list[JsonObject],
    nonce: Callable[[], str],
) -> Composed:
    """Return the brand's system message, then the template's messages, then the client's.

    `nonce` gives some 16 characters that the requester cannot foresee; it is called once for a template, else never.
    Random ones make every prompt unique; a keyed digest of the request leaves equal requests equal, as a cache needs.
    """
    if template is None and brand is None:
        return Composed(messages)
    voice = library.brand(brand) if brand is not None else None
    chosen = library.template(template, version) if template is not None else None
    composed: list[JsonObject] = [{"role": "system", "content": voice.text}] if voice else []
    if chosen is not None:
        if chosen.needs_brand and voice is None:
            raise InvalidRequest(f"The template `{chosen.template}` needs a brand: name one.", param="brand")
        composed += _render(chosen, variables, nonce())
    return Composed(
        messages=composed + messages,
        template=chosen.template if chosen else None,
        template_version=chosen.version if chosen else None,
        brand=voice.id if voice else None,
        brand_version=voice.version if voice else None,
    )


def _render(version: Version, variables: Mapping[str, Any], nonce: str) -> list[JsonObject]:
    values = validate_variables(version, variables)
    try:
        return version.render(values, nonce)
    except OversizeError:
        raise InvalidRequest(
            f"With these variables the prompt is longer than {MAX_OUTPUT // 1024} KB; shorten the longest of them.",
            code="invalid_prompt_variables",
            param="prompt.variables",
        ) from None

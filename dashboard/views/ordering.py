"""From what was chosen in the Studio to the request that is sent: models, brands and templates as choices. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.client import JsonObject
from dashboard.draft import Order

FREE = "Free prompt"
AUTO = "auto"
NO_BRAND = ""


def chat_models(models: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Names that a text can be asked of, with what stands behind each: `auto`, then groups, then single models."""
    chat = [model for model in models if "chat" in (model.get("endpoints") or ())]
    chat.sort(key=lambda model: (model["id"] != AUTO, len(model.get("deployments") or ()) < 2))
    return {str(model["id"]): model_label(model) for model in chat}


def model_label(model: Mapping[str, Any]) -> str:
    name, behind = str(model["id"]), list(model.get("deployments") or ())
    if name == AUTO:
        return f"{name}: picked for each text"
    if not behind:
        return name
    if len(behind) > 1:
        return f"{name}: {behind[0]} and {len(behind) - 1} more"
    return name if behind[0] == name else f"{name}: {behind[0]}"


def brands_for(
    brands: Sequence[Mapping[str, Any]], me: Mapping[str, Any], version: Mapping[str, Any]
) -> dict[str, str]:
    """Brand ids with their names, as far as the key may use them.

    To go without one (NO_BRAND) is offered unless the key has a default brand or the template's version needs one.
    """
    allowed = me.get("brands")
    found = {
        str(brand["id"]): str(brand.get("name") or brand["id"])
        for brand in brands
        if allowed is None or brand["id"] in allowed
    }
    if me.get("default_brand") in found or (version.get("needs_brand") and found):
        return found
    return {NO_BRAND: "No brand voice", **found}


def current_version(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """The version that serves those who name none."""
    versions: list[Mapping[str, Any]] = list(template.get("versions") or ())
    named = [version for version in versions if version.get("version") == template.get("current")]
    return (named or versions or [{}])[-1]


def free_order(model: str, text: str, brand: str) -> Order:
    """A prompt in the person's own words."""
    body = {"messages": [{"role": "user", "content": text}]}
    return Order("Free prompt", streamed(model, body), headers(brand))


def template_order(model: str, template: Mapping[str, Any], values: Mapping[str, Any], brand: str) -> Order:
    """A template with its variables; empty ones are left to their defaults."""
    given = {name: value for name, value in values.items() if value is not None}
    version = current_version(template).get("version")
    body = {"messages": [], "prompt": {"id": template["id"], "version": version, "variables": given}}
    words = given.get("words")
    return Order(
        str(template.get("title") or template["id"]),
        streamed(model, body),
        headers(brand),
        int(words) if isinstance(words, int | float) and words > 0 else None,
    )


def streamed(model: str, body: JsonObject) -> JsonObject:
    return {"model": model, "stream": True, "stream_options": {"include_usage": True}, **body}


def headers(brand: str) -> dict[str, str]:
    """Leaving the page for good ends the text, whatever the key's own rule is."""
    return {"x-atelier-on-disconnect": "cancel", **({"x-atelier-brand": brand} if brand else {})}

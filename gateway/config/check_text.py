"""What `atelier check` found, for a person: a summary, the groups as tables, the rules in words, the warnings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.price_words import dollars, window


def report(found: Mapping[str, Any]) -> str:
    """`found` is `check.report_json`'s."""
    parts = (*_summary(found), "", *_groups(found), *_rules(found), *_litellm(found), *_warnings(found))
    return "\n".join(parts).rstrip() + "\n"


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    states = [each["state"] for group in found["groups"] for each in group["deployments"]]
    counts = ", ".join(
        f"{states.count(state)} {state}" for state in ("ready", "simulated", "no key") if state in states
    )
    yield f"{found['file']} is fine: {len(found['groups'])} model groups, {counts or 'no deployments'}"
    yield f"listens on {found['address']}, keeps its data in {found['data_dir']}"
    yield from (f"{variable} wins over {key} of the file" for variable, key in found["overridden"].items())
    none = "there is no master key; `atelier keys create --admin` makes admin keys"
    yield "there is a master key" if found["master_key"] else none
    if found["simulated"]:
        yield "no provider key is set: every answer is SIMULATED until one is"
    lacking = sorted({each["set"] for group in found["groups"] for each in group["deployments"] if each["set"]})
    if lacking:
        yield f"not set: {', '.join(lacking)}"


def _groups(found: Mapping[str, Any]) -> Iterator[str]:
    width = max((len(each["id"]) for group in found["groups"] for each in group["deployments"]), default=0)
    for group in found["groups"]:
        yield " · ".join([group["name"], f"policy {group['policy']}", *_links(group)])
        for each in group["deployments"]:
            yield _row(each, width, wildcard=group["wildcard"])
            if said := [*_details(each)]:
                yield f"      {' · '.join(said)}"
        if not group["deployments"]:
            yield "  no deployment of it can be served"
        yield ""
    for model in found["virtual_models"]:
        tiers = ", ".join(f"{tier} → {group}" for tier, group in model["tiers"].items())
        yield f"{model['name']} · picked by {model['policy']}: {tiers}"
        yield ""


def _links(group: Mapping[str, Any]) -> Iterator[str]:
    if group["wildcard"]:
        yield "every model whose name fits"
    if group["aliases"]:
        yield f"also called {', '.join(group['aliases'])}"
    for key, when in (("fallbacks", ""), ("context_window_fallbacks", " when it is too long")):
        if group[key]:
            yield f"falls back to {', '.join(group[key])}{when}"
    if group["content_policy_fallbacks"]:
        yield f"falls back to {', '.join(group['content_policy_fallbacks'])} when its content is refused"


def _row(each: Mapping[str, Any], width: int, *, wildcard: bool) -> str:
    cost = _cost(each["price"], wildcard=wildcard)
    window = f"{each['context_window']:,}" if each["context_window"] else "?"
    row = f"  {each['id']:<{width}}  {each['state']:<9}  {each['provider']:<10}  {cost:<42}  context {window:<9}  {each['lane']}"
    return f"{row}  set {each['set']}" if each["state"] == "no key" else row


def _cost(price: Mapping[str, Any], *, wildcard: bool) -> str:
    if price["source"] == "unknown":
        return "each model's own price" if wildcard else "no price is known: counts as free"
    return f"${dollars(price['input'])} in, ${dollars(price['output'])} out /1M ({price['source']})"


def _details(each: Mapping[str, Any]) -> Iterator[str]:
    """What is worth a second line: what it can do, and everything that is not as usual."""
    if each["capabilities"]:
        yield ", ".join(each["capabilities"])
    if each["address"]:
        yield f"at {each['address']}"
    for key, words in (("rpm", "requests a minute"), ("tpm", "tokens a minute"), ("max_parallel", "at once")):
        if each[key]:
            yield f"{each[key]:,} {words}"
    if each["budget"]:
        yield f"${dollars(each['budget']['limit'])}{window(each['budget']['days'])}"
    yield from _unusual(each)


def _unusual(each: Mapping[str, Any]) -> Iterator[str]:
    for key, usual in (("order", 1), ("weight", 1), ("tier", None)):
        if each[key] != usual:
            yield f"{key} {each[key]}"
    for key, words in (("tags", "tags"), ("access_groups", "access groups")):
        if each[key]:
            yield f"{words} {', '.join(each[key])}"
    if each["lane_reason"]:
        yield f"in the {each['lane']} lane: {each['lane_reason']}"


def _rules(found: Mapping[str, Any]) -> Iterator[str]:
    if not found["rules"]:
        return
    yield f"rules · the first that fits counts; times are {found['timezone']}"
    for number, rule in enumerate(found["rules"], 1):
        name = f"{rule['name']}: " if rule["name"] else ""
        yield f"{number:>3}  {name}{rule['words']}"
    yield ""


def _litellm(found: Mapping[str, Any]) -> Iterator[str]:
    """How many keys were read as they are, and the others with the reasons."""
    counts = found["litellm"]["counts"]
    if not counts["changed"] and not counts["ignored"]:
        return
    yield f"LiteLLM's keys: {counts['taken']} taken, {counts['changed']} changed, {counts['ignored']} ignored"
    for each in found["litellm"]["keys"]:
        if each["verdict"] != "taken":
            yield f"  {each['verdict']:<7}  {each['key']} (line {each['line']}): {each['why']}"
    yield ""


def _warnings(found: Mapping[str, Any]) -> Iterator[str]:
    listed = {(each["line"], each["column"], each["key"]) for each in found["litellm"]["keys"]}
    others = [each for each in found["warnings"] if (each["line"], each["column"], each["key"]) not in listed]
    if others:
        yield "warnings:"
        yield from (f"  {_said(warning)}" for warning in others)


def _said(warning: Mapping[str, Any]) -> str:
    place = f"{warning['file']}:{warning['line']}:{warning['column']}" if warning["line"] else warning["file"]
    key = f"{warning['key']}: " if warning["key"] else ""
    return f"{place}: {key}{warning['what']}; {warning['mend']}"

"""Which deployments of a group come first, and what share of the requests each gets, as LiteLLM's router decides it.

Pure; the rules are those of LiteLLM's simple-shuffle and of its order filter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from gateway.config.litellm_models import LitellmParams, ModelEntry


def orders(entries: Sequence[ModelEntry]) -> tuple[int, ...]:
    """Each entry's `order`. Where others of its group have one, an entry without comes after all of them."""
    last: dict[str, int] = {}
    for entry in entries:
        if entry.litellm_params.order is not None:
            last[entry.model_name] = max(
                last.get(entry.model_name, entry.litellm_params.order), entry.litellm_params.order
            )
    return tuple(
        last.get(entry.model_name, 0) + 1 if entry.litellm_params.order is None else entry.litellm_params.order
        for entry in entries
    )


def weights(entries: Sequence[ModelEntry]) -> tuple[int, ...]:
    """Each entry's share among those of its group with the same order.

    By `weight` if any of them has one, else by `rpm`, else by `tpm`, else alike; who lacks what the others have gets 0.
    """
    places: dict[tuple[str, int], list[int]] = {}
    for index, (entry, order) in enumerate(zip(entries, orders(entries), strict=True)):
        places.setdefault((entry.model_name, order), []).append(index)
    out = [1] * len(entries)
    for indexes in places.values():
        for index, share in zip(indexes, _shares([entries[each].litellm_params for each in indexes]), strict=True):
            out[index] = share
    return tuple(out)


def _shares(params: Sequence[LitellmParams]) -> list[int]:
    for name in ("weight", "rpm", "tpm"):
        given = [getattr(each, name) or 0 for each in params]
        if any(given):
            return _whole(given)
    return [1] * len(params)


def _whole(shares: Sequence[float]) -> list[int]:
    """The same proportions in whole numbers, exactly; whole numbers stay as they are."""
    fractions = [Fraction(str(share)) for share in shares]
    common = math.lcm(*(each.denominator for each in fractions))
    return [int(each * common) for each in fractions]

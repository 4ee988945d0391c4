"""Template, variables and brand voice become messages: the brand's first, then the template's, then the client's.

The library is in memory and is swapped as a whole; a template that cannot be rendered refuses the request.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from gateway.errors import Forbidden
from gateway.prompts.compose import compose
from gateway.prompts.library import Library
from gateway.stages.need import identity_of
from gateway.types import Call, Endpoint, Outcome

_canonical = msgspec.json.Encoder(order="deterministic").encode


class Prompt:
    """Replaces `call.body["messages"]`; touches nothing when neither template nor brand is asked for."""

    def __init__(self, library: Library, secret: bytes) -> None:
        self._library = library
        self._secret = secret

    async def enter(self, call: Call) -> None:
        if call.endpoint is not Endpoint.CHAT:
            return
        identity = identity_of(call)
        brand = call.options.brand or identity.default_brand
        if brand is not None and identity.brands is not None and brand not in identity.brands:
            raise Forbidden(f"This key may not write for the brand '{brand}'.", code="brand_not_allowed", param="brand")
        if brand is None and call.options.template is None:
            return
        composed = compose(
            self._library,
            template=call.options.template,
            version=call.options.template_version,
            variables=call.options.variables,
            brand=brand,
            messages=call.body["messages"],
            nonce=lambda: self._nonce(call, brand),
        )
        call.body["messages"] = composed.messages
        call.template, call.template_version = composed.template, composed.template_version
        call.brand, call.brand_version = composed.brand, composed.brand_version

    def _nonce(self, call: Call, brand: str | None) -> str:
        """Nobody can foresee it, yet equal requests of a tenant have equal ones, so that the cache finds them again."""
        options = call.options
        parts = [identity_of(call).tenant, options.template, options.template_version, brand, options.variables]
        return hmac.new(self._secret, _canonical(parts), hashlib.sha256).hexdigest()[:16]

    async def exit(self, call: Call, outcome: Outcome) -> None:
        """Nothing to give back."""

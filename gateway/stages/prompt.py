"""Template, variables and brand voice become messages: the brand's first, then the template's, then the client's.

The library is in memory and is swapped as a whole; a template that cannot be rendered refuses the request.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from gateway.errors import Forbidden
from gateway.ports import BrandRights, nothing_to_undo
from gateway.prompts.compose import compose
from gateway.prompts.library import Library
from gateway.stages.need import identity_of
from gateway.types import Call, Endpoint, Identity

_canonical = msgspec.json.Encoder(order="deterministic").encode


class Prompt:
    """Replaces `call.body["messages"]`; touches nothing when neither template nor brand is asked for."""

    def __init__(self, library: Library, secret: bytes, brands: BrandRights) -> None:
        self._library = library
        self._secret = secret
        self._brands = brands

    async def enter(self, call: Call) -> None:
        identity = identity_of(call)
        brand = call.options.brand or identity.default_brand
        voice = None
        if brand is not None:
            await self._check(identity, brand)
            voice = None if await self._is_voiceless(brand) else self._library.brand(brand).id
        if call.endpoint is not Endpoint.CHAT:
            call.brand = brand
            return
        if brand is None and call.options.template is None:
            return
        composed = compose(
            self._library,
            template=call.options.template,
            version=call.options.template_version,
            variables=call.options.variables,
            brand=voice,
            messages=call.body["messages"],
            nonce=lambda: self._nonce(call, brand),
        )
        call.body["messages"] = composed.messages
        call.template, call.template_version = composed.template, composed.template_version
        call.brand, call.brand_version = brand, composed.brand_version

    async def _check(self, identity: Identity, brand: str) -> None:
        listed = identity.brands is None or brand in identity.brands
        if not listed or not await self._brands.allowed(identity, brand):
            raise Forbidden(f"This key may not write for the brand '{brand}'.", code="brand_not_allowed", param="brand")

    async def _is_voiceless(self, brand: str) -> bool:
        """A brand that was made for its budget, and that no file gives a voice."""
        return brand not in self._library.brands and await self._brands.known(brand)

    def _nonce(self, call: Call, brand: str | None) -> str:
        """Nobody can foresee it, yet equal requests of a tenant have equal ones, so that the cache finds them again."""
        options = call.options
        parts = [identity_of(call).tenant, options.template, options.template_version, brand, options.variables]
        return hmac.new(self._secret, _canonical(parts), hashlib.sha256).hexdigest()[:16]

    exit = nothing_to_undo

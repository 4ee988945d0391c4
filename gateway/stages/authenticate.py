"""Who asks: the credential becomes an identity. With the key store away, keys that are not cached get a 503, never a 401."""

from __future__ import annotations

from gateway.accounts.roles import may
from gateway.errors import Forbidden
from gateway.ports import Identities, nothing_to_undo
from gateway.types import Call


class Authenticate:
    """Fills `call.identity`, where it was not needed before the request was read."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    async def enter(self, call: Call) -> None:
        identity = call.identity or await self._identities.identify(call.credential)
        if not may(identity.role, "models.call"):
            raise Forbidden("Viewers may look, but not call models. Ask your team's lead for another role.")
        if call.options.mock_response is not None and not (identity.test_key or identity.role == "admin"):
            raise Forbidden("Only test keys may ask for a mock_response.", param="mock_response")
        call.identity = identity

    exit = nothing_to_undo

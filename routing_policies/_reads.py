"""What a policy reads beside the health of its deployments: only that is gathered for it.

A class says so as `reads = frozenset({"draw"})`, beside its `rank`; one that says nothing is given everything. What reads
nothing ranks the same deployments alike whenever all of them are healthy, so that its plan serves many requests. So does
what reads only `draw`, which spreads the load over several, when there is but one.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from gateway.ports import Policy

EVERYTHING = frozenset(
    {"body", "in_flight", "latency", "draw", "requests", "tokens"}
)  # the body, and fields of Signals


def reads_of(policy: type[Policy]) -> frozenset[str]:
    """What its class says that it reads; a class that ranks anew has to say it anew, whatever it inherits."""
    for each in policy.__mro__:
        said = vars(each).get("reads")
        if isinstance(said, AbstractSet):
            return frozenset(said)
        if "rank" in vars(each):
            break
    return EVERYTHING

"""What an earlier stage must have filled in; a missing slot is a bug of the order, not of the request."""

from __future__ import annotations

from gateway.types import Call, Identity, Plan


def identity_of(call: Call) -> Identity:
    if call.identity is None:
        raise RuntimeError("the authenticate stage has not been entered")
    return call.identity


def plan_of(call: Call) -> Plan:
    if call.plan is None:
        raise RuntimeError("the route stage has not been entered")
    return call.plan

"""Every route there is, in two halves: what clients call, and the admin surface, which may listen on a port of its own."""

from __future__ import annotations

from gateway.api import aliases, catalog, chat, generations, ops, sign_in
from gateway.api.admin import audit, brands, config, invitations, keys, reports, teams, users

public_routers = (
    chat.router,
    catalog.router,
    generations.router,
    sign_in.public,
    sign_in.router,
    ops.router,
    ops.public,
)
admin_routers = (
    users.router,
    teams.router,
    brands.router,
    keys.router,
    invitations.router,
    audit.router,
    reports.router,
    config.router,
    aliases.router,
)

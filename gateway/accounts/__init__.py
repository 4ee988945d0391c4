"""People and their rights: users, teams, brands, keys, invitations, sessions and the audit log of every act.

`Accounts` is the way in. Every act is one short transaction together with its audit entry; while the store is away
each method raises `errors.Unavailable` and has done nothing.
"""

from __future__ import annotations

from gateway.accounts.accounts import Accounts
from gateway.accounts.actor import CLI, MASTER_ID, Actor
from gateway.accounts.values import AuditInfo, InvitationInfo, NewSession, Page, SessionInfo

__all__ = ["CLI", "MASTER_ID", "Accounts", "Actor", "AuditInfo", "InvitationInfo", "NewSession", "Page", "SessionInfo"]

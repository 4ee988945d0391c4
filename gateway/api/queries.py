"""What the address of a list may say. What cannot be read is a 422 with every mistake; other members are ignored."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.api.asking import without_nul
from gateway.ledger.logs import LogFilter

Value = Annotated[str, Field(max_length=512), AfterValidator(without_nul)]


class Part(BaseModel):
    """Which part of a list."""

    after: Value | None = Field(None, description="`next` of the part before.")
    limit: int = Field(50, ge=1, le=200)


class UserQuery(Part):
    team: Value | None = None


class BrandQuery(Part):
    include_archived: bool = False


class KeyQuery(Part):
    user: Value | None = None
    team: Value | None = None
    include_revoked: bool = False


class AuditQuery(Part):
    object_type: Value | None = None
    object_id: Value | None = None
    actor_id: Value | None = Field(None, description='Such as "user:ada" or "key:k_1".')


class LogQuery(BaseModel):
    """LiteLLM's names; dates are UTC."""

    api_key: Value | None = Field(None, description="The id of a key (k_…).")
    user_id: Value | None = None
    request_id: Value | None = None
    start_date: Value | None = None
    end_date: Value | None = None
    page: int = Field(1, ge=1, le=1_000_000)
    size: int = Field(50, ge=1, le=200)

    def filter(self) -> LogFilter:
        """Raises InvalidRequest."""
        return LogFilter.of(self.api_key, self.user_id, self.request_id, self.start_date, self.end_date)

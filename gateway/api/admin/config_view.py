"""The configuration as /admin/config shows it: sections, who serves which version, and the names that rules may use.

Nothing here raises for a store that is away: then teams and brands have no names, and this worker is shown alone.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel

from gateway.accounts import Actor
from gateway.api.admin.config_shapes import (
    ConfigShape,
    NamesShape,
    RejectionShape,
    SectionShape,
    TeamName,
    WorkerShape,
)
from gateway.api.state import Services
from gateway.config import disk, edit
from gateway.config.config import Config
from gateway.config.problems import Problem
from gateway.errors import Unavailable
from gateway.types import Endpoint

ALONE = "gateway"  # the name of the only worker
PAGE = 200
MOST_NAMES = 2_000


async def view(found: Services, actor: Actor) -> ConfigShape:
    """What serves now."""
    serving, rejected = found.reloader.serving, found.reloader.rejected
    parts, why_not = await asyncio.to_thread(_look, serving.config)
    return ConfigShape(
        version=serving.version,
        loaded_at=serving.loaded_at,
        file=str(serving.config.path),
        writable=why_not is None,
        why_not=why_not,
        rejected=RejectionShape.of(rejected) if rejected is not None else None,
        restart=list(found.reloader.restart),
        warnings=[str(warning) for warning in (*serving.config.warnings, *await _unknown_names(found))],
        workers=await _workers(found, serving.version),
        sections={name: SectionShape.of(part, _plain(getattr(serving.config, name))) for name, part in parts.items()},
        names=await _names(found, actor, serving.config),
    )


def _look(config: Config) -> tuple[dict[str, edit.Part], str | None]:
    parts = edit.parts(config.sources.texts)
    reasons = (disk.why_not(file) for file in {config.path, *(part.file for part in parts.values())})
    return parts, next((reason for reason in reasons if reason is not None), None)


def _plain(section: Any) -> Any:
    if isinstance(section, BaseModel):
        return section.model_dump(mode="json")
    return {name: _plain(each) for name, each in section.items()}


async def _workers(found: Services, version: str) -> list[WorkerShape]:
    versions = await found.shown.workers() if found.shown is not None else {}
    versions[found.shown.worker if found.shown is not None else ALONE] = version
    return [
        WorkerShape(name=name, version=served, current=served == version) for name, served in sorted(versions.items())
    ]


async def _names(found: Services, actor: Actor, config: Config) -> NamesShape:
    library = found.library.describe()
    brands = {each["id"] for each in library["brands"]} | {each.id for each in await _all(found.accounts.brands, actor)}
    teams = await _all(found.accounts.teams, actor)
    return NamesShape(
        groups=list(config.group_names),
        embeddings=[
            name
            for name in (*config.group_names, *sorted(config.aliases))
            if found.routes.endpoints(found.routes.resolve(name)) == {Endpoint.EMBEDDINGS}
        ],
        models=found.routes.names,
        aliases=sorted(config.aliases),
        policies=found.routes.policies,
        tiers=list(dict.fromkeys(tier for model in config.routing.models.values() for tier in model.tiers)),
        templates=[each["id"] for each in library["templates"]],
        brands=sorted(brands),
        teams=[TeamName(id=team.id, name=team.name) for team in teams],
    )


async def _unknown_names(found: Services) -> list[Problem]:
    """What rules name and nobody in the store has, as far as it can be read."""
    try:
        return await found.accounts.unknown_names(found.serving.config, set(found.library.brands))
    except Unavailable:
        return []


async def _all(kind: Any, actor: Actor) -> list[Any]:
    """Every team or brand, as far as they can be read."""
    things: list[Any] = []
    after: str | None = None
    try:
        while len(things) < MOST_NAMES:
            page = await kind.list(actor, after=after, limit=PAGE)
            things += page.items
            after = page.next
            if after is None:
                break
    except Unavailable:
        pass
    return things

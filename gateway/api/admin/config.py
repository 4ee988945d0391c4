"""`/admin/config`: the configuration that serves; its rules, groups and limits changed, checked first; older versions.

A change is served when it is answered, or nothing was changed. The store away: 503, and no file was written; reading
goes on, without the names of teams and brands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from gateway.accounts import Actor
from gateway.api.admin.config_saving import as_on_disk, conflict, not_there, read_anew, replace_files, unfit
from gateway.api.admin.config_shapes import (
    ChangedConfig,
    CheckShape,
    ConfigChange,
    ConfigShape,
    DifferenceShape,
    ProblemShape,
    VersionShape,
    texts_of,
)
from gateway.api.admin.config_view import view
from gateway.api.admin.shapes import Listed
from gateway.api.asking import ANY_VERSION, PRIVATE, Acting, Id, version_required
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.state import Services, services
from gateway.config.diff import Difference
from gateway.config.edit import Edited, parts, restored
from gateway.config.history import History
from gateway.config.problems import ConfigError

router = APIRouter(prefix="/admin/config", tags=["Configuration"], dependencies=PRIVATE)


async def expected_config(if_match: Annotated[str | None, Header()] = None) -> str:
    """The version that the caller has read, or "*". Raises InvalidRequest for a missing one."""
    if if_match is None:
        raise version_required()
    return if_match.strip().removeprefix("W/").strip('"')


Expected = Annotated[str, Depends(expected_config)]


@router.get("")
async def config(request: Request, response: Response, actor: Acting) -> ConfigShape:
    """What serves now, section by section, and what rules may name."""
    found = services(request)
    found.accounts.config.may_read(actor)
    return tagged(response, await view(found, actor))


@router.post("/check", openapi_extra=document(ConfigChange))
async def check(request: Request, actor: Acting) -> CheckShape:
    """What a change would mean; nothing is changed."""
    found = services(request)
    form = await checked_body(request, found.bounds, ConfigChange)
    found.accounts.config.may_edit(actor)
    return await checked(found, partial(form.of, found.serving.config.sources.texts))


async def checked(found: Services, change: Callable[[], Edited]) -> CheckShape:
    """What a change would mean, or its mistakes."""
    answer = CheckShape(ok=False)
    try:
        edited = await asyncio.to_thread(change)
        answer.diff, answer.sections = edited.diff, texts_of(edited.parts)
        trial = await found.reloader.try_texts(edited.files)
    except ConfigError as error:
        answer.problems = [ProblemShape.of(each) for each in error.problems]
        return answer
    answer.ok, answer.differences = True, DifferenceShape.all(trial.differences)
    return answer


@router.patch("", openapi_extra=document(ConfigChange))
async def edit(request: Request, response: Response, actor: Acting, version: Expected) -> ChangedConfig:
    """Change sections in the files where they stand, and serve the result. Comments and layout are kept."""
    found = services(request)
    form = await checked_body(request, found.bounds, ConfigChange)
    found.accounts.config.may_edit(actor)
    unchanged_since(found, version)
    texts = found.serving.config.sources.texts
    try:
        edited = await asyncio.to_thread(form.of, texts)
        trial = await found.reloader.try_texts(edited.files)
    except ConfigError as error:
        raise unfit(error) from None
    if edited.files:
        await replace_files(found, actor, "config.edit", trial, texts, edited.files)
    return await changed(found, response, actor, trial.differences)


@router.get("/versions")
async def versions(request: Request, actor: Acting) -> Listed[VersionShape]:
    """Versions that were served, newest first; at most 50 are kept."""
    found = services(request)
    found.accounts.config.may_read(actor)
    serving = found.serving
    kept = await asyncio.to_thread(history(found).versions)
    sections = await asyncio.to_thread(parts, serving.config.sources.texts)
    return Listed.whole(VersionShape.all(kept, serving.version, texts_of(sections)))


@router.post("/versions/{version_id}/check")
async def check_restore(request: Request, actor: Acting, version_id: Id) -> CheckShape:
    """What going back to that version would mean; nothing is changed."""
    found = services(request)
    found.accounts.config.may_edit(actor)
    sections = await sections_of(found, version_id)
    return await checked(found, partial(restored, await asyncio.to_thread(as_on_disk, found), sections))


@router.post("/versions/{version_id}/restore")
async def restore(
    request: Request, response: Response, actor: Acting, version_id: Id, version: Expected
) -> ChangedConfig:
    """Put the sections back as they were in that version, and serve the result. Everything else stays."""
    found = services(request)
    found.accounts.config.may_edit(actor)
    sections = await sections_of(found, version_id)
    on_disk = await asyncio.to_thread(as_on_disk, found)
    unchanged_since(found, version)
    try:
        edited = await asyncio.to_thread(restored, on_disk, sections)
        trial = await found.reloader.try_texts(edited.files)
    except ConfigError as error:
        raise unfit(error) from None
    if edited.files:
        await replace_files(found, actor, "config.restore", trial, on_disk, edited.files)
    return await changed(found, response, actor, trial.differences)


@router.post("/reload")
async def reload(request: Request, response: Response, actor: Acting) -> ConfigShape:
    """Read the files, and secrets from files, now. When they are broken it is a 422, and the old ones serve on."""
    found = services(request)
    await read_anew(found, actor)
    return tagged(response, await view(found, actor))


def unchanged_since(found: Services, version: str) -> None:
    """Raises Conflict when another version serves than the caller has read."""
    if version not in {ANY_VERSION, found.serving.version}:
        raise conflict(f"It was changed meanwhile (version {found.serving.version} serves, yours was {version[:20]}).")


async def changed(
    found: Services, response: Response, actor: Actor, differences: tuple[Difference, ...]
) -> ChangedConfig:
    """Sets the ETag as well."""
    shown = tagged(response, await view(found, actor))
    return ChangedConfig(**dict(shown), differences=DifferenceShape.all(differences))


def tagged(response: Response, shown: ConfigShape) -> ConfigShape:
    """What If-Match asks for, and the version that serves by now."""
    response.headers["etag"] = f'"{shown.version}"'
    response.headers["x-atelier-config-version"] = shown.version
    return shown


async def sections_of(found: Services, version: str) -> dict[str, str]:
    """The texts that a version had. Raises NotFound."""
    sections = await asyncio.to_thread(history(found).sections, version)
    if sections is None:
        raise not_there(version)
    return sections


def history(found: Services) -> History:
    return History(found.serving.config.data_dir, found.clock)

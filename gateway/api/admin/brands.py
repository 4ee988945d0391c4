"""`/admin/brands`: brands that texts are written for, a team's own or shared. The store away: 503, and nothing was done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.accounts import Actor
from gateway.api.admin.forms import BrandChanges, NewBrand
from gateway.api.admin.shapes import BrandShape, Listed
from gateway.api.admin.spending import spend
from gateway.api.asking import PRIVATE, Acting, Expected, Id, tag
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.queries import BrandQuery
from gateway.api.state import services
from gateway.ports import BrandInfo

router = APIRouter(prefix="/admin/brands", tags=["Brands"], dependencies=PRIVATE)


@router.get("")
async def brands(request: Request, actor: Acting, query: Annotated[BrandQuery, Query()]) -> Listed[BrandShape]:
    """Shared brands and those of the caller's team, newest first; an admin sees all."""
    page = await services(request).accounts.brands.list(actor, **query.model_dump())
    spent = await spend(request, actor, page.items)
    return Listed.of(page, [BrandShape.of(*each) for each in zip(page.items, spent, strict=True)])


@router.post("", status_code=201, openapi_extra=document(NewBrand))
async def create(request: Request, response: Response, actor: Acting) -> BrandShape:
    """Make a brand; a lead's belongs to its team."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewBrand)
    return await shape(request, response, actor, await found.accounts.brands.create(actor, **form.given()))


@router.get("/{brand_id}")
async def brand(request: Request, response: Response, actor: Acting, brand_id: Id) -> BrandShape:
    """One brand."""
    return await shape(request, response, actor, await services(request).accounts.brands.get(actor, brand_id))


@router.patch("/{brand_id}", openapi_extra=document(BrandChanges))
async def edit(request: Request, response: Response, actor: Acting, brand_id: Id, version: Expected) -> BrandShape:
    """Change what the body names; the rest stays."""
    found = services(request)
    form = await checked_body(request, found.bounds, BrandChanges)
    return await shape(
        request, response, actor, await found.accounts.brands.edit(actor, brand_id, form.given(), version)
    )


async def shape(request: Request, response: Response, actor: Actor, brand: BrandInfo) -> BrandShape:
    """Sets the ETag as well."""
    [spent] = await spend(request, actor, [brand])
    tag(response, brand.version)
    return BrandShape.of(brand, spent)

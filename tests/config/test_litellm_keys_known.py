"""Nearly everything that LiteLLM documents has a reason of its own or of its family."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable

import pytest

from gateway.config.litellm_families import reason_for
from gateway.config.litellm_keys import INFO, PARAMS, Table
from gateway.config.litellm_kinds import Block
from gateway.config.litellm_models import LitellmParams, ModelInfo
from gateway.config.litellm_setting_keys import GENERAL, ROUTER
from gateway.config.litellm_settings import GeneralSettings, LitellmSettings, RouterSettings
from gateway.providers.runtime import load

Names = dict[str, set[str]]


@pytest.fixture(scope="module")
def known() -> Names:
    """What LiteLLM knows, block by block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        litellm = load()
        from litellm.proxy._types import ConfigGeneralSettings
        from litellm.types.router import LiteLLM_Params
        from litellm.types.router import ModelInfo as TheirInfo
    return {
        "router": {*inspect.signature(litellm.Router.__init__).parameters} - {"self", "model_list"},
        "params": {*LiteLLM_Params.model_fields} - {"model_info"},  # a member of the class, not of a file
        "info": {*TheirInfo.model_fields},
        "general": {*ConfigGeneralSettings.model_fields},
        "litellm": {*vars(litellm)},
    }


def without_reason(names: Iterable[str], table: Table, model: type[Block]) -> set[str]:
    return {name for name in names if name not in {*table, *model.model_fields} and reason_for(name) is None}


def test_keys_of_the_router_of_entries_and_of_the_proxy_have_a_reason(known: Names) -> None:
    left = (
        without_reason(known["router"], ROUTER, RouterSettings)
        | without_reason(known["params"], PARAMS, LitellmParams)
        | without_reason(known["info"], INFO, ModelInfo)
        | without_reason(known["general"], GENERAL, GeneralSettings)
    )

    assert left == set()


def test_everything_that_is_taken_is_something_that_litellm_knows(known: Names) -> None:
    of_the_proxy = {"enforce_user_param", "litellm_key_header_name"}
    plain = {"cache_params", "timezone", "json_logs", "max_internal_user_budget", "default_fallbacks"}

    assert RouterSettings.model_fields.keys() <= known["router"]
    assert GeneralSettings.model_fields.keys() <= known["general"] | of_the_proxy
    assert LitellmSettings.model_fields.keys() <= known["litellm"] | plain

"""Sign-in with an identity provider, from the button to the Studio: browser, dashboard, provider and gateway are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.driver import Running, Tab, needs_chromium, started, sync_api
from tests.dashboard.fake_issuer import ADA, FakeIssuer, served

pytestmark = needs_chromium

CONFIG = """
model_list:
  - model_name: fast
    litellm_params: {{model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
accounts:
  oidc: {{issuer: "{issuer}", client_id: atelier, client_secret: s3cret, name: Example}}
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    with served() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def running(issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data: Path = tmp_path_factory.mktemp("oidc")
    config = data / "config.yaml"
    config.write_text(CONFIG.format(issuer=issuer.address))
    with started(data, "--config", str(config)) as running:
        yield running


def test_whoever_has_an_account_comes_in_and_nobody_else(
    chromium: sync_api.Browser, running: Running, issuer: FakeIssuer
) -> None:
    tab = Tab(chromium, running)
    try:
        button = tab.page.get_by_role("link", name="Continue with Example")
        button.click()
        tab.page.get_by_role("alert").wait_for()
        assert not [cookie for cookie in tab.context.cookies() if "_session_" in cookie["name"]]

        tab.join(running.invitation("--email", ADA), "Ada", ADA, "a few words in a row")
        tab.page.get_by_role("button", name="Sign out").click()
        button.click()
        tab.heading("Studio")
        tab.page.get_by_text("Ada", exact=True).wait_for()
        assert issuer.codes == {}
    finally:
        tab.context.close()

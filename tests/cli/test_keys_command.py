"""`atelier keys` beside a running gateway: what it makes works at once, what it revokes is refused within seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from tests.harness import GatewayThread, wait_until


def keys(data_dir: Path, *arguments: str) -> Result:
    return CliRunner(env={"ATELIER_DATA_DIR": str(data_dir)}).invoke(cli, ["keys", *arguments])


def status(gateway: GatewayThread, key: str) -> int:
    with gateway.http(key) as http:
        return http.get("/v1/me").status_code


def test_a_key_is_made_listed_and_revoked(gateway: GatewayThread) -> None:
    made = keys(gateway.data_dir, "create", "--name", "desk", "--user", "ann", "--budget", "2.5", "--model", "gpt")
    key = made.stdout.strip()
    key_id = made.stderr.splitlines()[-1].split()[1]
    assert made.exit_code == 0
    assert made.stdout == f"{key}\n"
    assert key.startswith("sk-atl-")
    with gateway.http(key) as http:
        me = http.get("/v1/me").json()
    assert (me["key_id"], me["user"], me["models"]) == (key_id, "ann", ["gpt"])

    shown = keys(gateway.data_dir, "list").stdout
    assert key not in shown
    (line,) = [line for line in shown.splitlines() if line.startswith(key_id)]
    assert "desk" in line
    assert line.endswith("2.5 USD")

    revoked = keys(gateway.data_dir, "revoke", key_id)
    assert (revoked.exit_code, revoked.stdout) == (0, f"Revoked {key_id} (desk).\n")
    wait_until(lambda: status(gateway, key) == 401, "the revoked key's refusal", timeout=5)
    assert key_id not in keys(gateway.data_dir, "list").stdout
    assert "revoked" in keys(gateway.data_dir, "list", "--all").stdout


def test_an_admins_key(gateway: GatewayThread) -> None:
    key = keys(gateway.data_dir, "create", "--name", "boss", "--admin", "--days", "1").stdout.strip()
    with gateway.http(key) as http:
        assert http.get("/key/list").status_code == 200
        assert http.get("/v1/me").json()["expires_at"] is not None


def test_every_limit_can_be_given(gateway: GatewayThread) -> None:
    made = keys(
        gateway.data_dir, "create", "--name", "all", "--team", "red", "--budget", "1", "--budget-days", "30",
        "--brand", "lumen", "--brand", "harbour", "--default-brand", "lumen", "--rpm", "60", "--parallel", "3",
    )  # fmt: skip
    with gateway.http(made.stdout.strip()) as http:
        me = http.get("/v1/me").json()
    assert (me["team"], me["brands"], me["default_brand"]) == ("red", ["harbour", "lumen"], "lumen")
    assert (me["rpm"], me["max_parallel"]) == (60, 3)


def test_an_unknown_key_cannot_be_revoked(gateway: GatewayThread) -> None:
    refused = keys(gateway.data_dir, "revoke", "k_nothing")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "k_nothing" in refused.stderr
    assert refused.exception is None or isinstance(refused.exception, SystemExit)


@pytest.mark.parametrize("arguments", [["create", "--name", "x"], ["list"], ["revoke", "k_1"]])
def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a-file").write_text("")
    refused = keys(tmp_path / "a-file" / "data", *arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "ATELIER_DATA_DIR" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert isinstance(refused.exception, SystemExit)

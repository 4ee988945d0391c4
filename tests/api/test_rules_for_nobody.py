"""A rule of routing for somebody who is not there is among the warnings that an admin sees, until somebody is."""

from __future__ import annotations

from pathlib import Path

from tests.harness import GatewayThread, config_of
from tests.loops import FleetThread

RULES = {"rules": [{"when": {"team": "nobodys"}, "use": {"group": "echo"}}]}


def test_a_rule_for_a_team_that_nobody_has_is_among_the_warnings(tmp_path: Path, running_fleet: FleetThread) -> None:
    routing = config_of(running_fleet)["routing"] | RULES
    with GatewayThread(tmp_path, running_fleet, routing=routing) as gateway, gateway.http() as admin:
        before = admin.get("/admin/config").json()["warnings"]
        admin.post("/admin/teams", json={"id": "nobodys", "name": "Now somebody's"})
        after = admin.get("/admin/config").json()["warnings"]

    assert [each for each in before if "routing.rules[0].when.team[0]: no team has the id `nobodys`" in each]
    assert not [each for each in after if "nobodys" in each]

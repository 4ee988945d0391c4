"""/admin/config over HTTP: looked at, checked, changed in the file with its comments, taken back; or refused, and nothing done."""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.config import disk
from gateway.config.edit import EDITABLE
from gateway.config.history import FOLDER
from gateway.errors import Unavailable
from tests.api.shapes import refused
from tests.harness import MASTER, PROVIDER_KEY, GatewayThread, config_of, wait_until
from tests.loops import FleetThread

NUMBERS = count(1)
RULE = {"name": "team a gets the echo", "when": {"team": "a", "model": "gpt"}, "use": {"group": "echo"}}
ADD_RULE = {"edits": [{"op": "add", "path": "/routing/rules/-", "value": RULE}]}
REST = """
# Who gets what.
routing:
  policy: priority  # in the order above
  models:
    auto: {tiers: {fast: gpt, smart: claude}}
  rules: []
  # - name: an example

limits: {rpm: 600}  # a minute
"""


class Written(GatewayThread):
    """A gateway whose file a person has written."""

    def __init__(self, folder: Path, fleet: FleetThread) -> None:
        super().__init__(folder, fleet)
        sections = {name: value for name, value in config_of(fleet).items() if name not in {"routing", "limits"}}
        self.text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in sections.items()) + REST
        self.config_file.write_text(self.text)


@pytest.fixture(scope="module")
def own(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    with Written(tmp_path_factory.mktemp("config"), running_fleet) as gateway:
        yield gateway


@pytest.fixture
def admin(own: Written) -> Iterator[httpx.Client]:
    with own.http() as http:
        if own.config_file.read_text() != own.text:
            own.config_file.write_text(own.text)
            assert http.post("/admin/config/reload").status_code == 200
        yield http


def version(http: httpx.Client) -> str:
    return str(http.get("/admin/config").headers["etag"])


def patch(http: httpx.Client, body: Any = ADD_RULE, match: str = "*") -> httpx.Response:
    return http.patch("/admin/config", json=body, headers={"if-match": match})


def restore(http: httpx.Client, wanted: str, match: str = "*") -> httpx.Response:
    return http.post(f"/admin/config/versions/{wanted}/restore", headers={"if-match": match})


def problems(answer: httpx.Response) -> list[dict[str, Any]]:
    return list(refused(answer, 422, "validation_error")["details"])


def test_what_serves_is_shown_section_by_section(own: Written, admin: httpx.Client) -> None:
    answer = admin.get("/admin/config")
    shown = answer.json()
    assert answer.headers["etag"] == f'"{shown["version"]}"'
    assert answer.headers["cache-control"] == "no-store"
    assert (shown["object"], shown["file"], shown["writable"], shown["why_not"], shown["rejected"]) == (
        *("config", str(own.config_file), True, None, None),
    )
    assert tuple(shown["sections"]) == EDITABLE
    routing, queue = shown["sections"]["routing"], shown["sections"]["queue"]
    assert routing["yaml"] == REST[REST.index("routing:") : REST.index("\nlimits")]
    assert routing["line"] == own.text[: own.text.index("routing:\n")].count("\n") + 1
    assert routing["value"]["models"] == {"auto": {"tiers": {"fast": "gpt", "smart": "claude"}}}
    assert routing["effective"]["timezone"] == "UTC"
    assert (queue["yaml"], queue["line"]) == ("", None)
    assert queue["value"] == queue["effective"] == {"max_wait": 30, "max_length": 1000}
    assert shown["workers"] == [{"name": "gateway", "version": shown["version"], "current": True}]


def test_names_for_rules_are_shown(admin: httpx.Client) -> None:
    admin.post("/admin/teams", json={"id": "names", "name": "Names"})
    admin.post("/admin/brands", json={"id": "acme", "name": "Acme"})
    names = admin.get("/admin/config").json()["names"]
    assert {"gpt", "echo", "pair"} <= set(names["groups"])
    assert names["embeddings"] == ["embed", "embed-gemini"]
    assert names["models"][0] == "auto"
    assert {"priority", "weighted", "complexity"} <= set(names["policies"])
    assert names["tiers"] == ["fast", "smart"]
    assert {"id": "names", "name": "Names"} in names["teams"]
    assert "acme" in names["brands"]
    assert len(names["brands"]) > 1  # the library's, too
    assert names["templates"]


def test_no_answer_shows_a_neighbour_or_a_secret(admin: httpx.Client) -> None:
    answers = [
        admin.get("/admin/config"),
        admin.post("/admin/config/check", json=ADD_RULE),
        admin.post("/admin/config/check", json={"sections": {"limits": "limits: {rpm: x}"}}),
        patch(admin),
        admin.get("/admin/config/versions"),
        admin.get("/admin/audit?object_type=config"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert MASTER not in answer.text
        assert PROVIDER_KEY not in answer.text
        assert "general_settings" not in answer.text


def test_a_check_says_what_would_be_and_changes_nothing(own: Written, admin: httpx.Client) -> None:
    before = version(admin)
    answer = admin.post("/admin/config/check", json=ADD_RULE).json()
    assert (answer["ok"], answer["problems"]) == (True, [])
    assert "+    - name: team a gets the echo\n+      when: {team: a, model: gpt}" in answer["diff"]
    assert answer["differences"]
    assert all(each.keys() == {"what", "key", "restart"} for each in answer["differences"])
    assert "- name: team a gets the echo\n" in answer["sections"]["routing"]
    assert own.config_file.read_text() == own.text
    assert version(admin) == before


def test_a_check_names_the_place_in_the_new_text(own: Written, admin: httpx.Client) -> None:
    rule = {"name": "x", "when": {"team": "a", "modl": "gpt"}, "use": {"group": "gone"}}
    body = {"edits": [{"op": "add", "path": "/routing/rules/0", "value": rule}]}
    answer = admin.post("/admin/config/check", json=body).json()
    assert answer["ok"] is False
    [problem] = [each for each in answer["problems"] if each["key"].endswith("modl")]
    assert problem["key"] == "routing.rules[0].when.modl"
    assert problem["file"] == str(own.config_file)
    assert problem["mend"] == "did you mean `model`?"
    lines = own.text.replace("rules: []", "rules:\n    - name: x\n      when: {team: a, modl: gpt}").split("\n")
    assert lines[problem["line"] - 1][problem["column"] - 1 :].startswith("modl")
    assert "modl" in answer["sections"]["routing"]
    assert {each["where"] for each in problems(patch(admin, body))} == {each["where"] for each in answer["problems"]}
    assert own.config_file.read_text() == own.text


def test_a_rule_is_written_with_comments_kept_and_served_at_once(own: Written, admin: httpx.Client) -> None:
    before = version(admin)
    answer = patch(admin, match=before)
    changed = answer.json()
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{changed["version"]}"' != before
    assert answer.headers["x-atelier-config-version"] == changed["version"]
    assert changed["differences"]
    added = "\n    - name: team a gets the echo\n      when: {team: a, model: gpt}\n      use: {group: echo}"
    assert own.config_file.read_text() == own.text.replace("rules: []", f"rules:{added}")
    admin.post("/admin/teams", json={"id": "a", "name": "A"})
    with own.http(own.key(team_id="a")) as client:
        said = client.post(
            "/v1/chat/completions", json={"model": "gpt", "messages": [{"role": "user", "content": "Oh!"}]}
        )
    assert said.json()["choices"][0]["message"]["content"] == "Oh!"
    entry = admin.get("/admin/audit?object_type=config&limit=1").json()["data"][0]
    assert (entry["actor"], entry["action"]) == ("master", "config.edit")
    assert entry["before"] == {"version": before.strip('"')}
    assert entry["after"]["version"] == changed["version"]
    assert entry["after"]["changes"] == [each["what"] for each in changed["differences"]]


def test_a_text_is_written_as_it_is(own: Written, admin: httpx.Client) -> None:
    text = "limits:   # mine\n      rpm: 5\n"
    answer = patch(admin, {"sections": {"limits": text, "routing": ""}})
    assert answer.json()["sections"]["limits"]["yaml"] == text
    assert answer.json()["sections"]["routing"]["line"] is None
    assert own.config_file.read_text().endswith(f"\n# Who gets what.\n\n{text}")


def test_one_call_brings_the_version_before_back(own: Written, admin: httpx.Client) -> None:
    before = version(admin).strip('"')
    after = patch(admin).json()["version"]
    listed = admin.get("/admin/config/versions").json()
    assert listed["object"] == "list"
    assert [(each["version"], each["current"]) for each in listed["data"][:2]] == [(after, True), (before, False)]
    assert listed["data"][0]["by"] == "master"
    assert listed["data"][0]["what"]
    answer = restore(admin, before, f'"{after}"')
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], bool(answer.json()["differences"])) == (before, True)
    assert own.config_file.read_text() == own.text
    assert admin.get("/admin/audit?object_type=config&limit=1").json()["data"][0]["action"] == "config.restore"
    refused(restore(admin, before, f'"{after}"'), 409, "version_conflict")
    refused(restore(admin, "0" * 12), 404, "not_found")


def test_every_change_is_one_entry_and_none_replaces_another(own: Written, admin: httpx.Client) -> None:
    before = version(admin).strip('"')
    after = patch(admin).json()["version"]
    assert restore(admin, before).status_code == 200
    assert patch(admin).json()["version"] == after
    listed = admin.get("/admin/config/versions").json()["data"][:4]
    assert [(each["version"], each["current"], each["differs"]) for each in listed] == [
        (after, True, False),
        (before, False, True),
        (after, False, False),
        (before, False, True),
    ]
    assert {each["by"] for each in listed[:3]} == {"master"}
    assert listed[0]["at"] >= listed[1]["at"] >= listed[2]["at"]


def test_going_back_is_checked_first_and_the_check_changes_nothing(own: Written, admin: httpx.Client) -> None:
    before = version(admin).strip('"')
    patch(admin)
    text = own.config_file.read_text()
    checked = admin.post(f"/admin/config/versions/{before}/check").json()
    assert (checked["object"], checked["ok"], checked["problems"]) == ("config.check", True, [])
    assert "-    - name: team a gets the echo" in checked["diff"]
    assert checked["sections"]["routing"] == REST[REST.index("routing:") : REST.index("\nlimits")]
    assert own.config_file.read_text() == text
    assert checked["differences"] == restore(admin, before).json()["differences"]
    refused(admin.post(f"/admin/config/versions/{'0' * 12}/check"), 404, "not_found")


def test_a_change_of_the_file_is_in_the_audit_log_once(own: Written, admin: httpx.Client) -> None:
    before = version(admin).strip('"')
    newest = admin.get("/admin/audit?object_type=config&limit=1").json()["data"][0]["id"]
    own.config_file.write_text(own.text.replace("rpm: 600", f"rpm: {600 + next(NUMBERS)}"))
    wait_until(lambda: version(admin).strip('"') != before, "the change")
    now = version(admin).strip('"')

    def entries() -> list[dict[str, Any]]:
        found = admin.get("/admin/audit?object_type=config").json()["data"]
        return list(found[: [each["id"] for each in found].index(newest)])

    wait_until(entries, "its entry")
    [entry] = entries()
    assert (entry["actor"], entry["action"], entry["before"]) == ("file", "config.reload", {"version": before})
    assert entry["after"]["version"] == now
    assert "limits.rpm" in entry["after"]["changes"][0]
    assert admin.get("/admin/config/versions").json()["data"][0]["by"] == "file"


def test_with_the_store_away_a_change_of_the_file_is_served_and_not_recorded(
    own: Written, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version(admin)

    async def away(*_: object) -> None:
        raise Unavailable("The database is away.", code="store_unavailable")

    monkeypatch.setattr(own.gateway.services.accounts.config, "record", away)
    own.config_file.write_text(own.text.replace("rpm: 600", f"rpm: {600 + next(NUMBERS)}"))
    wait_until(lambda: version(admin) != before, "the change")
    assert admin.get("/admin/config/versions").json()["data"][0]["by"] == "file"


def test_the_version_that_was_read_is_asked_for(own: Written, admin: httpx.Client) -> None:
    refused(admin.patch("/admin/config", json=ADD_RULE), 400, "version_required", "If-Match")
    refused(patch(admin, match='"000000000000"'), 409, "version_conflict")
    assert patch(admin, {"sections": {"queue": ""}}, f"W/{version(admin)}").status_code == 200  # a proxy has packed it
    refused(patch(admin, match="nonsense"), 409, "version_conflict")
    assert own.config_file.read_text() == own.text


def test_of_two_at_once_one_is_refused(own: Written, admin: httpx.Client) -> None:
    match = version(admin)

    def add(rpm: int) -> int:
        with own.http() as http:
            body = {"edits": [{"op": "replace", "path": "/limits/rpm", "value": rpm}]}
            return patch(http, body, match).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, (1001, 1002, 1003, 1004))) == [200, 409, 409, 409]
    [line] = [each for each in own.config_file.read_text().split("\n") if each.startswith("limits")]
    assert (
        line
        == f"limits: {{rpm: {admin.get('/admin/config').json()['sections']['limits']['value']['rpm']}}}  # a minute"
    )


def test_what_somebody_writes_on_the_disk_is_not_written_over(
    own: Written, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the gateway has seen it."""
    write = disk.Writing.write

    def late(writing: disk.Writing) -> None:
        own.config_file.write_text(own.text + "# theirs\n")
        write(writing)

    monkeypatch.setattr(disk.Writing, "write", late)
    refused(patch(admin), 409, "version_conflict")
    assert own.config_file.read_text() == own.text + "# theirs\n"


def test_what_somebody_has_just_written_on_the_disk_is_not_taken_back_unseen(
    own: Written, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = version(admin).strip('"')
    now = patch(admin).json()["version"]
    reloader = own.gateway.services.reloader
    monkeypatch.setattr(reloader, "_look", lambda: reloader._seen)  # it does not look for a while
    own.config_file.write_text(own.text + "# theirs\n")
    refused(restore(admin, older, f'"{now}"'), 409, "version_conflict")
    assert own.config_file.read_text() == own.text + "# theirs\n"


def test_the_documentation_of_the_body_is_whole(own: Written) -> None:
    about = own.gateway.api.openapi()["paths"]["/admin/config"]["patch"]["requestBody"]
    schema = about["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(schema)
    assert schema["properties"]["edits"]["items"]["properties"]["op"]["enum"] == ["add", "replace", "remove", "move"]


def test_a_broken_file_is_told_and_an_older_version_mends_it(own: Written, admin: httpx.Client) -> None:
    served = version(admin)
    broken = own.text.replace("limits: {rpm: 600}", "limits: {rpm: many}")
    own.config_file.write_text(broken)
    assert [each["where"] for each in problems(admin.post("/admin/config/reload"))] == ["limits.rpm"]
    wait_until(lambda: admin.get("/admin/config").json()["rejected"], "the rejection")
    shown = admin.get("/admin/config").json()
    assert f'"{shown["version"]}"' == served
    assert [each["key"] for each in shown["rejected"]["problems"]] == ["limits.rpm"]
    assert shown["sections"]["limits"]["value"] == {"rpm": 600}
    line = broken[: broken.index("many}")].count("\n") + 1
    error = refused(patch(admin), 409, "version_conflict")
    assert error["message"].startswith(f"config.yaml has a mistake at {line}:15; mend it first.")
    assert own.config_file.read_text() == broken
    assert "+limits: {rpm: 600}" in admin.post(f"/admin/config/versions/{served.strip(chr(34))}/check").json()["diff"]
    answer = restore(admin, served.strip('"'), served)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rejected"] is None
    assert own.config_file.read_text() == own.text
    assert admin.get("/admin/config/versions").json()["data"][0]["current"]
    [aside] = (own.data_dir / FOLDER).glob("unserved-*.yaml")
    assert aside.read_text() == "limits: {rpm: many}  # a minute\n"


def test_a_file_that_is_no_yaml_is_left_to_people(own: Written, admin: httpx.Client) -> None:
    served = version(admin).strip('"')
    patch(admin)
    broken = own.text + "queue: {\n"
    own.config_file.write_text(broken)
    wait_until(lambda: admin.get("/admin/config").json()["rejected"], "the rejection")
    [problem] = problems(restore(admin, served))
    assert problem["file"] == str(own.config_file)
    assert own.config_file.read_text() == broken


def test_an_older_version_brings_back_its_sections_and_no_old_credential(own: Written, admin: httpx.Client) -> None:
    older = version(admin).strip('"')
    patch(admin)
    rotated = own.config_file.read_text().replace(PROVIDER_KEY, "sk-provider-rotated-0123456789")
    own.config_file.write_text(rotated)
    assert admin.post("/admin/config/reload").status_code == 200
    assert restore(admin, older).status_code == 200
    assert own.config_file.read_text() == own.text.replace(PROVIDER_KEY, "sk-provider-rotated-0123456789")


def test_a_change_on_the_disk_is_read_when_asked(own: Written, admin: httpx.Client) -> None:
    own.config_file.write_text(own.text.replace("rpm: 600", f"rpm: {600 + next(NUMBERS)}"))
    answer = admin.post("/admin/config/reload")
    assert answer.status_code == 200
    assert answer.json()["sections"]["limits"]["effective"]["rpm"] > 600
    entry = admin.get("/admin/audit?object_type=config&limit=1").json()["data"][0]
    assert (entry["action"], entry["after"]["version"]) == ("config.reload", answer.json()["version"])


def test_a_file_that_may_not_be_written(own: Written, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(disk, "_put", read_only)
    monkeypatch.setattr(disk, "why_not", lambda path: f"{path} cannot be written (Read-only file system)")
    shown = admin.get("/admin/config").json()
    assert (shown["writable"], "Read-only" in shown["why_not"]) == (False, True)
    before = admin.get("/admin/audit?object_type=config").json()["data"][0]["id"]
    error = refused(patch(admin), 409, "config_not_writable")
    assert "Read-only file system" in error["message"]
    assert "team a gets the echo" in admin.post("/admin/config/check", json=ADD_RULE).json()["sections"]["routing"]
    assert admin.get("/admin/audit?object_type=config").json()["data"][0]["id"] == before
    assert own.config_file.read_text() == own.text


@pytest.mark.parametrize("step", ["flush", "commit"])
def test_with_the_store_away_nothing_is_written(
    own: Written, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    served = version(admin)
    plain = {name: getattr(AsyncSession, name) for name in ("flush", "commit")}

    async def away(name: str, session: AsyncSession, *more: Any) -> None:
        mine = any(getattr(each, "object_type", "") == "config" for each in session.new)
        session.info["mine"] = mine or session.info.get("mine")
        if name == step and session.info["mine"]:
            raise OperationalError(name, {}, Exception("the database is gone"))
        await plain[name](session, *more)

    with monkeypatch.context() as patched:
        patched.setattr(AsyncSession, "flush", lambda session, *more: away("flush", session, *more))
        patched.setattr(AsyncSession, "commit", lambda session: away("commit", session))
        refused(patch(admin), 503, "store_unavailable")
        refused(admin.post("/admin/config/reload"), 503, "store_unavailable")
        assert version(admin) == served
    assert own.config_file.read_text() == own.text


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, ""),
        ({**ADD_RULE, "sections": {"limits": ""}}, ""),
        ({"edits": []}, "edits"),
        ({"edits": [{"op": "test", "path": "/limits"}]}, "edits.0.op"),
        ({"edits": [{"op": "add", "path": "/limits"}]}, "edits.0"),
        ({"edits": [{"op": "move", "path": "/limits"}]}, "edits.0"),
        ({"edits": [{"op": "remove", "path": "/limits", "more": 1}]}, "edits.0.more"),
        ({"sections": {"limits": 5}}, "sections.limits"),
        ({"edits": [{"op": "remove", "path": "/limits"}] * 201}, "edits"),
        ({"edits": [{"op": "remove", "path": "/general_settings"}]}, "general_settings"),
        ({"edits": [{"op": "remove", "path": "/queue"}]}, "queue"),
        ({"sections": {"server": "server: {port: 1}"}}, "server"),
        ({"sections": {"limits": "limits: {rpm: 5"}}, "limits:1:9"),
    ],
)
def test_what_cannot_be_done_is_named(own: Written, admin: httpx.Client, body: Any, where: str) -> None:
    assert [each["where"] for each in problems(patch(admin, body))] == [where]
    assert own.config_file.read_text() == own.text


def test_a_change_that_changes_nothing_writes_nothing(own: Written, admin: httpx.Client) -> None:
    served, stamp = version(admin), own.config_file.stat().st_mtime_ns
    answer = patch(admin, {"edits": [{"op": "replace", "path": "/limits/rpm", "value": 600}]})
    assert (answer.headers["etag"], answer.json()["differences"]) == (served, [])
    assert own.config_file.stat().st_mtime_ns == stamp


def test_sections_of_included_files_are_changed_there(own: Written, admin: httpx.Client) -> None:
    more = own.folder / "more.yaml"
    more.write_text("# more\nqueue:\n  max_wait: 3  # s\n")
    main = f"include: more.yaml\n{own.text}"
    own.config_file.write_text(main)
    try:
        assert admin.post("/admin/config/reload").json()["sections"]["queue"]["file"] == str(more)
        answer = patch(admin, {"edits": [{"op": "replace", "path": "/queue/max_wait", "value": 4}]})
        assert answer.json()["sections"]["queue"]["value"] == {"max_wait": 4}
        assert (more.read_text(), own.config_file.read_text()) == ("# more\nqueue:\n  max_wait: 4  # s\n", main)
        own.config_file.write_text(f"{main}queue: {{max_length: 5}}\n")
        admin.post("/admin/config/reload")
        [problem] = problems(patch(admin, {"edits": [{"op": "replace", "path": "/queue/max_wait", "value": 5}]}))
        assert str(more) in problem["what"]
    finally:
        own.config_file.write_text(own.text)


def examples() -> Iterator[tuple[str, str, dict[str, str], Any]]:
    """Method, path, headers and body of each call in docs/admin.md."""
    page = (Path(__file__).parents[2] / "docs" / "admin.md").read_text()
    block = page.partition("## Configuration\n")[2].partition("```bash\n")[2].partition("```")[0]
    for line in block.strip().split("\n"):
        words = shlex.split(line)
        body = json.loads(words[words.index("--json") + 1]) if "--json" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
        headers = dict(word.split(": ", 1) for word in words if word.startswith("If-Match"))
        path = next(word for word in words if word.startswith("http")).partition(":4000")[2]
        yield method, path, headers, body


def test_every_example_of_the_page_works(own: Written, admin: httpx.Client) -> None:
    own.config_file.write_text(own.text.replace('"model_name": "echo"', '"model_name": "fast"'))
    admin.post("/admin/config/reload")
    called = 0
    for method, path, headers, body in examples():
        current = version(admin).strip('"')
        real = {name: value.replace("0123456789ab", current) for name, value in headers.items()}
        answer = admin.request(method, path.replace("0123456789ab", current), headers=real, json=body)
        assert answer.status_code == 200, (path, answer.text)
        called += 1
    assert called == 8
    text = own.config_file.read_text()
    assert '      when: {team: a, input_tokens: {max: 500}, after: "18:00"}\n' in text
    assert text.endswith("limits:\n  rpm: 600  # a minute\n")

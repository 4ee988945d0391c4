"""The pages as a member sees them, drawn by Streamlit itself without a browser."""

from __future__ import annotations

import httpx
import pytest

from dashboard.draft import Phase
from tests.dashboard.stub import Body, events
from tests.dashboard.world import ANN, SOON, press
from tests.reports.books import NOON, Books


def words(page) -> str:
    """Everything that is written on a page."""
    kinds = (page.markdown, page.caption, page.title, page.subheader, page.error, page.warning, page.info, page.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def test_the_studio_is_the_first_page_and_says_whose_key_it_is(dashboard):
    dashboard.sign_in(ANN)
    page = dashboard.page("main")
    assert not page.exception
    assert page.title[0].value == "Studio"
    assert "ann's key" in words(page.sidebar)
    assert "Simulated answers" in page.info[0].value


def test_a_viewer_is_told_that_it_only_looks_on(dashboard, stub):
    stub.member(ANN, "ann", role="viewer")
    dashboard.sign_in(ANN)
    page = dashboard.page("main")
    assert "You look on here" in words(page)
    assert "Generate" not in [button.label for button in page.button]


def test_with_real_providers_nothing_is_called_simulated(dashboard, stub):
    stub.member(ANN, "ann", simulated=False)
    dashboard.sign_in(ANN)
    assert "imulated" not in words(dashboard.page("main"))


def test_a_free_prompt_is_written_and_shown_with_its_cost(dashboard, stub):
    dashboard.sign_in(ANN)
    stub.record = {"cost_nano": 12_000_000, "model": "gpt", "usage": {"completion_tokens": 2, "prompt_tokens": 9}}
    page = dashboard.write("Three headlines")
    assert stub.bodies[0]["messages"] == [{"role": "user", "content": "Three headlines"}]
    assert stub.bodies[0]["model"] == "auto"
    shown = words(page)
    assert "Hello world" in shown
    assert r"\$0.012" in shown
    assert "priority: first in order" in shown


def test_a_template_makes_a_form_of_its_variables(dashboard, stub):
    dashboard.sign_in(ANN)
    page = dashboard.page("main")
    page.selectbox(key="template").select("blog_post").run()
    assert [field.label for field in page.text_input] == ["Topic *"]
    page.text_input[0].set_value("  Bread  ")
    page.text_area(key="blog_post.points").set_value("One\n\n  Two  ")
    page.number_input(key="blog_post.words").set_value(30)
    page.selectbox(key="blog_post.goal").select("sign_ups")
    page.checkbox(key="blog_post.emoji").check()
    page.selectbox(key="brand").select("lumen")
    page.selectbox(key="model").select("fast")
    dashboard.generate(page)
    assert stub.bodies[0]["prompt"] == {
        "id": "blog_post",
        "version": "2",
        "variables": {
            "topic": "Bread",
            "words": 30,
            "goal": "sign_ups",
            "points": ["One", "Two"],
            "notes": "None yet.",
            "emoji": True,
        },
    }
    assert stub.bodies[0]["model"] == "fast"
    assert stub.headers[0]["x-atelier-brand"] == "lumen"


def test_what_is_still_needed_is_said_before_anything_is_sent(dashboard, stub):
    dashboard.sign_in(ANN)
    page = dashboard.page("main")
    page.selectbox(key="template").select("blog_post").run()
    press(page, "Generate")
    assert page.error[0].value == "Please fill in: Topic"
    assert stub.bodies == []


def test_a_running_text_can_be_stopped_and_stays(dashboard, stub):
    body = Body(events("Half", " a", finish=None, done=False), hang=True)
    stub.answer = lambda: body
    dashboard.sign_in(ANN)
    page = dashboard.page("main")
    page.text_area[0].set_value("Write")
    press(page, "Generate")
    assert body.sent.wait(SOON)
    page.run()
    assert "Half a" in words(page)
    assert next(button for button in page.button if button.label == "Generate").disabled
    page.button(key="stop").click().run()
    draft = dashboard.draft(page)
    draft.wait(SOON)
    page.run()
    assert draft.look().phase is Phase.STOPPED
    assert body.closed.is_set()
    assert "Half a" in words(page)
    assert "Stopped" in words(page)


def test_a_reload_comes_back_to_the_same_text_and_another_tab_does_not(dashboard):
    dashboard.sign_in(ANN)
    page = dashboard.write("Write")
    again = dashboard.page("main", query=dict(page.query_params))
    assert "Hello world" in words(again)
    assert "Hello world" not in words(dashboard.page("main"))


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_a_refusal_is_a_sentence_on_the_page(dashboard, stub, status):
    dashboard.sign_in(ANN)
    stub.refuse("/v1/chat/completions", status, "The budget of this key is used up.")
    page = dashboard.write("Write")
    assert page.error[0].value == "The budget of this key is used up."
    assert not page.exception


def test_a_text_that_was_cut_by_its_limit_says_so(dashboard, stub):
    stub.answer = lambda: Body(events("Half", finish="length"))
    dashboard.sign_in(ANN)
    page = dashboard.write("Write")
    assert "reached the length" in page.warning[0].value


def test_a_key_without_models_is_told_to_ask(dashboard, stub, monkeypatch):
    monkeypatch.setattr("tests.dashboard.stub.MODELS", [])
    dashboard.sign_in(ANN)
    assert "may use no model" in words(dashboard.page("main"))


def test_with_the_gateway_away_every_page_says_so_and_spend_still_shows_what_was(dashboard, stub, now, tmp_path):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 3))
    dashboard.sign_in(ANN)
    for path in ("/v1/me", "/v1/models", "/v1/templates", "/v1/status"):
        stub.refusals[path] = httpx.ConnectError("refused")
    now.seconds += 20
    assert "does not answer" in words(dashboard.page("main"))
    assert "does not answer" in words(dashboard.page("health"))
    assert len(dashboard.page("spend").dataframe[-1].value) == 1


def test_spend_shows_sums_models_and_requests(dashboard, tmp_path):
    books = Books(tmp_path)
    books.add("gen-1", ("openai", "gpt", 5_000_000), template="blog_post", simulated=True)
    books.add("gen-2", ("openai", "gpt", 2_000_000), estimated=True)
    books.add("gen-3", status=None)
    dashboard.sign_in(ANN)
    page = dashboard.page("spend")
    assert not page.exception
    assert [metric.value for metric in page.metric] == [r"\$0.0020"] * 3
    assert "simulated" in page.metric[0].delta
    models, requests = (frame.value for frame in page.dataframe)
    assert models.to_dict("records") == [
        {"Model": "gpt", "Requests": 2, "Tokens": 220, "Cost": "$0.0020", "Simulated": "$0.0050"}
    ]
    assert sorted(requests["Status"]) == ["⏳ running", "✓ completed", "✓ completed"]
    assert sorted(requests["Note"]) == ["", "estimated", "simulated"]
    assert "blog post" in set(requests["Text"])


def test_a_large_ledger_is_not_added_up_all_the_time_but_new_requests_show_at_once(dashboard, tmp_path, monkeypatch):
    clock = iter(range(0, 1000, 3))  # every look at it is 3 s later: adding up takes 3 s
    monkeypatch.setattr("dashboard.wiring.monotonic", lambda: next(clock))
    books = Books(tmp_path)
    books.add("gen-1", ("openai", "gpt", 10**9))
    dashboard.sign_in(ANN)
    page = dashboard.page("spend")
    books.add("gen-2", ("openai", "gpt", 10**9))
    looks = []
    for _ in range(11):
        page.run()
        looks.append((page.metric[0].value, len(page.dataframe[-1].value)))
    assert looks[0] == (r"\$1.00", 2)
    assert looks[-1] == (r"\$2.00", 2)
    assert 7 <= [value for value, _ in looks].count(r"\$1.00") <= 9


def test_an_admin_sees_whose_request_it_was(dashboard, stub, tmp_path):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 1), user="bob")
    stub.member(ANN, "ann", role="admin")
    dashboard.sign_in(ANN)
    assert list(dashboard.page("spend").dataframe[-1].value["Who"]) == ["bob"]


def test_spend_without_a_ledger_is_a_sentence(dashboard):
    dashboard.sign_in(ANN)
    page = dashboard.page("spend")
    assert "Nothing has been recorded yet" in page.info[0].value
    assert not page.exception


def test_older_requests_are_a_page_away(dashboard, tmp_path):
    books = Books(tmp_path)
    for number in range(14):
        books.add(f"gen-{number}", at=NOON - 100 + number)
    dashboard.sign_in(ANN)
    page = dashboard.page("spend")
    assert len(page.dataframe[-1].value) == 12
    press(page, "Older")
    assert len(page.dataframe[-1].value) == 2
    press(page, "Newer")
    assert len(page.dataframe[-1].value) == 12


def test_a_chosen_request_is_shown_with_its_attempts(dashboard, tmp_path):
    Books(tmp_path).add("gen-1", ("openai", "gpt", 1, "failed"), ("anthropic", "claude", 2))
    dashboard.sign_in(ANN)
    page = dashboard.page("spend")
    page.session_state["request"] = "gen-1"
    page.run()
    attempts = next(frame.value for frame in page.dataframe if "Attempt" in frame.value)
    assert list(attempts["Model"]) == ["openai/gpt", "anthropic/claude"]
    press(page, "Close")
    assert not [frame for frame in page.dataframe if "Attempt" in frame.value]


def test_health_has_a_word_an_icon_and_a_colour_for_every_state(dashboard, stub):
    states = ["ready", "out", "cooling down", "simulated", "no key", "something new"]
    stub.status = [
        {"id": f"d{n}", "group": "fast", "provider": "openai", "model": f"m{n}", "state": state, "ttft_seconds": 0.5}
        for n, state in enumerate(states)
    ]
    dashboard.sign_in(ANN)
    page = dashboard.page("health")
    assert not page.exception
    shown = list(page.table[0].value["State"])
    for word in ("Ready", "Out", "Cooling down", "Simulated", "No key", "something new"):
        assert any(word in cell and "-badge[:material/" in cell for cell in shown)
    assert "Out" in shown[0] or "something new" in shown[0]
    assert "2 of 6 deployments are out; others take their work." in page.warning[0].value
    assert page.table[0].value["First word after"][0] == "500 ms"


@pytest.mark.parametrize(
    ("states", "sentence"),
    [
        (["ready"], "All is well: 1 deployment takes requests."),
        (["ready", "simulated"], "All is well: 2 deployments take requests."),
        (["ready", "out"], "1 of 2 deployments is out; others take its work."),
    ],
)
def test_health_counts_in_whole_sentences(dashboard, stub, states, sentence):
    stub.status = [{"id": f"d{n}", "state": state, "ttft_seconds": None} for n, state in enumerate(states)]
    dashboard.sign_in(ANN)
    assert sentence in words(dashboard.page("health"))


@pytest.mark.parametrize(("ends", "until"), [(NOON + 86_400, " until 18 Mar 18:00"), (None, "")])
def test_health_warns_when_the_gateways_budget_is_used_up(dashboard, stub, ends, until):
    stub.status = [{"id": "d", "state": "ready", "ttft_seconds": None}]
    dashboard.sign_in(ANN)
    total = {"scope": "gateway:total", "used_up": False, "spend": {"resets_at": ends}}
    stub.budgets = [total, {"scope": "provider:openai", "used_up": True}]
    assert not dashboard.page("health").warning
    total["used_up"] = True
    page = dashboard.page("health")
    assert "All is well" not in words(page)
    assert page.warning[0].value == f"The gateway's budget is used up{until}: requests are refused."


def test_health_without_a_usable_model_is_an_alarm(dashboard, stub):
    stub.status = [{"id": "d", "group": "g", "provider": "p", "model": "m", "state": "no key", "ttft_seconds": None}]
    dashboard.sign_in(ANN)
    assert "No model can be used" in dashboard.page("health").error[0].value


def test_signing_out_ends_the_session_and_leads_to_the_sign_in_page(dashboard):
    cookie = dashboard.sign_in(ANN)
    page = dashboard.page("main")
    press(page, "Sign out")
    assert dashboard.sessions.get(cookie) is None
    assert "You are signed out" in words(page)
    assert not page.title

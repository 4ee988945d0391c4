"""What the page asks of the gateway, with the viewer's own credential: look, check, save, go back, read again.

What the gateway refuses becomes a sentence at the place, or the problems of a trial; nothing that was typed is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from dashboard import gate, wiring
from dashboard.client import Client, JsonObject, Problem, path
from dashboard.views.config.place import Place, Return, Trial, here

ADDRESS = "/admin/config"
FRESH = 2.0  # seconds
OVERTAKEN = "Somebody else changed the configuration while you had it open, so nothing was saved."
SAVED = "Saved. The gateway serves version {version} now."
UNLIKE = "The check found nothing to change: the file says so already."


def look(*, fresh: bool = False) -> JsonObject:
    """The configuration as the gateway serves it, a moment old at most. Raises Problem."""
    place, now = here(), wiring.monotonic()
    if fresh or not place.current or now - place.asked_at > FRESH:
        session, _ = gate.signed_in()
        place.saw(session.client.get(ADDRESS), now)
    return place.current


def check(body: JsonObject) -> None:
    """Ask what a change would do; nothing is changed."""
    place = here()
    place.problem = place.done = None
    try:
        session, _ = gate.signed_in()
        answer = session.client.post(f"{ADDRESS}/check", body)
    except Problem as problem:
        refused(place, body, problem)
        return
    place.trial = trial_of(body, answer)
    if place.trial.ok and not place.trial.differences and not place.trial.diff:
        place.trial, place.done = None, UNLIKE


def trial_of(body: JsonObject, answer: JsonObject) -> Trial:
    return Trial(
        body=body,
        ok=bool(answer.get("ok")),
        problems=tuple(answer.get("problems") or ()),
        differences=tuple(answer.get("differences") or ()),
        diff=str(answer.get("diff") or ""),
        sections=dict(answer.get("sections") or {}),
    )


def look_back(version: str, row: int | None = None) -> None:
    """Ask what going back to an older version would change; nothing is changed."""
    place = here()
    place.problem = place.done = place.wanted = None
    try:
        session, _ = gate.signed_in()
        answer = session.client.post(path("admin", "config", "versions", version, "check"))
    except Problem as problem:
        refused(place, {}, problem)
        return
    place.wanted = Return(version, row, trial_of({}, answer))


def save(body: JsonObject) -> None:
    """Write the change to the file, if that is still as it was when it was opened."""
    change(body, lambda client: client.patch(ADDRESS, body, here().version))


def restore(version: str) -> None:
    """Go back to an older version."""
    address = path("admin", "config", "versions", version, "restore")
    change({}, lambda client: client.post(address, version=here().version))


def change(body: JsonObject, act: Callable[[Client], JsonObject]) -> None:
    place = here()
    place.problem = place.done = None
    session, _ = gate.signed_in()
    try:
        answer = act(session.client)
    except Problem as problem:
        refused(place, body, problem)
        return
    place.saved(answer, wiring.monotonic(), SAVED.format(version=answer.get("version")))


def read_again() -> None:
    """Have the gateway read its files now."""
    place = here()
    session, _ = gate.signed_in()
    try:
        place.saw(session.client.post(f"{ADDRESS}/reload"), wiring.monotonic())
        place.problem, place.done = None, "The file is read, and served."
    except Problem as problem:
        place.done = None
        place.problem = "The file still has mistakes." if problem.details else problem.message
        place.asked_at = float("-inf")


def refused(place: Place, body: JsonObject, problem: Problem) -> None:
    """Keep what was typed, and say why it was not taken."""
    place.asked_at = float("-inf")
    if problem.details and body:
        place.trial = Trial(body, problems=problem.details)
    elif problem.code == "version_conflict":
        with suppress(Problem):
            look(fresh=True)
        place.problem = OVERTAKEN if place.overtaken else problem.message
    else:
        place.problem = problem.message

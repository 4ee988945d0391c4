"""When a rule's times hold, as the minutes of one week: a whole number whose bit 0 is Monday, 00:00.

Pure. A range over midnight belongs to the day on which it begins; Sunday's goes on in Monday's first hours.
"""

from __future__ import annotations

from gateway.config.routing_models import DAYS, RuleWhen

DAY = 24 * 60
WEEK = 7 * DAY


def week(when: RuleWhen) -> int:
    """The minutes in which `when` holds; all of them where it names no time."""
    after, before = minutes(when.after or "00:00"), minutes(when.before or "24:00")
    length = before - after if after < before else DAY - after + before
    found = 0
    for day in when.days or DAYS:
        found |= ((1 << length) - 1) << (DAYS.index(day) * DAY + after)
    return (found | found >> WEEK) & ((1 << WEEK) - 1)


def minutes(time_of_day: str) -> int:
    """`"18:30"` as minutes since midnight; `"24:00"` is 1440."""
    hours, _, rest = time_of_day.partition(":")
    return int(hours) * 60 + int(rest)

"""What was odd about events is counted by kind, without telling whose they are."""

from datetime import timedelta

import pytest

from nurture.reports.oddities import conflicts, kind_of, oddities
from tests.support.events import MONDAY, event, form, page
from tests.support.installation import Installation

HOUR = timedelta(hours=1)


def test_warnings_are_counted_by_kind_with_the_latest_example(installation: Installation) -> None:
    for hour, junk in enumerate(["null", "undefined", "[object Object]"]):
        warning = f"anonymousId: {junk!r} names nobody and was left out"
        installation.happen(page("/a", at=MONDAY + hour * HOUR, warnings=(warning,)))
    moved = "timestamp: lies too far from now and was moved to 2026-03-02T09:00:00+00:00"
    installation.happen(event("identified", email="ana@acme.test", warnings=("traits.email: 'x@y.test' is none", moved)))
    found = oddities(installation.engine)
    assert [(each.what, each.kind, each.count) for each in found] == [
        ("warning", "anonymousId: … names nobody and was left out", 3),
        ("warning", "timestamp: lies too far from now and was moved to …", 1),
        ("warning", "traits.email: … is none", 1),
    ]  # fmt: skip
    assert (found[0].latest_at, found[0].example) == (
        MONDAY + 2 * HOUR, "page_viewed: anonymousId: '[object Object]' names nobody and was left out",
    )  # fmt: skip
    assert "y.test" not in str(found)
    assert [each.count for each in oddities(installation.engine, MONDAY + HOUR)] == [2]


@pytest.mark.parametrize(
    ("warning", "kind"),
    [
        ("userId: 'it\\'s me' names nobody", "userId: … names nobody"),
        ("longer than 128 characters", "longer than … characters"),
        ("ana@acme.test is taken", "… is taken"),
        ("plain", "plain"),
    ],
)
def test_the_like_is_one_kind(warning: str, kind: str) -> None:
    assert kind_of(warning) == kind


def test_refused_links_are_told_without_what_was_asked_for(installation: Installation) -> None:
    installation.happen(form("ana@acme.test", "a"), form("ben@acme.test", "b"))
    installation.happen(event("identified", email="ana@acme.test", user_id="u-1"))
    installation.happen(event("identified", email="ben@acme.test", user_id="u-1", at=MONDAY + HOUR))
    [found] = oddities(installation.engine)
    assert (found.what, found.kind, found.count) == (
        "refused link", "two people who are each known are not joined by an event", 1,
    )  # fmt: skip
    assert "acme.test" not in found.example
    assert str(installation.person("ana@acme.test").id) in found.example


def test_a_conflict_says_what_differs_with_addresses_hidden(installation: Installation) -> None:
    first = page("/a", message_id="same", email="ana@acme.test")
    other = first.model_copy(
        update={"email": "ben@acme.test", "context": {"page": {"path": "/b"}}, "properties": {"password": "x"}, "received_at": MONDAY + HOUR}
    )  # fmt: skip
    installation.happen(first)
    installation.happen(other)
    [found] = conflicts(installation.engine)
    assert (found.name, found.source, found.message_id) == ("page_viewed", "website", "same")
    assert [(each.part, each.stored, each.other) for each in found.differences] == [
        ("context.page.path", "/a", "/b"), ("email", "[e-mail]", "[e-mail]"), ("properties.password", None, "[secret]"),
    ]  # fmt: skip
    assert list(conflicts(installation.engine, MONDAY + 2 * HOUR)) == []


def test_nothing_is_odd(installation: Installation) -> None:
    installation.happen(page("/a"))
    assert (oddities(installation.engine), list(conflicts(installation.engine))) == ([], [])

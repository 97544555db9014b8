"""Whose something is that waits outside the database."""

from typing import Any

import pytest

from nurture.domain.erasing import Traces, named, without
from nurture.domain.event import EVENT
from nurture.domain.identity import Identifier
from tests.support.events import event

ANA = Traces(
    people=frozenset({1, 2}),
    identifiers=frozenset(
        {Identifier("email", "ana@acme.test"), Identifier("anonymous_id", "office"), Identifier("submission", "s-1")}
    ),
    messages=frozenset({40}),
)


@pytest.mark.parametrize(
    ("parts", "hers"),
    [
        ({"email": "ana@acme.test"}, True),
        ({"anonymous_id": "office"}, True),
        ({"submission": "s-1"}, True),
        ({"anonymous_id": "new", "previous_id": "office"}, True),
        ({"person": 2}, True),
        ({"person": 9, "message": 40}, True),
        ({"user_id": "u-9", "email": "ana@acme.test"}, True),
        ({"anonymous_id": "office", "email": "ben@acme.test"}, False),
        ({"anonymous_id": "phone"}, False),
        ({"user_id": "office"}, False),
        ({"person": 9, "message": 41}, False),
        ({}, False),
    ],
)
def test_an_event_is_theirs_if_it_names_them_and_nobody_else(parts: dict[str, Any], hers: bool) -> None:
    made = event("page_viewed", **parts)
    assert ANA.own(made) is hers
    assert ANA.own_body(EVENT.dump_json(made)) is hers


@pytest.mark.parametrize(
    ("body", "hers"),
    [
        (b'{"email": "Ana@Acme.test"}', True),
        (b'{"traits": [{"mail": "ana\\u0040acme.test"}]}', True),
        (b'{"email": "ana@acme.test", "broken', True),
        (b'{"email": "joana@acme.test"}', False),
        (b"\xff\x00", False),
        (b"", False),
        (b"[1, null]", False),
    ],
)
def test_what_cannot_be_read_is_theirs_if_it_holds_what_they_are_known_by(body: bytes, hers: bool) -> None:
    assert ANA.own_body(body) is hers


def test_the_word_of_the_command_line_may_be_an_address_or_an_id() -> None:
    assert named(" Ana@Acme.test ").addresses == {"ana@acme.test"}
    assert named("office").own(event("page_viewed", anonymous_id="office"))
    assert named("u-1").own(event("page_viewed", user_id="u-1"))


def test_somebody_elses_event_loses_the_address_it_named_in_vain() -> None:
    before = event(
        "identified", anonymous_id="d", user_id="u-9", email="ana@acme.test", traits={"email": "Ana@acme.test", "city": "Lyon"}
    )
    after = without(before, ANA)
    assert (after.email, after.user_id, after.anonymous_id, after.traits) == (None, "u-9", "d", {"city": "Lyon"})
    assert without(after, ANA) == after

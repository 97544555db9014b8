"""What people agree to: who has said what, and where that leaves them."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.consent import (
    Action,
    Agreement,
    Consents,
    Speaker,
    address_mark,
    after,
    standing,
    statements_in,
)
from nurture.domain.event import Event
from tests.support.events import MONDAY, event, form

ANA, HOUR = "ana@acme.test", timedelta(hours=1)

CONSENTS = Consents.model_validate({
    "purposes": {
        "marketing-email": {
            "version": "2", "wording": {"en": "Write to me.", "fr": "Écrivez-moi."}, "double_opt_in": True, "confirm": "ask",
            "topics": ["news"],
        },
        "open-tracking": {"version": "1", "wording": {"fr": "Mesurez."}},
    },
    "topics": {"news": {"en": "News"}, "guides": {"en": "Guides"}},
})  # fmt: skip

ACTIONS: tuple[Action, ...] = ("asked", "given", "confirmed", "withdrawn")
WORDS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 4).map(lambda hours: MONDAY + hours * HOUR)), max_size=6)


def ticked(purpose: str, **context: Any) -> Event:
    posted = form(ANA)
    told = {"properties": {**posted.properties, "consent": purpose, "page": "/guide"}, "context": context}
    return posted.model_copy(update=told)


def said(happened: Event, *addresses: str, **agreements: Action) -> list[tuple[str, str, str]]:
    held = {(ANA, name.replace("_", "-")): Agreement(state, MONDAY) for name, state in agreements.items()}
    speaker = Speaker(7, addresses or (ANA,), held)
    return [(each.email, each.purpose, each.action) for each in statements_in(happened, speaker, CONSENTS, "en")]


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ((), None),
        (("asked",), "asked"),
        (("given",), "given"),
        (("asked", "confirmed"), "confirmed"),
        (("confirmed", "asked"), "confirmed"),  # whoever ticks the box again need not confirm again
        (("given", "asked"), "given"),  # agreed before confirmation was asked for
        (("asked", "confirmed", "withdrawn"), "withdrawn"),
        (("asked", "withdrawn", "confirmed"), "confirmed"),  # their last word
        (("confirmed", "withdrawn", "asked"), "asked"),
        (("confirmed", "withdrawn", "given"), "given"),
    ],
)
def test_the_last_word_counts(words: tuple[Action, ...], state: Action | None) -> None:
    found = standing((word, MONDAY + number * HOUR) for number, word in enumerate(words))
    assert (found.state if found else None) == state
    assert found is None or found.allows == (state in ("given", "confirmed"))


@given(WORDS)
def test_the_order_in_which_words_are_heard_changes_nothing(words: list[tuple[Action, Any]]) -> None:
    assert len({standing(each) for each in permutations(words[:4])}) == 1


@given(WORDS)
def test_word_by_word_comes_to_the_same(words: list[tuple[Action, Any]]) -> None:
    in_order = sorted(words, key=lambda each: (each[1], ACTIONS.index(each[0])))
    agreement: Agreement | None = None
    for action, at in in_order:
        agreement = after(agreement, action, at)
    assert agreement == standing(words)


@pytest.mark.parametrize(
    ("purpose", "context", "expected"),
    [
        ("marketing-email", {"locale": "fr-CA"}, ("asked", "Écrivez-moi.", "2", "fr")),
        ("marketing-email", {"locale": "de"}, ("asked", "Write to me.", "2", "en")),
        ("marketing-email", {}, ("asked", "Write to me.", "2", "en")),
        ("open-tracking", {"locale": "en"}, ("given", "Mesurez.", "1", "fr")),
        ("unheard-of", {"locale": "en"}, ("given", None, None, None)),
    ],
)
def test_a_ticked_box_is_kept_with_what_stood_beside_it(purpose: str, context: dict[str, str], expected: Any) -> None:
    happened = ticked(purpose, **context)
    [found] = statements_in(happened, Speaker(7, (ANA,), {}), CONSENTS, "en")
    assert (found.action, found.wording, found.version, found.proof.get("language")) == expected
    assert (found.person, found.email, found.at, found.source) == (7, ANA, MONDAY, "form:guide")
    told = {"event": str(happened.key), "submission": f"s-{ANA}", "page": "/guide"}
    assert found.proof == told | ({"language": expected[3]} if expected[3] else {})


def test_a_box_that_was_not_ticked_says_nothing() -> None:
    assert said(form(ANA)) == []


def test_a_confirmation_counts_for_the_address_that_the_link_went_to() -> None:
    told = {"purpose": "marketing-email", "address": address_mark("ANA@acme.test")}
    happened = event("consent_confirmed", person=7, message=11, source="engine", properties=told)
    assert said(happened, "ana@new.test", ANA) == [(ANA, "marketing-email", "confirmed")]
    assert said(happened, "ana@new.test") == []


@pytest.mark.parametrize("name", ["unsubscribed", "email_complained"])
def test_who_leaves_takes_back_what_they_agreed_to(name: str) -> None:
    happened = event(name, person=7, source="engine")
    found = said(happened, marketing_email="confirmed", open_tracking="given", other="withdrawn")
    assert sorted(found) == [(ANA, "marketing-email", "withdrawn"), (ANA, "open-tracking", "withdrawn")]


def test_who_chooses_a_topic_by_their_own_link_agrees_to_what_it_needs() -> None:
    told = {"topics": {"news": True, "guides": True}}
    happened = event("preferences_changed", person=7, source="engine", properties=told)
    assert said(happened) == [(ANA, "marketing-email", "confirmed")]
    assert said(happened, marketing_email="withdrawn") == [(ANA, "marketing-email", "confirmed")]
    assert said(happened, marketing_email="given") == []
    assert said(happened.model_copy(update={"properties": {"topics": {"news": False, "guides": True}}})) == []


@pytest.mark.parametrize(
    ("changed", "mistake"),
    [
        ({"double_opt_in": True}, "nobody would be asked to confirm"),
        ({"confirm": "ask"}, "takes effect with 'double_opt_in: true' only"),
        ({"topics": ["nwes"]}, "unknown topic 'nwes'; did you mean 'news'?"),
        ({"wording": {}}, "at least 1 item"),
    ],
)
def test_a_purpose_that_cannot_work_is_refused(changed: dict[str, Any], mistake: str) -> None:
    purpose = {"version": "1", "wording": {"en": "Yes."}} | changed
    with pytest.raises(ValidationError, match=mistake):
        Consents.model_validate({"purposes": {"p": purpose}, "topics": {"news": {"en": "News"}}})

"""All definitions as one value: stored and read back, told apart, looked up."""

from typing import Any

import pytest
from pydantic import ValidationError

from nurture.domain.content import Form
from nurture.domain.definitions import Definitions

RAW: dict[str, Any] = {
    "scoring": {
        "half_life": "2w",
        "rules": [
            {"id": "read", "on": ["page_viewed", "screen_viewed"], "points": 2, "cap": {"hits": 3}},
            {"id": "pricing", "on": "page_viewed", "where": {"path": {"starts_with": "/pricing"}}, "points": 10},
        ],
        "fit": [
            {"id": "boss", "when": {"any": [{"title": ["CEO", "CMO"]}, {"not": {"size": {"between": [1, 9]}}}]}, "points": 5}
        ],
        "grades": {"A": 5, "B": 0},
    },
    "lifecycle": {
        "promotions": [{"id": "hot", "to": "mql", "when": {"grade": {"at_least": "A"}}}],
        "recycling": [{"id": "cooled", "from": "mql", "to": "lead", "when": {"engagement": {"below": 3}}}],
    },
    "assets": {"guide": {"title": {"fr": "Guide"}, "file": "guide.pdf", "gated": True, "link": {"expires": "1d12h"}}},
    "forms": {"guide": {"asset": "guide", "deliver": "redirect", "redirects": ["https://www.Example.com/"]}},
    "sending": {
        "sender": {"name": "Anna", "email": "anna@example.com"},
        "organisation": {"name": "Example", "address": "Paris", "privacy_url": "https://www.example.com/privacy"},
        "frequency_cap": None,
        "quiet_hours": {"hours": "20:00-08:00", "timezone": "Europe/Paris"},
    },
    "sequences": {
        "nurture": {
            "sequence": "nurture",
            "trigger": {"promoted_to": "lead", "asset": "guide"},
            "goal": {"event": "demo_requested"},
            "exit": ["unsubscribed", {"stage": "customer"}],
            "reentry": {"after": "180d"},
            "window": {"days": "mon-fri", "hours": "09:00-24:00", "holidays": "FR"},
            "steps": [
                {"id": "a", "email": "thanks", "window": "any"},
                {"id": "b", "email": "more", "window": {"hours": "22:00-02:00"}},
                {"wait": "36h"},
                {"branch": [{"if": {"stage": "mql"}, "then": [{"wait": "1d", "id": "rest"}]}, {"else": []}]},
            ],
        }
    },
}


def definitions(**change: Any) -> Definitions:
    return Definitions.model_validate({**RAW, **change})


def test_json_round_trip() -> None:
    before = definitions()
    after = Definitions.model_validate_json(before.to_json())
    assert after == before
    assert after.to_json() == before.to_json()
    assert after.versions == before.versions
    assert after.sequences["nurture"].program == before.sequences["nurture"].program


def test_the_digest_changes_with_any_definition() -> None:
    assert definitions().digest == definitions().digest
    assert definitions().digest != definitions(assets={}, forms={}).digest
    assert len(definitions().digest) == 16


def test_rules_by_event() -> None:
    by_event = definitions().rules_by_event
    assert {name: [rule.id for rule in rules] for name, rules in by_event.items()} == {
        "page_viewed": ["read", "pricing"],
        "screen_viewed": ["read"],
        "step_scored": ["read", "pricing"],  # a step of a sequence may hit any of them
    }
    assert set(definitions().rules_by_id) == {"read", "pricing"}


def test_rules_of_all_models_are_looked_up_alike() -> None:
    rule = {"id": "console", "on": "page_viewed", "points": 5}
    several = definitions(scoring={**RAW["scoring"], "models": {"cloud": {"half_life": "1w", "rules": [rule]}}})
    assert [rule.id for rule in several.rules_by_event["page_viewed"]] == ["read", "pricing", "console"]
    assert set(several.rules_by_id) == {"read", "pricing", "console"}
    assert Definitions.model_validate_json(several.to_json()) == several


def test_what_must_be_known_of_the_past() -> None:
    """Every condition about people is asked: fit, promotions, recycling, audience, exits and the arms of branches."""

    def happened(event: str, within: str | None = None) -> dict[str, Any]:
        return {"happened": {"event": event} | ({"within": within} if within else {})}

    branch = {
        "branch": [{"if": happened("e", "5d"), "then": [{"branch": [{"if": happened("f", "9d"), "then": []}]}]}, {"else": []}]
    }
    asking = definitions(
        scoring={"fit": [{"id": "x", "when": happened("a"), "points": 1}]},
        lifecycle={
            "promotions": [{"id": "up", "to": "lead", "when": happened("b", "1d")}, {"id": "on", "to": "mql", "on": "never"}],
            "recycling": [{"id": "down", "from": "mql", "to": "lead", "when": {"not": happened("b", "2d")}}],
        },
        sequences={
            "s": {
                "sequence": "s",
                "trigger": {"event": "never"},
                "audience": happened("c", "3d"),
                "exit": ["never", happened("d", "4d")],
                "steps": [branch],
            }
        },
    )
    days = {name: reach.days if reach else None for name, reach in asking.history_names.items()}
    assert days == {"a": None, "b": 2, "c": 3, "d": 4, "e": 5, "f": 9}
    assert definitions().history_names == {}


def test_each_sequence_has_its_version() -> None:
    assert set(definitions().versions) == {"nurture"}


def test_a_form_names_an_asset_that_exists() -> None:
    with pytest.raises(ValidationError) as raised:
        definitions(forms={"guide": {"asset": "giude"}})
    assert [(each["loc"], each["msg"]) for each in raised.value.errors()] == [
        (("forms", "guide", "asset"), "unknown asset 'giude'; did you mean 'guide'?")
    ]


def test_definitions_never_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        definitions().scoring = definitions().scoring  # type: ignore[misc]  # this is what is refused


@pytest.mark.parametrize(
    ("written", "kept"),
    [("https://www.example.com", "https://www.example.com"), ("HTTPS://Www.Example.com/", "https://www.example.com")],
)
def test_an_origin_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert Form.model_validate({"redirects": [written]}).redirects == (kept,)


@pytest.mark.parametrize(
    "written",
    ["www.example.com", "https://", "https://a.example/x", "https://a.example?x", "javascript:alert(1)", "https://*.example.com",
     "https://u:p@a.example", "http://[::1"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match=r"is no origin; write scheme and host alone, like https?://"):
        Form.model_validate({"redirects": [written]})

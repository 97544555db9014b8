"""The causes that are planted, each in a business that is otherwise well, and the finding that must come first for it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nurture.demo.plants.business import CHANNELS, DEFINITIONS, Business, Half, written

_LONG: Final = dict.fromkeys(("email", "job_title", "company", "phone", "budget", "country", "industry", "staff"), "required")
_SHORT: Final = {"email": "required"}
_FORMS: Final = DEFINITIONS["forms"]
_SEQUENCE: Final = DEFINITIONS["sequences"]["nurture"]


class Plant(NamedTuple):
    """A business with one thing wrong, and what of it is to blame where only a part is (a form, a channel …)."""

    business: Business
    about: str = ""


def _hot(**when: Any) -> Mapping[str, Any]:
    """The definitions with another threshold of the score."""
    promotions = [
        rule if rule["id"] != "hot" else {"id": "hot", "to": "mql", "when": when}
        for rule in DEFINITIONS["lifecycle"]["promotions"]
    ]
    return written(lifecycle={"promotions": promotions})


def _both(**changed: Any) -> Business:
    """A business that was like this in the half before, too."""
    return Business(before=Half(**changed), now=Half(**changed))


def _now(**changed: Any) -> Business:
    return Business(now=Half(**changed))


def _sequence(**changed: Any) -> Mapping[str, Any]:
    return {"sequences": {"nurture": {**_SEQUENCE, **changed}}}


#: By the rule that must find it.
PLANTS: Final[Mapping[str, Plant]] = {
    "threshold-too-low": Plant(Business(interested=0.35, definitions=_hot(engagement={"at_least": 12}, grade={"at_least": "C"})), "hot"),
    "threshold-too-high": Plant(
        Business(raises_hand=0.6, definitions=_hot(engagement={"at_least": 150}, grade={"at_least": "B"}))
    ),
    "form-asks-too-little": Plant(
        Business(guide=0.95, raises_hand=0.03, demo_after_click=0.1, definitions=written(forms={"guide": {**_FORMS["guide"], "fields": _SHORT}})), "guide"
    ),
    "offer-draws-others": Plant(Business(fits=0.1)),
    "channel-brings-others": Plant(
        _both(channels={**CHANNELS, "paid-social": 0.4})._replace(channel_fits={"paid-social": 0.03}, fits=0.9, spend={"paid-search": 120_000, "paid-social": 400_000}), "paid-social"
    ),
    "leads-do-not-qualify": Plant(Business(interested=0.01)),
    "no-calls-to-action": Plant(_both(sees_an_offer=0.02)),
    "form-broken": Plant(_now(takes={"guide": 0.0, "checklist": 0.42}), "guide"),
    "form-too-long": Plant(
        _both(takes={"guide": 0.02, "checklist": 0.42})._replace(
            definitions=written(forms={"guide": {**_FORMS["guide"], "fields": _LONG}})
        ),
        "guide",
    ),
    "form-not-convincing": Plant(_both(takes={"guide": 0.02, "checklist": 0.42}), "guide"),
    "page-leads-nowhere": Plant(Business(blind_page="/blog/the-95-5-rule"), "/blog/the-95-5-rule"),
    "traffic-falls": Plant(_now(visitors=240)),
    "awareness-fades": Plant(_now(channels={**CHANNELS, "direct": 0.05})),
    "audience-ages": Plant(_now(returning=0.75, sees_an_offer=0.9)),
    "contacts-asleep": Plant(Business(sleepers=900)),
    "one-channel": Plant(_both(channels={"organic-search": 0.96, "direct": 0.04}), "organic-search"),
    "channel-too-dear": Plant(Business(spend={"paid-search": 200_000, "paid-social": 1_500_000}), "paid-social"),
    "mail-bounces": Plant(Business(bounces=0.2)),
    "mail-unwanted": Plant(Business(unsubscribes=0.12), "nurture"),
    "sequence-without-entry": Plant(
        Business(definitions=_sequence(trigger={"promoted_to": "lead", "asset": "recording"})), "nurture"
    ),
    "leads-not-nurtured": Plant(
        Business(guide=0.15, definitions=_sequence(trigger={"promoted_to": "lead", "asset": "guide"}))
    ),
    "machine-clicks": Plant(Business(scanned=2.0)),
    "calls-fail": Plant(Business(crm_answers=500), "crm"),
    "strong-sequence-weak-handoff": Plant(
        Business(
            answers=0.15, clicks=0.6, demo_after_click=0.9,
            definitions=_sequence(steps=[{"wait": "5d"}, {"id": "case", "email": "case-study", "window": "any"}, {"wait": "3d"}]),
        ),
        "nurture",
    ),
    "sales-do-not-answer": Plant(Business(answers=0.15, demo_after_click=0.0)),
    "sales-answer-late": Plant(Business(answers_after_days=4)),
}  # fmt: skip

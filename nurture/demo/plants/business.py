"""A small business as the figures see it: how many come by which way, what they are offered, and how far they go. Nothing stands out.

Two months are played: those reported on and those before. Each figure may be another in the second half, which is the period.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

#: The articles of the site, by how much they are read.
ARTICLES: Final[Mapping[str, float]] = {
    "/blog/the-95-5-rule": 0.35, "/blog/free-or-gated": 0.25, "/blog/shared-figures": 0.22, "/blog/who-buys": 0.18,
}  # fmt: skip

#: The pages of the forms that are traded for content.
OFFERS: Final[Mapping[str, str]] = {"guide": "/guide", "checklist": "/checklist"}
DEMO_PAGE: Final = "/demo"

#: Where visits come from, as a browser tells it: the referrer, and what is added to the address.
WAYS: Final[Mapping[str, tuple[str, str]]] = {
    "direct": ("", ""),
    "organic-search": ("https://www.google.com/", ""),
    "organic-social": ("https://www.linkedin.com/", ""),
    "referral": ("https://partner.example.org/news", ""),
    "paid-search": ("https://www.google.com/", "?utm_source=google&utm_medium=cpc"),
    "paid-social": ("https://www.linkedin.com/", "?utm_source=linkedin&utm_medium=paid-social"),
}

CHANNELS: Final[Mapping[str, float]] = {
    "direct": 0.22, "organic-search": 0.3, "organic-social": 0.14, "referral": 0.12, "paid-search": 0.12, "paid-social": 0.1,
}  # fmt: skip


class Half(NamedTuple):
    """How things go in one of the two halves. Figures between 0 and 1 are chances."""

    visitors: int = 700
    channels: Mapping[str, float] = CHANNELS
    returning: float = 0.15
    """Of those who come, so many had come in the half before."""
    sees_an_offer: float = 0.38
    takes: Mapping[str, float] = {"guide": 0.42, "checklist": 0.42}
    """Who sees the page of a form sends it so often."""


class Business(NamedTuple):
    """Everything that can be otherwise about it."""

    before: Half = Half()
    now: Half = Half()
    guide: float = 0.6
    """Of the offers that are looked at, so many are the guide."""
    blind_page: str = ""
    """A page whose readers never see an offer."""
    fits: float = 0.75
    channel_fits: Mapping[str, float] = {}
    """How many fit, where it is another share than usual, by channel."""
    interested: float = 0.7
    """Of leads who fit, so many come back to compare; they are ready to buy, and most others are not."""
    raises_hand: float = 0.1
    """Of those who compare, so many ask for a demo by themselves."""
    sleepers: int = 0
    """Contacts who came long ago, and never again."""
    bounces: float = 0.01
    unsubscribes: float = 0.004
    clicks: float = 0.3
    scanned: float = 0.15
    """So many machines look at each link of a mail."""
    demo_after_click: float = 0.25
    answers: float = 0.95
    """Of the leads that sales is given, so many are answered."""
    answers_after_days: int = 0
    crm_answers: int = 200
    spend: Mapping[str, int] = {"paid-search": 240_000, "paid-social": 200_000}
    """In the two months, in hundredths."""
    definitions: Mapping[str, Any] = {}
    """Parts of the definitions that are written otherwise."""


#: Sales must answer for whoever is handed over.
_AWAITED: Final = {"within": "1d", "remind": "crm"}

_ASKED: Final = {"email": "required", "job_title": "optional", "company": "optional"}

#: What is in force, as config/ would hold it.
DEFINITIONS: Final[Mapping[str, Any]] = {
    "scoring": {
        "half_life": "30d",
        "rules": [
            {"id": "article", "on": "page_viewed", "where": {"path": {"starts_with": "/blog/"}}, "points": 1, "cap": {"hits": 3}},
            {"id": "pricing", "on": "page_viewed", "where": {"path": "/pricing"}, "points": 12, "cap": {"hits": 2}},
            {"id": "case", "on": "page_viewed", "where": {"path": "/case-study"}, "points": 8, "cap": {"hits": 2}},
            {"id": "download", "on": "asset_downloaded", "points": 15, "cap": {"hits": 1}},
        ],
        "fit": [
            {"id": "decides", "when": {"job_title": {"matches": "(?i)head"}}, "points": 40},
            {"id": "company", "when": {"company": {"exists": True}}, "points": 5},
            {"id": "student", "when": {"job_title": {"matches": "(?i)student"}}, "points": -40},
        ],
        "grades": {"A": 40, "B": 20, "C": 0, "D": -100},
    },
    "lifecycle": {
        "promotions": [
            {"id": "gated-download", "to": "lead", "on": "asset_downloaded", "where": {"gated": True}},
            {"id": "hot", "to": "mql", "when": {"engagement": {"at_least": 40}, "grade": {"at_least": "B"}}},
            {"id": "hand-raise", "to": "sql", "on": "form_submitted", "where": {"form": "demo-request"}},
            {"id": "accepted", "to": "opportunity", "on": "lead_accepted"},
        ],
        "rejections": [{"id": "not-now", "on": "lead_rejected", "to": "lead", "cool_down": "90d"}],
    },
    "assets": {
        name: {"title": {"en": name.capitalize()}, "file": f"assets/{name}.pdf", "gated": True} for name in (*OFFERS, "recording")
    },
    "forms": {
        **{name: {"asset": name, "deliver": "redirect", "fields": _ASKED} for name in OFFERS},
        "demo-request": {"fields": _ASKED},
    },
    "sending": {
        "sender": {"name": "Anna Martin", "email": "anna@example.com"},
        "organisation": {"name": "Example SAS", "address": "1 rue de la Paix, Paris", "privacy_url": "https://www.example.com/p"},
        "timezone": "UTC",
    },
    "sequences": {
        "nurture": {
            "sequence": "nurture", "trigger": {"promoted_to": "lead"}, "goal": {"event": "form_submitted", "where": {"form": "demo-request"}},
            "exit": ["unsubscribed"],
            "steps": [{"id": "thanks", "email": "thanks", "window": "any"}, {"wait": "3d"}, {"id": "case", "email": "case-study", "window": "any"}, {"wait": "3d"}],
        },
    },
    "handoff": {
        "endpoints": {"crm": {"url": "http://127.0.0.1:9/crm", "stages": ["mql", "sql"], "secret": "crm"}},
        "follow_up": {"mql": _AWAITED, "sql": _AWAITED},
    },
}  # fmt: skip


def written(**parts: Any) -> dict[str, Any]:
    """The definitions with parts of files in place of theirs: `written(forms={"guide": …})` leaves the other forms alone."""
    return {name: {**DEFINITIONS[name], **part} for name, part in parts.items()}

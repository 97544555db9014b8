"""Small definitions that tests of the flow share."""

from typing import Any

from nurture.domain.definitions import Definitions

SENDING: dict[str, Any] = {
    "sender": {"name": "Anna Martin", "email": "anna@example.com"},
    "organisation": {
        "name": "Example SAS",
        "address": "1 rue de la Paix, 75002 Paris",
        "privacy_url": "https://www.example.com/privacy",
    },
}

#: For tests in which one mail stands for many: it may go to one person again within a day.
THE_SAME_AGAIN: dict[str, Any] = {"breakers": {"same_mail": None}}

GUIDE_SEQUENCE: dict[str, Any] = {
    "sequence": "guide-nurture",
    "trigger": {"promoted_to": "lead", "asset": "guide"},
    "goal": {"event": "demo_requested"},
    "exit": ["unsubscribed", {"stage": "customer"}],
    "window": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "Europe/Paris", "holidays": "FR"},
    "steps": [
        {"id": "thanks", "email": "guide-thanks", "window": "any"},
        {"wait": "2d"},
        {"id": "case", "email": "case-study"},
        {
            "branch": [
                {"if": {"stage": "mql"}, "then": [{"id": "demo", "email": "book-a-demo"}]},
                {"else": [{"id": "reminder", "email": "case-study-reminder"}]},
            ]
        },
    ],
}

DEFINITIONS: dict[str, Any] = {
    "scoring": {
        "half_life": "30d",
        "rules": [
            {"id": "article", "on": "page_viewed", "where": {"path": {"starts_with": "/blog/"}}, "points": 2, "cap": {"hits": 3}},
            {"id": "pricing", "on": "page_viewed", "where": {"path": "/pricing"}, "points": 10, "cap": {"hits": 2}},
            {"id": "download", "on": "asset_downloaded", "points": 20},
            {"id": "careers", "on": "page_viewed", "where": {"path": "/careers"}, "points": -15, "cap": {"hits": 1, "per": "ever"}},
        ],
        "fit": [
            {"id": "decision-maker", "when": {"job_title": {"matches": "(?i)head|chief"}}, "points": 45},
            {"id": "free-mail", "when": {"email_domain": {"in": "free_mail_domains"}}, "points": -10},
        ],
    },
    "lifecycle": {
        "promotions": [
            {"id": "gated-download", "to": "lead", "on": "asset_downloaded", "where": {"gated": True}},
            {"id": "hot", "to": "mql", "when": {"all": [{"engagement": {"at_least": 35}}, {"grade": {"at_least": "B"}}]}},
            {"id": "hand-raise", "to": "sql", "on": ["demo_requested"]},
        ],
        "recycling": [{"id": "cooled", "from": "mql", "to": "lead", "when": {"engagement": {"below": 20}}}],
    },
    "assets": {"guide": {"title": {"en": "The guide"}, "file": "assets/guide.pdf", "gated": True}},
    "forms": {"guide": {"asset": "guide", "deliver": "redirect"}},
    "sending": SENDING,
    "sequences": {"guide-nurture": GUIDE_SEQUENCE},
}  # fmt: skip


def definitions(**changed: Any) -> Definitions:
    """The shared definitions, with whole parts replaced."""
    return Definitions.model_validate(DEFINITIONS | changed)


#: A sequence as in config/sequences/, for tests that edit it under people in flight.
GUIDE_FILE = """\
sequence: guide-nurture
trigger: {promoted_to: lead, asset: guide-lead-gen}
reentry: never
window: {days: mon-fri, hours: "09:00-18:00", timezone: Europe/Paris}
steps:
  - {id: thanks, email: guide-thanks, window: any}
  - {wait: 2d}
  - {id: case, email: case-study}
  - {wait: 4d}
  - {id: goodbye, email: last-word}
"""

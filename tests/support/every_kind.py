"""A sequence in which every kind of step occurs, with what it needs; a condition in it would be a script if it were not escaped."""

from typing import Any

SCRIPT = "<script>alert('x')</script>"

EVERY_KIND: dict[str, Any] = {
    "sequence": "every-kind",
    "trigger": {"date": "webinar_day", "before": "1d", "at": "09:00"},
    "audience": {"company": {"contains": SCRIPT}},
    "goal": {"event": "demo_requested", "where": {"path": "/demo"}},
    "exit": ["unsubscribed", {"stage": "customer"}],
    "late": {"then": "next_window", "after": "6h"},
    "window": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person", "holidays": "FR", "spread": "2h"},
    "steps": [
        {
            "id": "hello", "email": "case-study", "late": "skip",
            "variants": {
                "plain": {"subject": "Plain words for {{ person.first_name }}", "preheader": "Nothing else"},
                "bold": {"weight": 3, "email": "checklist"},
            },
        },
        {
            "id": "interest",
            "wait_for": {"event": ["email_clicked", "page_viewed"], "where": {"path": "/pricing"}, "message": "hello", "within": "3d"},
            "on_timeout": [{"id": "again", "email": "case-study-reminder", "window": "any"}, {"goto": "parting"}],
        },
        {
            "branch": [
                {
                    "if": {"all": [{"happened": "interest"}, {"any": [{"engagement": {"at_least": 35}}, {"grade": {"at_least": "B"}}]}]},
                    "then": [{"notify": "crm", "text": "Somebody is warm"}, {"set": {"stage": "mql"}}, {"score": "article"}],
                },
                {"if": {"happened": {"event": "webinar_attended", "within": "30d", "times": 2}}, "then": []},
                {"else": [{"sequence": "guide-nurture"}, {"wait": {"until": "mon,thu", "at": "09:00"}}]},
            ]
        },
        {
            "id": "draw",
            "branch": [
                {"share": 30, "then": [{"wait": "36h"}]},
                {"share": 20, "then": [{"wait": {"date": "webinar_day", "after": "2h", "if_missing": "continue"}}]},
            ],
        },
        {"id": "read", "pool": "reading", "exhausted": [{"goto": "end"}]},
        {"id": "parting", "email": "last-word"},
    ],
}  # fmt: skip

POOLS: dict[str, Any] = {"reading": [{"email": "case-study"}, {"email": "webinar-invite"}]}

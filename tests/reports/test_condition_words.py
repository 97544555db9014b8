"""Conditions in words."""

from datetime import timedelta
from typing import Any

import pytest

from nurture.domain.conditions import Condition, EventCondition
from nurture.reports.condition_words import condition_in_words, events_in_words, span_in_words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"any": [{"engagement": {"at_least": 35}}, {"grade": {"at_least": "B"}}]}, "engagement at least 35, or grade B or better"),
        ({"stage": "lead"}, "stage is lead"),
        ({"stage": ["mql", "sql"]}, "stage is mql or sql"),
        ({"gated": True}, "gated is true"),
        ({"company": "Example SAS"}, "company is “Example SAS”"),
        ({"company": ""}, "company is “”"),
        ({"email_domain": {"in": "free_mail_domains"}}, "email domain is one of the free mail domains"),
        ({"path": {"starts_with": "/blog/"}}, "path begins with “/blog/”"),
        ({"path": {"ends_with": ".pdf"}}, "path ends with “.pdf”"),
        ({"tags": {"contains": "b2b"}}, "tags contains “b2b”"),
        ({"job_title": {"matches": "(?i)head"}}, "job title matches “(?i)head”"),
        ({"engagement": {"above": 20, "at_most": 40.5}}, "engagement above 20 and at most 40.5"),
        ({"engagement": {"between": [20, 40]}}, "engagement from 20 to 40"),
        ({"grade": {"below": "A"}}, "grade worse than A"),
        ({"grade": {"above": "C"}}, "grade better than C"),
        ({"grade": {"at_most": "C"}}, "grade C or worse"),
        ({"grade": ["A", "B"]}, "grade is A or B"),
        ({"renewal": {"before": "2026-03-31"}}, "renewal before 2026-03-31"),
        ({"renewal": {"after": "2026-03-31"}}, "renewal after 2026-03-31"),
        ({"job_title": {"exists": True}}, "job title is known"),
        ({"job_title": {"exists": False}}, "job title is not known"),
        ({"stage": "lead", "fit": {"at_least": 20}}, "stage is lead, and fit at least 20"),
        ({"all": [{"a": 1}, {"b": 2}, {"c": 3}]}, "a is 1, b is 2, and c is 3"),
        ({"any": [{"a": 1}, {"b": 2, "c": 3}]}, "a is 1, or (b is 2, and c is 3)"),
        ({"a": 1, "any": [{"b": 2}, {"c": 3}]}, "a is 1, and (b is 2, or c is 3)"),
        ({"all": [{"a": 1}, {"all": [{"b": 2}, {"c": 3}]}]}, "a is 1, and b is 2, and c is 3"),
        ({"not": {"stage": "lead"}}, "stage is not lead"),
        ({"not": {"stage": ["mql", "sql"]}}, "stage is not mql or sql"),
        ({"not": {"job_title": {"matches": "intern"}}}, "job title does not match “intern”"),
        ({"not": {"job_title": {"exists": True}}}, "job title is not known"),
        ({"not": {"job_title": {"exists": False}}}, "job title is known"),
        ({"not": {"grade": {"at_least": "B"}}}, "grade not B or better"),
        ({"not": {"a": 1, "b": 2}}, "not (a is 1, and b is 2)"),
        ({"not": {"fit": {"above": 1, "below": 9}}}, "not (fit above 1 and below 9)"),
        ({"not": {"happened": {"event": "paid"}}}, "not (paid happened)"),
        ({"happened": "interest"}, "what step interest waited for happened"),
        ({"happened": {"event": "demo_requested"}}, "demo requested happened"),
        ({"happened": {"event": "seen", "within": "30d", "times": 2}}, "seen happened at least 2 times in the last 30 days"),
        ({"happened": {"event": "paid", "times": 0, "within": "1d12h"}}, "paid did not happen in the last 1 day and 12 hours"),
        ({"happened": {"event": ["a", "b"], "times": {"at_most": 3}}}, "a or b happened at most 3 times"),
        ({"happened": {"event": "seen", "where": {"minutes": {"at_least": 20}}}}, "seen (minutes at least 20) happened"),
    ],
)  # fmt: skip
def test_conditions_are_said_as_a_marketer_would(written: dict[str, Any], words: str) -> None:
    assert condition_in_words(Condition(written)) == words


def test_events_are_said_with_what_must_be_true_of_them() -> None:
    assert events_in_words(("demo_requested",)) == "demo requested"
    where = EventCondition({"form": "demo-request"})
    assert events_in_words(("a", "form_submitted"), where) == "a or form submitted (form is demo-request)"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=2), "2 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "1 day and 12 hours"),
        (timedelta(days=1, hours=2, minutes=30), "1 day, 2 hours and 30 minutes"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_lengths_of_time_are_written_out(length: timedelta, words: str) -> None:
    assert span_in_words(length) == words

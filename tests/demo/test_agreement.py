"""The comparison at the end of the demo: it must find every disagreement."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.demo.agreement import Evidence, disagreements
from nurture.demo.ledger import Ledger
from nurture.demo.letterbox import Mail
from nurture.reports.funnel import Funnel, SequenceFigures, StepFigures

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def mail(number: int, to: str, step: str = "thanks", at: datetime = AT) -> Mail:
    return Mail(f"<{number}@example.com>", to, at, step, "guide", "Hello", (), "http://localhost/u/x")


def ledger() -> Ledger:
    """Three readers: one of one page; one who became known, downloaded, clicked and unsubscribed; one known without script."""
    kept = Ledger()
    kept.device("page_viewed", "passer-by")
    kept.device("page_viewed", "browser")
    kept.device("page_viewed", "crawler", "machine")
    kept.person("form_submitted", "ada@example.com", device="browser")
    kept.person("asset_downloaded", "ada@example.com")
    kept.person("email_clicked", "ada@example.com")
    kept.person("email_clicked", "ada@example.com", "machine")
    kept.person("unsubscribed", "ada@example.com")
    kept.unsubscribe("ada@example.com")
    kept.quiet(AT + timedelta(days=1))
    kept.person("form_submitted", "grace@example.com")
    kept.spam = 1
    return kept


FUNNEL: dict[str, Any] = {
    "visitors": 3, "engaged": 2, "downloads": 1, "leads": 1, "enrolled": 1, "mails_sent": 2, "clicked": 1, "mqls": 0, "stages": (),
    "sequences": (SequenceFigures(sequence="guide", enrolled=2, steps=(StepFigures(step="thanks", sent=2),)),),
    "human_events": 7, "machine_events": 2, "unknown_events": 0,
}  # fmt: skip

STATUS: dict[str, Any] = {
    "stream": {"quarantined": 1, "dead_letters": 0, "partitions": [{"waiting": 0, "handed_out": 0}]},
    "store": {"messages": {"sent": 2}, "steps": {"due": 0}, "mails": {"due": 0}},
}


def evidence(**changed: Any) -> Evidence:
    """Everything agrees, but for what is changed."""
    acts = {
        ("page_viewed", "human"): 2, ("page_viewed", "machine"): 1, ("form_submitted", "human"): 2, ("asset_downloaded", "human"): 1,
        ("email_clicked", "human"): 1, ("email_clicked", "machine"): 1, ("unsubscribed", "human"): 1,
    }  # fmt: skip
    whole: dict[str, Any] = {
        "ledger": ledger(), "funnel": Funnel(**FUNNEL), "acts": acts, "suppressed": 1, "status": copy.deepcopy(STATUS),
        "mails": [mail(1, "ada@example.com"), mail(2, "grace@example.com")], "files": 2, "differing": 0,
    }  # fmt: skip
    return Evidence(**whole | changed)


def test_what_agrees_is_not_complained_of() -> None:
    assert disagreements(evidence()) == []


@pytest.mark.parametrize("name", ["visitors", "engaged", "downloads", "clicked", "mails_sent", "human_events", "machine_events"])
def test_each_figure_of_the_funnel_is_compared(name: str) -> None:
    assert disagreements(evidence(funnel=Funnel(**{**FUNNEL, name: FUNNEL[name] + 1})))


@pytest.mark.parametrize("lost", [("page_viewed", "human"), ("email_clicked", "machine")])
def test_an_event_counted_twice_lost_or_invented_is_found(lost: tuple[str, str]) -> None:
    acts = dict(evidence().acts)
    assert disagreements(evidence(acts={**acts, lost: acts[lost] + 1}))
    assert disagreements(evidence(acts={**acts, lost: 0}))
    assert disagreements(evidence(acts={**acts, ("page_viewed", "unknown"): 1}))


@pytest.mark.parametrize(
    "path", ["stream.quarantined", "stream.dead_letters", "store.messages.sent", "store.steps.due", "store.mails.due"]
)
def test_each_figure_of_status_is_compared(path: str) -> None:
    told = copy.deepcopy(STATUS)
    *outer, last = path.split(".")
    place = told
    for name in outer:
        place = place[name]
    place[last] += 1
    assert disagreements(evidence(status=told))


def test_events_left_in_the_stream_are_found() -> None:
    told = copy.deepcopy(STATUS)
    told["stream"]["partitions"][0]["handed_out"] = 1
    assert disagreements(evidence(status=told))


@pytest.mark.parametrize(
    "mails",
    [
        pytest.param([mail(1, "ada@example.com")], id="one is missing"),
        pytest.param([mail(1, "ada@example.com"), mail(1, "grace@example.com")], id="one came twice"),
        pytest.param([mail(1, "ada@example.com"), mail(2, "ada@example.com")], id="a step came twice"),
        pytest.param(
            [mail(1, "ada@example.com"), mail(2, "grace@example.com", "other")], id="a step that the funnel does not know"
        ),
        pytest.param(
            [mail(1, "ada@example.com", at=AT + timedelta(days=2)), mail(2, "grace@example.com")],
            id="to somebody who had unsubscribed",
        ),
    ],
)
def test_mails_are_compared_one_by_one(mails: list[Mail]) -> None:
    assert disagreements(evidence(mails=mails))


@pytest.mark.parametrize("changed", [{"files": 3}, {"suppressed": 0}, {"differing": 1}])
def test_files_suppressions_and_the_recomputation_are_compared(changed: dict[str, int]) -> None:
    (disagreement,) = disagreements(evidence(**changed))
    assert "expected" in str(disagreement)


@pytest.mark.parametrize("status", ["uncertain", "failed"])
def test_a_mail_that_failed_is_a_disagreement(status: str) -> None:
    step = StepFigures(step="thanks", sent=2, **{status: 1})
    sequences = (SequenceFigures(sequence="guide", enrolled=2, steps=(step,)),)
    assert disagreements(evidence(funnel=Funnel(**{**FUNNEL, "sequences": sequences})))


def test_two_devices_are_two_people_until_both_have_shown_the_address() -> None:
    kept = Ledger()
    for device in ("phone", "laptop"):
        kept.device("page_viewed", device)
    assert (kept.visitors, kept.engaged) == (2, 0)
    kept.person("form_submitted", "ada@example.com", device="laptop")
    assert (kept.visitors, kept.engaged) == (2, 1)
    kept.person("form_submitted", "ada@example.com", device="phone")
    assert (kept.visitors, kept.engaged) == (1, 1)
    assert kept.most_attached() == "ada@example.com"

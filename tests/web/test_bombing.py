"""Somebody posts somebody else's address to forms, again and again: few mails reach that mailbox, and everybody else is served."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nurture.reports.quarantined import set_aside
from nurture.reports.why_not import why_not
from tests.support.definitions import SENDING, definitions
from tests.support.smtp import SmtpSink
from tests.web.newsletter import Newsletter, made, newsletter_on

#: As many as are allowed by default.
MOST = 10
FORMS = 12


def many_forms() -> dict[str, object]:
    """A form and a sequence behind it, a dozen times: what a large site offers."""
    names = [f"offer-{number}" for number in range(FORMS)]
    return {
        "forms": {name: {"fields": {"email": "required"}} for name in names},
        "sequences": {
            name: {
                "sequence": name, "trigger": {"form": name},
                "steps": [{"id": "first", "email": "guide-thanks" if int(name[6:]) % 2 else "welcome-subscriber", "window": "any"}],
            }
            for name in names
        },
    }  # fmt: skip


@pytest.fixture
def offers(migrated_engine: Engine, redis_url: str, tmp_path: Path, smtp_sink: SmtpSink) -> Iterator[Newsletter]:
    with newsletter_on(migrated_engine, redis_url, tmp_path, smtp_sink, definitions(**many_forms())) as begun:
        yield begun


def mailed(newsletter: Newsletter) -> list[str]:
    return [mail.message["to"] for mail in newsletter.installation.sink.mails]


def test_one_mailbox_by_many_addresses(offers: Newsletter) -> None:
    """Fifty people to us, one to Ana: no more mails than posts are allowed, and a neighbour gets theirs."""
    for number in range(50):
        dots = "a.na" if number % 2 else "ana"
        answer = offers.web.client.post("/f/offer-0", data={"email": f"{dots}+{number}@gmail.com"})
        assert answer.status_code == 303, "whoever posts learns nothing"
    assert offers.web.client.post("/f/offer-0", data={"email": "neighbour@gmail.com"}).status_code == 303
    offers.work()
    assert len(mailed(offers)) == MOST + 1
    assert "neighbour@gmail.com" in mailed(offers)
    entries = offers.web.quarantined()
    assert len(entries) == 50 - MOST
    assert {entry[b"reasons"] for entry in entries} == {json.dumps(["mailbox"]).encode()}


def test_one_address_over_all_forms(offers: Newsletter) -> None:
    """Every form of the site, for a week: the caps per person hold, and nothing is put off for weeks that a form has caused."""
    web = offers.web
    for _ in range(7):
        for number in range(FORMS):
            web.client.post(f"/f/offer-{number}", data={"email": "ana@example.com"})
            web.client.post(f"/f/offer-{number}", data={"email": "ana@example.com"})
        offers.work()
        offers.installation.later(days=1)
    cap = SENDING.get("frequency_cap", {"messages": 3})
    assert len(mailed(offers)) <= cap["messages"] * 2


def test_a_confirmation_is_asked_for_once(
    migrated_engine: Engine, redis_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> None:  # fmt: skip
    """Whoever ticks the box in somebody's name again and again has them asked once; by other addresses, a bounded number of times."""
    with newsletter_on(migrated_engine, redis_url, tmp_path, smtp_sink, made()) as begun:
        for number in range(30):
            begun.web.client.post("/f/news", data={"email": "ana@example.com", "consent": "on", "other": str(number)})
            begun.web.client.post("/f/news", data={"email": f"ben+{number}@example.com", "consent": "on"})
        begun.work()
        assert mailed(begun).count("ana@example.com") == 1
        assert len(mailed(begun)) == 1 + MOST
        begun.installation.later(days=1)
        begun.work()
        assert len(mailed(begun)) == 1 + MOST


def test_the_next_day_the_mailbox_may_be_named_again(offers: Newsletter) -> None:
    for number in range(MOST + 1):
        offers.web.client.post("/f/offer-0", data={"email": f"ana+{number}@example.com"})
    assert len(offers.web.quarantined()) == 1
    offers.installation.later(days=1)
    offers.web.client.post("/f/offer-0", data={"email": "ana+last@example.com"})
    assert len(offers.web.quarantined()) == 1


def test_a_second_click_counts_once(offers: Newsletter) -> None:
    for _ in range(3 * MOST):
        offers.web.client.post("/f/offer-0", data={"email": "ana@example.com"})
    assert offers.web.quarantined() == []


def test_why_not_tells_of_it(offers: Newsletter) -> None:
    for number in range(MOST + 2):
        offers.web.client.post("/f/offer-0", data={"email": f"ana+{number}@example.com"})
    offers.work()
    installation = offers.installation
    unknown = why_not(
        installation.engine, installation.definitions, f"ana+{MOST}@example.com", "offer-0", installation.clock.now()
    )
    assert unknown.person is None
    (finding,) = set_aside(offers.web.redis, f"ana+{MOST}@example.com")
    assert finding.code == "quarantined"
    assert finding.text.startswith("2 form posts with this address lie in quarantine")
    assert "breakers.form_posts" in finding.text
    assert set_aside(offers.web.redis, "neighbour@example.com") == []

"""A case written from a real story: here the stories are played, so that every kind of act and every difference occurs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from nurture.adapters.calendar import is_holiday
from nurture.definitions.document import read
from nurture.definitions.validation import validate
from nurture.domain.cases.case import CasesFile
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.identity import Identifier
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import Refused
from nurture.simulation.cases.playing import Ground, play
from nurture.simulation.cases.recorded import RealEvent, RealMail, RealRun, Recorded
from nurture.simulation.cases.recording import Recording, record
from nurture.simulation.engine import Simulation
from tests.support.both_ways import kind_of_agent
from tests.support.cases import LATER, WIDER, wider
from tests.support.definitions import GUIDE_SEQUENCE
from tests.support.events import MONDAY, download, event, form, page

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ANA = "ana.real@acme.test"


class Life:
    """Somebody's real story, lived on the simulator."""

    def __init__(self, definitions: Definitions, email: str = ANA) -> None:
        self.definitions, self.email = definitions, email
        self.simulation = Simulation(definitions, MONDAY, is_holiday, kind_of_agent)

    def happen(self, *happened: Event) -> None:
        for each in happened:
            self.simulation.take([each])
            self.simulation.run(each.received_at)

    def in_mail(self, name: str, step: str, at: Any, agent: str | None = "Mozilla/5.0", **parts: Any) -> Event:
        mail = next(each for each in self.simulation.memory.mails.values() if each.planned.step == step)
        context = {"userAgent": agent} if agent else {}
        return event(name, at, person=mail.person, message=mail.planned.id, source="engine", context=context, **parts)

    def recorded(self, until: timedelta) -> Recorded:
        self.simulation.run(MONDAY + until)
        memory = self.simulation.memory
        person = memory.root(memory.holdings[Identifier("email", self.email)].person)
        assert person is not None
        sent = [(id_, mail) for id_, mail in memory.mails.items() if mail.status == MessageStatus.SENT]
        return Recorded(
            MONDAY + until, person.email, person.stage, {name: told.value for name, told in person.attributes.items()},
            sorted((RealEvent(each.event, each.verdict) for each in memory.log.values()), key=lambda each: each.event.occurred_at),
            [RealMail(id_, mail.planned.step, memory.runs[mail.planned.enrollment].sequence, mail.sent_at) for id_, mail in sent if mail.sent_at],
            [RealRun(run.sequence, run.ended_at, run.reason) for run in memory.runs.values()],
        )  # fmt: skip

    def record(self, until: timedelta = 20 * DAY) -> Recording:
        return record(self.recorded(until), Ground(self.definitions, is_holiday, kind_of_agent))


def acts(recording: Recording) -> list[dict[str, Any]]:
    return [dict(act) for act in parsed(recording)["given"]]


def parsed(recording: Recording) -> dict[str, Any]:
    """The case as plain values; reading it finds no mistake, and it passes."""
    document, flaws = read(recording.text.encode())
    assert document is not None
    assert flaws == []
    validated = validate(CasesFile, document)
    assert validated.flaws == []
    assert validated.value is not None
    assert play(validated.value.cases[0], Ground(wider(), is_holiday, kind_of_agent)).failures == ()
    case: dict[str, Any] = document.plain()["cases"][0]
    return case


def posted(at: Any = MONDAY, email: str = ANA, **traits: Any) -> list[Event]:
    return [form(email, at=at, **traits), download(email, at + MINUTE / 4)]


def test_every_kind_of_act_is_told() -> None:
    life = Life(wider())
    life.happen(
        *posted(),
        event("identified", MONDAY + HOUR, kind="identify", email=ANA, assurance="verified", traits={"webinarDay": "2026-03-12"}),
        event("trial_started", MONDAY + 2 * HOUR, email=ANA, assurance="verified", properties={"secret": "x"}),
        event("enroll_requested", MONDAY + 3 * HOUR, email=ANA, assurance="verified", properties={"sequence": "later"}),
    )
    life.happen(
        life.in_mail(
            "email_clicked", "thanks", MONDAY + 4 * HOUR, properties={"url": "https://x.test/a/token", "path": "/a/token"}
        ),
        life.in_mail("email_clicked", "thanks", MONDAY + 5 * HOUR, None, properties={"url": "https://x.test/b", "path": "/b"}),
        life.in_mail("email_opened", "thanks", MONDAY + 6 * HOUR),
        life.in_mail("asset_downloaded", "thanks", MONDAY + 7 * HOUR, properties={"asset": "guide", "gated": True}),
        page("/pricing", at=MONDAY + 8 * HOUR),
        event("lead_rejected", MONDAY + 9 * HOUR, email=ANA, assurance="verified", properties={"reason": "Ana has no budget"}),
        life.in_mail("unsubscribed", "hello", MONDAY + 10 * HOUR),
    )
    recording = life.record()
    assert recording.unlike == ()
    assert acts(recording) == [
        {"at": "0s", "form": "guide", "fields": {"consent": False}},
        {"at": "1h", "identify": {"webinar_day": "2026-03-12"}},
        {"at": "2h", "event": "trial_started", "by": "server"},
        {"at": "3h", "enroll": "later"},
        {"after": "guide-nurture/thanks", "in": "3h59m45s", "click": "guide-nurture/thanks"},
        {"after": "guide-nurture/thanks", "in": "4h59m45s", "click": "guide-nurture/thanks", "to": "/b", "by": "machine"},
        {"after": "guide-nurture/thanks", "in": "6h59m45s", "download": "guide", "from": "guide-nurture/thanks"},
        {"at": "8h", "page": "/pricing"},
        {"at": "9h", "reject": "not now"},
        {"after": "later/hello", "in": "7h", "unsubscribe": True},
    ]
    assert parsed(recording)["expect"]["mails"][0] == {"step": "guide-nurture/thanks", "at": "0m"}
    assert "real" not in recording.text.replace("really", "")


def test_a_download_that_came_later_stands_by_itself() -> None:
    life = Life(wider())
    life.happen(form(ANA, at=MONDAY), download(ANA, MONDAY + HOUR), download(ANA, MONDAY + 2 * HOUR))
    told = acts(life.record())
    assert [(act["at"], act.get("downloads"), act.get("download")) for act in told] == [
        ("0s", False, None), ("1h", None, "guide"), ("2h", None, "guide"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("email", "kept"),
    [("ana.real@gmail.com", "person-1@gmail.com"), ("ana.real@acme.test", "person-1@example.com")],
)
def test_the_domain_of_an_address_stays_if_a_rule_may_ask_for_it(email: str, kept: str) -> None:
    life = Life(wider(), email)
    life.happen(*posted(email=email))
    assert parsed(life.record())["person"]["email"] == kept


def test_what_people_told_stays_only_if_a_rule_asks_for_it() -> None:
    life = Life(wider())
    life.happen(*posted(job_title="Head of Sales", company="Real SAS", shoe_size=43, note="Call me\nat home"))
    case = parsed(life.record())
    assert case["person"] == {"email": "person-1@example.com", "job_title": "Head of Sales", "company": "Example SAS"}


def test_draws_fall_as_they_really_did() -> None:
    """Who somebody is decides a share; of as many people as you like, each is recorded with their own."""
    split = {
        **LATER,
        "steps": [
            {
                "branch": [
                    {"share": 30, "then": [{"id": "one", "email": "welcome"}]},
                    {"else": [{"id": "two", "email": "last-word"}]},
                ]
            }
        ],
    }
    definitions = Definitions.model_validate(WIDER | {"sequences": {"guide-nurture": GUIDE_SEQUENCE, "later": split}})
    seen = set()
    for number in range(12):
        life = Life(definitions, f"real-{number}@acme.test")
        asked = {"email": life.email, "assurance": "verified", "message_id": f"draw-{number}"}
        life.happen(event("enroll_requested", MONDAY, properties={"sequence": "later"}, **asked))
        recording = life.record(DAY)
        assert recording.unlike == ()
        seen |= {step for step in ("one", "two") if f"later/{step}" in recording.text}
    assert seen == {"one", "two"}


def changed(recorded: Recorded, **parts: Any) -> Recorded:
    return recorded._replace(**parts)


def told(recorded: Recorded) -> Sequence[str]:
    return record(recorded, Ground(wider(), is_holiday, kind_of_agent)).unlike


def test_what_came_out_differently_is_told_and_not_expected() -> None:
    life = Life(wider())
    life.happen(*posted())
    real = life.recorded(20 * DAY)
    thanks, *others = real.mails
    late = changed(real, mails=[thanks, *(mail._replace(sent_at=mail.sent_at + DAY) for mail in others)])
    assert told(late)[0].startswith("mail case: really Thu 5 Mar")
    assert told(changed(real, mails=[thanks])) == ("mails: really thanks, in the case thanks, case, reminder",)
    assert told(changed(real, stage="customer")) == ("stage: really customer, in the case lead",)
    run = RealRun("guide-nurture", MONDAY + DAY, "by hand")
    assert told(changed(real, runs=[run])) == ("guide-nurture: really over (by hand), in the case not so",)
    assert told(changed(real, others=2)) == (
        "they were 3 people before they were known to be one; in the case they are one from the beginning",
    )
    with pytest.raises(Refused, match="all of it comes out differently"):
        told(changed(real, mails=[thanks], stage="customer", runs=[run]))
    with pytest.raises(Refused, match="nothing is known of what they did"):
        told(changed(real, events=[]))


def test_acts_that_the_definitions_no_longer_know_are_told() -> None:
    life = Life(wider())
    gone = form(ANA, at=MONDAY).model_copy(update={"properties": {"form": "gone"}})
    old = download(ANA, MONDAY + HOUR).model_copy(update={"properties": {"asset": "gone", "gated": True}})
    off = event("enroll_requested", MONDAY + 2 * HOUR, email=ANA, assurance="verified", properties={"sequence": "gone"})
    life.happen(
        gone, old, off, event("page_viewed", MONDAY + 3 * HOUR, anonymous_id="device-1"), page("/x", at=MONDAY + 4 * HOUR)
    )
    assert life.record().unlike[:4] == (
        "0s: form_submitted (there is no form 'gone' any more)",
        "1h: asset_downloaded (there is no asset 'gone' any more)",
        "2h: enroll_requested (there is no sequence 'gone' any more)",
        "3h: page_viewed (which page is not known)",
    )

"""Do the figures agree? What the crowd did, what the database tells, what `nurture status` says, and the mails in the folder."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select

from nurture.adapters.database.tables import events, suppressions
from nurture.demo.ledger import Ledger
from nurture.demo.letterbox import Mail
from nurture.domain.event import UNSUBSCRIBED
from nurture.reports.funnel import Funnel
from nurture.reports.reading import snapshot

#: Values of two sources for each thing that they can differ in.
Figures = Mapping[Any, int]


class Disagreement(NamedTuple):
    """One figure that two sources tell differently."""

    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


class Evidence(NamedTuple):
    """Everything that is compared. `acts` counts stored events by name and verdict, `status` is what the command printed."""

    ledger: Ledger
    funnel: Funnel
    acts: Figures
    suppressed: int
    status: Mapping[str, Any]
    mails: list[Mail]
    files: int
    differing: int


def stored_acts(database: Engine) -> Figures:
    """The events in the database by name and verdict."""
    with snapshot(database) as connection:
        rows = connection.execute(select(events.c.name, events.c.verdict, func.count()).group_by(events.c.name, events.c.verdict))
        return {(name, verdict): count for name, verdict, count in rows}


def suppressed(database: Engine) -> int:
    """How many addresses are suppressed because their owners unsubscribed."""
    with snapshot(database) as connection:
        return connection.scalar(select(func.count()).where(suppressions.c.reason == UNSUBSCRIBED)) or 0


def disagreements(evidence: Evidence) -> list[Disagreement]:
    """Every figure that two sources tell differently; none is as it should be."""
    return [each for each in _compared(evidence) if each.expected != each.found]


def _compared(evidence: Evidence) -> Iterator[Disagreement]:
    ledger, funnel = evidence.ledger, evidence.funnel
    for name, verdict in sorted(set(ledger.acts) | set(evidence.acts)):
        what = f"events {name} by {verdict}s (the crowd did, the database has)"
        yield Disagreement(what, ledger.acts[name, verdict], evidence.acts.get((name, verdict), 0))
    yield Disagreement("visitors (the crowd, the funnel)", ledger.visitors, funnel.visitors)
    yield Disagreement("engaged (the crowd, the funnel)", ledger.engaged, funnel.engaged)
    yield Disagreement("people with a download (the crowd, the funnel)", ledger.downloaders, funnel.downloads)
    yield Disagreement("people with a click (the crowd, the funnel)", ledger.clickers, funnel.clicked)
    yield Disagreement("human events (the crowd, the funnel)", ledger.total("human"), funnel.human_events)
    yield Disagreement("machine events (the crowd, the funnel)", ledger.total("machine"), funnel.machine_events)
    yield Disagreement("unsubscribed addresses (the crowd, the database)", len(ledger.unsubscribed), evidence.suppressed)
    yield from _mails(evidence)
    yield from _status(evidence)
    yield Disagreement("differences found by verify", 0, evidence.differing)


def _mails(evidence: Evidence) -> Iterator[Disagreement]:
    funnel, mails = evidence.funnel, evidence.mails
    yield Disagreement(".eml files (the funnel, the folder)", funnel.mails_sent, evidence.files)
    by_step = Counter((mail.sequence, mail.step) for mail in mails)
    for sequence in funnel.sequences:
        for step in sequence.steps:
            what = f"mails of {sequence.sequence}, {step.step} (the funnel, the folder)"
            yield Disagreement(what, step.sent, by_step.pop((sequence.sequence, step.step), 0))
            yield Disagreement(
                f"mails of {sequence.sequence}, {step.step} that are uncertain or failed", 0, step.uncertain + step.failed
            )
    yield Disagreement("mails of steps that the funnel does not know", 0, by_step.total())
    yield Disagreement("mails sent twice", 0, len(mails) - len({mail.message_id for mail in mails}))
    twice = Counter((mail.to, mail.sequence, mail.step) for mail in mails)
    yield Disagreement("people who got a step twice", 0, sum(count > 1 for count in twice.values()))
    left = evidence.ledger.unsubscribed
    late = sum(mail.to in left and mail.at > left[mail.to] for mail in mails)
    yield Disagreement("mails to people who had unsubscribed", 0, late)


def _status(evidence: Evidence) -> Iterator[Disagreement]:
    """What `nurture status --json` printed."""
    stream, store = evidence.status["stream"], evidence.status["store"]
    yield Disagreement("mails sent (the funnel, status)", evidence.funnel.mails_sent, store["messages"].get("sent", 0))
    yield Disagreement("quarantined posts (the crowd, status)", evidence.ledger.spam, stream["quarantined"])
    yield Disagreement("dead letters (status)", 0, stream["dead_letters"])
    yield Disagreement(
        "events left in the stream (status)", 0, sum(each["waiting"] + each["handed_out"] for each in stream["partitions"])
    )
    yield Disagreement("steps and mails left over (status)", 0, store["steps"]["due"] + store["mails"]["due"])

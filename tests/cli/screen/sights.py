"""What there may be to see: a healthy engine, a sick one, one of which nothing is known, and one full of what people typed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.reports.alarms import RaisedAlarm
from nurture.reports.braking import WarmingUp
from nurture.reports.facts import Backlog, Due, Migrations, Running, Store, Stream, Worker
from nurture.reports.mailing import Family, Fares, Mailing
from nurture.reports.problems import Problem
from nurture.reports.status import Status
from nurture.reports.watching import Facts, Flow, HeldNow, LogLine

AT = datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)

#: Clears the screen, and turns what follows around.
EVIL = "\x1b[2J\x1b]0;x\x07\u202ecod.exe\x9b1m\r\n"


def worker(number: int, **told: Any) -> Worker:
    queues = ("events", "sequences") if number % 2 else ("handoff", "mail")
    given = {
        "name": f"w.{number}@h{number}", "host": f"h{number}", "pid": 4_000 + number, "queues": queues, "concurrency": 2,
        "started": AT - timedelta(hours=5), "seen": AT, "busy": 0.42, "memory": 210 << 20, "restarts": 0,
        "tasks": (Running(task="absorb", since=AT.timestamp() - 3, batch=12, about="3", rows=5_500),) if number % 2 else (),
    }  # fmt: skip
    return Worker.model_validate({**given, **told})


def stream(partitions: int = 4, workers: int = 2, **told: Any) -> Stream:
    given: dict[str, Any] = {
        "workers": [worker(number) for number in range(1, workers + 1)], "beat_seconds": 0.4,
        "partitions": [Backlog(partition=number, waiting=0, handed_out=0, oldest_seconds=None) for number in range(partitions)],
        "dead_letters": 0, "quarantined": 2,
    }  # fmt: skip
    return Stream.model_validate({**given, **told})


def store(**told: Any) -> Store:
    nothing = Due(due=0, overdue=0, overdue_seconds=None, next_due=AT + timedelta(hours=2))
    given: dict[str, Any] = {
        "migrations": Migrations(revision="0004", newest="0004"), "definitions": None, "people": {"lead": 1_203, "audience": 8_000},
        "enrollments": {"active": 20, "waiting": 900}, "steps": nothing, "messages": {"queued": 12, "sent": 4_031, "skipped": 3},
        "mails": nothing, "uncertain_lately": 0, "alarms": (), "brakes": (), "warm_ups": (), "handoffs": {}, "calls": nothing,
    }  # fmt: skip
    return Store.model_validate({**given, **told})


def flow(now: float | None = 12.3) -> dict[str, Flow]:
    line = tuple([None] * 20 + [float(number % 7) for number in range(40)])
    return {name: Flow(now=now, minute=11.4, ten_minutes=9.0, line=line) for name in ("in", "absorbed", "advanced", "sent")}


def mailing(families: int = 2, sequences: int = 2) -> Mailing:
    return Mailing(
        families=tuple(Family(family=f"family{n}", queued=80 - n, sent=1_204, bounced=4, complained=1) for n in range(families)),
        capped=False,
        sequences=tuple(Fares(sequence=f"sequence-{n}", sent=4_031, bounced=12 * n, complained=n) for n in range(sequences)),
        within=timedelta(days=7), complaints_limit=0.003, bounces_limit=0.05, least=3,
    )  # fmt: skip


def facts(**told: Any) -> Facts:
    found = stream()
    status = Status(verdict="healthy", problems=(), at=AT, stream=found, store=store())
    given: dict[str, Any] = {
        "at": AT, "interval": 1.0, "status": status, "status_age": 0.3, "stream": found, "flow": flow(), "warnings": (),
        "mailing": mailing(),
    }  # fmt: skip
    return Facts.model_validate({**given, **told})


def problem(code: str, what: str, command: str | None, *, down: bool = False) -> Problem:
    return Problem(
        code=code, what=what, remedy="see to it; if that does not help, its log says more than this", command=command, down=down
    )


def sick() -> Facts:
    found = stream(
        partitions=24, workers=9, dead_letters=3, beat_seconds=95.0,
    )  # fmt: skip
    partitions = [
        Backlog(partition=number, waiting=12_345 if number == 17 else 0, handed_out=500, oldest_seconds=4_000.0)
        for number in range(24)
    ]
    found = found.model_copy(update={"partitions": tuple(partitions)})
    late = Due(due=23_456, overdue=999_999, overdue_seconds=7_200.0, next_due=None)
    alarm = RaisedAlarm(id=1, kind="surge", about="all mail", text="much", at=AT, seen_at=None, remedy="see")
    kept = store(
        steps=late, mails=late, alarms=[alarm], messages={"queued": 1_234_567, "sending": 8, "sent": 98_765_432, "failed": 12, "uncertain": 3},
        warm_ups=[WarmingUp(transport="relay", quota=200, sent=120, reason=None)],
    )  # fmt: skip
    problems = (
        problem("queue-unserved", "nobody serves the queue mail", "nurture worker --queues mail", down=True),
        problem("beat-silent", "beat has not ticked for 95 s", "nurture beat"),
        problem("dead-letters", "3 dead letters", "nurture dead list"),
    )
    status = Status(verdict="down", problems=problems, at=AT, stream=found, store=kept)
    warned = [
        LogLine(at=AT - timedelta(seconds=n), process="worker mail,handoff", host="h1", pid=1, level="warning" if n % 2 else "error",
                text="send stopped why=the mail server does not answer" if n % 3 else f"a step cannot be taken {n}")
        for n in range(20)
    ]  # fmt: skip
    held = [HeldNow(what="the queue mail", how="paused", since=AT - timedelta(minutes=3), reason="a provider is down " * 5)]
    return facts(
        status=status, stream=found, status_age=12.0, warnings=warned, mailing=mailing(12, 9), held=held, flow=flow(123_456.0)
    )


def blind() -> Facts:
    """Redis and the database are away."""
    problems = (
        problem("redis-away", "Redis does not answer (ConnectionError)", "nurture doctor --only redis", down=True),
        problem("database-away", "the database does not answer", "nurture doctor --only database", down=True),
    )
    status = Status(verdict="down", problems=problems, at=AT, stream=None, store=None)
    return facts(status=status, stream=None, flow={}, mailing=None, since_redis=75.0)


def evil() -> Facts:
    """Whatever people typed stands wherever it can."""
    found = stream(workers=0).model_copy(
        update={
            "workers": (worker(1, host=EVIL, queues=(EVIL, "漢字" * 20), tasks=(Running(task=EVIL, since=0.0, about=EVIL),)),)
        }
    )
    mails = mailing().model_copy(
        update={
            "families": (Family(family="漢字" * 30, queued=1, sent=0, bounced=0, complained=0), Family(family=EVIL, queued=1, sent=0, bounced=0, complained=0)),
            "sequences": (Fares(sequence=EVIL * 5, sent=1, bounced=1, complained=1),),
        }
    )  # fmt: skip
    status = Status(
        verdict="degraded",
        problems=(problem("odd", EVIL + "[red]x[/red]" + "漢" * 90, EVIL),),
        at=AT,
        stream=found,
        store=store(messages={EVIL: 3}),
    )
    warned = [LogLine(at=AT, process=EVIL, host=EVIL, pid=1, level=EVIL, text=f"[bold]{EVIL}" * 9)]
    held = [HeldNow(what=EVIL, how=EVIL, since=AT, reason=EVIL)]
    return facts(status=status, stream=found, warnings=warned, mailing=mails, held=held)


SIGHTS = {"healthy": facts, "sick": sick, "blind": blind, "evil": evil}

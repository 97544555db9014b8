"""From a form that somebody sends to the mail that answers it, at the mail server: the engine and the twin, idle and at half load.

Whoever sends the form is mailed at once: the engine absorbs the form, takes the first step of a sequence and sends; the twin's task for
the form publishes one for the mail. Half load is half of the events a second that each keeps up by itself (`sustained.py`). A form counts
from the instant at which it was to leave, a mail until its last byte is at the server; the letters are those of `letter.py`.
"""

import shutil
import smtplib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from pydantic import SecretStr

from benchmarks import letter, whole
from benchmarks.breakdown import Breakdown
from benchmarks.figure import Figure, Goal, Runs
from benchmarks.laboratory import HERE, Laboratory, await_port, same
from benchmarks.openload import percentile
from benchmarks.sustained import ask, kept_up
from benchmarks.whole import Whole
from tests.support.waiting import free_port, wait_until

#: Forms a second, and for how many seconds before anything counts.
FORMS: Final = 10.0
_WARM_UP: Final = 3.0

#: How long the load goes on around the forms, in seconds.
_MARGIN: Final = 4.0
_PATIENCE: Final = 120.0

_FORM: Final = """
forms:
  letter: {fields: {email: required, first_name: optional}}
"""

_SEQUENCE: Final = """
sequence: letters
trigger: {form: letter}
steps:
  - {id: letter, email: letter, window: any}
"""


#: What the engine's database says of a form: when the web process had it, and when absorb began with the batch that it came in.
_MOMENTS: Final = """
SELECT people.email, extract(epoch FROM events.received_at), extract(epoch FROM messages.planned_at)
FROM messages JOIN people ON people.id = messages.person_id JOIN events ON events.person_id = people.id
WHERE events.name = 'form_submitted'
"""


@dataclass(frozen=True)
class Delays:
    """Milliseconds of each form, in ascending order: while nothing else is to do, and at half load. `stages` are those at half load, of
    the stretches of its way.
    """

    idle: list[float]
    half: list[float]
    stages: dict[str, list[float]] = field(default_factory=dict)

    @property
    def made_of(self) -> Breakdown:
        """The stretches of the way at half load. Percentiles do not add up: another form is the slowest on each."""
        told = {name: (percentile(each, 50), percentile(each, 99)) for name, each in self.stages.items()}
        return Breakdown(("p50, ms", "p99, ms"), told)


class Arrivals:
    """What the sink has, as its parent sees it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def by_recipient(self) -> list[tuple[str, float]]:
        """The instant of each mail (`time.monotonic`) beside whom it went to."""
        with smtplib.SMTP("127.0.0.1", self.port, "benchmark") as connection:
            _, told = connection.docmd("XTIMES")
        lines = [line.split() for line in told.decode().splitlines()[:-1]]
        return [(recipient, float(came)) for came, recipient in lines]

    def number(self) -> int:
        return len(self.by_recipient())


@contextmanager
def _sink(laboratory: Laboratory) -> Iterator[Arrivals]:
    arrivals = Arrivals(free_port())
    with laboratory.process("benchmarks.sink", str(arrivals.port), environ={}) as process:
        await_port(process, arrivals.port)
        yield arrivals


class Answering:
    """Sends forms to each side and reads at the sink when their mails came."""

    def __init__(self, laboratory: Laboratory, seconds: float) -> None:
        self._laboratory, self._seconds = laboratory, seconds
        self._config, self._ours, self._twins = (laboratory.folder / f"latency-{name}" for name in ("config", "ours", "twins"))
        shutil.copytree(HERE / "config", self._config)
        (self._config / "forms.yaml").write_text(_FORM)
        (self._config / "sequences" / "letters.yaml").write_text(_SEQUENCE)
        shutil.copytree(HERE / "templates" / "follow-up", self._ours / "follow-up")
        letter.write_ours(self._ours)
        letter.write_twins(self._twins)

    def ours(self, load: float) -> Delays:
        """The engine, with `load` events a second in the second half."""
        laboratory = self._laboratory
        with laboratory.database() as database, _sink(laboratory) as arrivals:
            changed = {
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{arrivals.port}"), "config_dir": self._config, "templates_dir": self._ours,
            }  # fmt: skip
            with whole.engine(laboratory, laboratory.settings(database).model_copy(update=changed)) as runs:
                planned = self._send_forms(runs, arrivals, load)
                stages = _stages(runs, planned["half"], arrivals)
            return replace(_delays("the engine", planned, arrivals), stages=stages)

    def twin(self, load: float) -> Delays:
        """The same with the twin."""
        laboratory = self._laboratory
        with laboratory.database() as database, _sink(laboratory) as arrivals:
            more = {"TEMPLATES": str(self._twins), "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(arrivals.port)}
            with whole.twin(laboratory, database, more) as runs:
                planned = self._send_forms(runs, arrivals, load)
            return _delays("the twin", planned, arrivals)

    def _send_forms(self, runs: Whole, arrivals: Arrivals, load: float) -> dict[str, dict[str, float]]:
        """The instants at which forms were to leave, by address, in each part of the run; returns when all are answered by mail."""
        planned = {"warm": self._forms(runs, "warm", _WARM_UP), "idle": self._forms(runs, "idle", self._seconds)}
        with self._loaded(runs, load):
            planned["half"] = self._forms(runs, "half", self._seconds)
        sent = sum(map(len, planned.values()))
        wait_until(lambda: arrivals.number() >= sent, _PATIENCE, every=0.2, what="a mail for each form")
        runs.drain()
        return planned

    def _forms(self, runs: Whole, prefix: str, seconds: float) -> dict[str, float]:
        planned: dict[str, float] = ask(self._laboratory, f"{runs.url}/f/letter", prefix, FORMS, seconds, "--form")["planned"]
        return planned

    @contextmanager
    def _loaded(self, runs: Whole, load: float) -> Iterator[None]:
        """Events come all the while."""
        runs.drain()
        with ThreadPoolExecutor(1) as aside:
            words = (self._laboratory, f"{runs.url}/v1/track", "load", load, self._seconds + _MARGIN)
            loading = aside.submit(ask, *words)
            wait_until(lambda: runs.lag() or loading.done(), 60, what="the load to begin")
            yield
            loading.result()


def _delays(what: str, planned: dict[str, dict[str, float]], arrivals: Arrivals) -> Delays:
    """How long each mail took, once everything is at rest; raises WrongResultError if one is missing or came twice."""
    came = arrivals.by_recipient()
    asked = [address for part in planned.values() for address in part]
    same(f"mails that {what} sent", len(came), len(asked))
    same(f"people whom {what} mailed", {recipient for recipient, _ in came}, set(asked))
    at = dict(came)
    idle, half = (sorted(1e3 * (at[address] - left) for address, left in planned[part].items()) for part in ("idle", "half"))
    return Delays(idle, half)


def _stages(runs: Whole, planned: dict[str, float], arrivals: Arrivals) -> dict[str, list[float]]:
    """Milliseconds that each form spent on each stretch of its way, in ascending order."""
    came, to_wall = dict(arrivals.by_recipient()), time.time() - time.monotonic()
    taken: dict[str, list[float]] = {
        "until the web process had it": [],
        "until its batch began": [],
        "until its mail was there": [],
    }
    for address, received, begun in runs.connection.execute(_MOMENTS.encode()):
        if address in planned:
            moments = (planned[address] + to_wall, float(received), float(begun), came[address] + to_wall)
            for each, (before, after) in zip(taken.values(), pairwise(moments), strict=True):
                each.append(1e3 * (after - before))
    for each in taken.values():
        same("forms on their way", len(each), len(planned))
    return {name: sorted(each) for name, each in taken.items()}


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    """Four figures of the same runs: the median and the 99th percentile, idle and at half load."""
    found = {
        f"latency-{load}-p{share}": Figure(
            f"latency-{load}-p{share}", f"form to mail, {name}, p{share}", "ms", "less",
            goals=(Goal(0.2, "twin"),) if (load, share) == ("half", 99) else (),
        )
        for load, name in (("idle", "idle"), ("half", "half load"))
        for share in (50, 99)
    }  # fmt: skip
    our_load, twins_load = (rate / 2 for rate in kept_up(laboratory, say))
    answering = Answering(laboratory, 6 if short else 30)
    for turn in range(1, times + 1):
        ours, twins = answering.ours(our_load), answering.twin(twins_load)
        for column, delays in (("ours", ours), ("twin", twins)):
            for figure in found.values():
                _, load, share = figure.key.split("-")
                getattr(figure, column).append(percentile(getattr(delays, load), int(share[1:])))
                say(f"{figure.name}, {column}, {turn} of {times}: {getattr(figure, column)[-1]:,.1f} {figure.unit}")
    slowest = found.pop("latency-half-p99")
    yield from found.values()
    yield replace(slowest, made_of=ours.made_of, runs=Runs(lambda: percentile(answering.ours(our_load).half, 99)))

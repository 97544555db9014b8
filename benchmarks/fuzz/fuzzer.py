"""Sends inputs one after the other, and compares what came of each with what the oracle says."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from benchmarks.fuzz import calls, forms, others
from benchmarks.fuzz.account import Account
from benchmarks.fuzz.connection import Answer, Connection
from benchmarks.fuzz.inputs import Input
from benchmarks.fuzz.oracle import Verdict, verdict
from benchmarks.fuzz.streams import Streams, differences, flaws
from benchmarks.fuzz.world import World
from nurture.adapters.redis_keys import QUARANTINE
from nurture.domain.event import Event

#: How often each kind is made, in a hundred.
_SHARES: Final[Sequence[tuple[int, Callable[[World, Random, str], Input]]]] = (
    (34, lambda _, rng, number: calls.single(rng, number)),
    (3, lambda _, rng, number: calls.repeated(rng, number)),
    (10, lambda _, rng, number: calls.batch(rng, number)),
    (7, lambda _, rng, number: calls.pixel(rng, number)),
    (9, lambda _, rng, number: forms.urlencoded(rng, number)),
    (6, lambda _, rng, number: forms.multipart(rng, number)),
    (6, lambda _, rng, number: forms.from_script(rng, number)),
    (6, lambda _, rng, number: others.encoded(rng, number)),
    (4, lambda _, rng, number: others.with_headers(rng, number)),
    (4, lambda _, rng, number: others.paths(rng, number)),
    (4, others.tokens),
    (4, lambda world, rng, _: others.hooks(world, rng)),
    (3, lambda _, rng, number: others.raw(rng, number)),
)

#: After bytes that are no request, something of them may be stored a moment later: within so many inputs.
_LATE: Final = 5


def made(world: World, seed: int, number: int) -> Input:
    """Input `number` of a run; always the same for a seed, but for what is signed at an instant."""
    rng = Random(f"{seed} {number}")
    (make,) = rng.choices([make for _, make in _SHARES], [share for share, _ in _SHARES])
    return make(world, rng, f"{seed}-{number}")


class Fuzzer:
    """One run against one web process."""

    def __init__(self, connection: Connection, streams: Streams, account: Account) -> None:
        self._connection = connection
        self._streams = streams
        streams.new()  # what lay there before is nobody's
        self._begun = datetime.now(UTC)
        self._raw_lately = 0
        self.account = account
        #: What must be in the tables, and what may be: what links and providers tell of people whom nobody knows is dropped there.
        self.keys: set[Any] = set()
        self.told: set[Any] = set()

    def send(self, sent: Input, name: str) -> None:
        """Send an input and judge what came of it; `name` says how it is made again."""
        expected = verdict(sent)
        self._raw_lately = _LATE if sent.raw is not None else self._raw_lately - 1
        for _ in range(sent.times):
            try:
                answer = (
                    self._connection.say(sent.wire())
                    if sent.raw is not None
                    else self._connection.ask(sent.wire(), head_only=sent.method == b"HEAD")
                )
            except (OSError, ValueError) as error:
                self._fail(name, sent, f"no answer: {type(error).__name__}: {error}")
                return
            stored = self._streams.new()
            self._count(sent, answer, expected, len(stored))
            for what in (*_wrong_answer(sent, answer, expected), *self._wrong_store(answer, expected, stored)):
                self._fail(name, sent, what)

    def _count(self, sent: Input, answer: Answer, expected: Verdict, stored: int) -> None:
        account = self.account
        account.inputs[sent.kind] += 1
        account.told[sent.kind] += expected.says != "unclear"
        account.statuses[answer.status] += 1
        account.answers[sent.kind]["closed" if not answer.status else "good" if answer.status < 400 else "refused"] += 1
        account.stored[sent.kind] += stored

    def _fail(self, name: str, sent: Input, what: str) -> None:
        self.account.failures.append(f"{name} ({sent.kind}): {what}\n    {sent.wire()[:600]!r}")

    def _wrong_store(self, answer: Answer, expected: Verdict, stored: list[tuple[str, Event | str]]) -> list[str]:
        now, wrong = datetime.now(UTC), []
        events = []
        for stream, event in stored:
            if isinstance(event, str):
                wrong.append(event)
                continue
            wrong += flaws(event, self._begun, now)
            events.append(event)
            if event.source == "engine" or event.source.startswith("hook:"):
                self.told.add(event.key)
            elif stream != QUARANTINE:
                self.keys.add(event.key)
        if expected.says == "refused" and events and self._raw_lately < 0:
            wrong.append(f"refused, and {len(events)} stored")
        if answer.status >= 400 and events and self._raw_lately < 0:
            wrong.append(f"answered {answer.status}, and {len(events)} stored")
        if expected.says == "taken":
            if len(events) != len(expected.events) and self._raw_lately < 0:
                wrong.append(f"{len(events)} stored instead of {len(expected.events)}")
            wrong += [
                each
                for event, told in zip(_in_order(events, expected), expected.events, strict=False)
                for each in differences(event, told)
            ]
        return wrong


def _in_order(events: list[Event], expected: Verdict) -> list[Event]:
    """The events in the order of the calls, as far as they have ids: each goes its own way."""
    by_id = {event.message_id: event for event in events}
    named = [by_id.get(told.get("message_id", "")) for told in expected.events]
    if len(set(by_id)) == len(events) and all(each is not None for each in named):
        return [each for each in named if each is not None]
    return events if len(events) == 1 else []


def _wrong_answer(sent: Input, answer: Answer, expected: Verdict) -> list[str]:
    if answer.status >= 500:
        return [f"answered {answer.status}: {answer.body[:200]!r}"]
    if not answer.status:
        # With two lengths it is no request, and the rest of what was sent may take the answer with it (a reset).
        return [] if sent.raw is not None or sent.header(b"content-length") is not None else ["closed without an answer"]
    if expected.says == "taken" and answer.status not in (200, 303):
        return [f"must be taken, and is answered {answer.status}: {answer.body[:300]!r}"]
    if expected.says == "refused" and answer.status < 400:
        return [f"must be refused, and is answered {answer.status}"]
    if sent.raw is not None or sent.method == b"HEAD":
        return []
    of_json = answer.headers.get("content-type") == "application/json"
    if answer.status >= 400 and sent.target.startswith((b"/v1/", b"/b", b"/f/", b"/hooks/")) and of_json:
        return _unexplained(answer)
    if expected.rejected or (expected.says == "taken" and sent.kind == "batch"):
        told = json.loads(answer.body)
        found = tuple(each["index"] for each in told["rejected"])
        if (told["accepted"], found) != (len(expected.events), expected.rejected):
            return [f"accepted {told['accepted']}, rejected {found} instead of {len(expected.events)} and {expected.rejected}"]
    return []


def _unexplained(answer: Answer) -> list[str]:
    """A refusal says a word for programs and one for people, and a mistake in JSON has its place."""
    told = json.loads(answer.body)
    mistakes = told.get("errors") or told.get("rejected") or [told]
    for each in mistakes:
        if not each.get("message") or not (each.get("code") or "number" in each):
            return [f"not explained: {told}"]
        if each.get("code") == "malformed" and "JSON" in each["message"] and not each.get("field"):
            return [f"without its place: {told}"]
    return []


def top(failures: Sequence[str]) -> Counter[str]:
    """How often each kind of failure came, by its first words."""
    return Counter(" ".join(failure.partition(": ")[2].split()[:6]) for failure in failures)

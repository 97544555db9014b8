"""A case written from what really happened to somebody: their acts, and what came of them as far as the simulator agrees.

What is drawn (shares, variants, the spread of a window) falls out by who somebody is, and in a case they are somebody else. So
seeds are tried until the draws fall as they really did.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from nurture.definitions.case_rules import check_cases
from nurture.definitions.flow_style import in_flow_style
from nurture.domain.cases.case import CasesFile
from nurture.domain.duration import format_duration
from nurture.domain.window import WEEKDAYS
from nurture.errors import Refused
from nurture.simulation.cases.acts_of import Transcript, Written, zone_told
from nurture.simulation.cases.playing import Ground, play
from nurture.simulation.cases.recorded import Recorded
from nurture.simulation.cases.seen import Seen, SentMail

#: How many seeds are tried for draws that fall as they really did.
_SEEDS: Final = 60

#: A mail that really went this close to when it goes in the case went at the same time; workers and mail servers take a while.
_SAME_TIME: Final = timedelta(minutes=1)


class Recording(NamedTuple):
    """A case as text for a file, and what of the real story it does not hold, one thing a line."""

    text: str
    unlike: tuple[str, ...]


def record(recorded: Recorded, ground: Ground) -> Recording:
    """Write a case that passes on these definitions.

    Raises Refused if nothing is left to write of what happened, or nothing of what came of it comes in the case.
    """
    if not recorded.events:
        raise Refused("nothing is known of what they did; a case needs an event to begin with")
    zone = _zone(recorded, ground)
    starts = recorded.events[0].event.occurred_at.astimezone(zone).replace(microsecond=0)
    transcript = Transcript(recorded, ground.definitions, starts)
    if not transcript.acts:
        raise Refused("nothing that they did can be told in a case; " + "; ".join(transcript.unsaid))
    draft = _draft(recorded, transcript, starts)
    unrendered = ground._replace(writer=None)
    tries = (_Attempt(recorded, zone, seed, _played(draft, seed, unrendered)) for seed in range(_SEEDS))
    best = _closest(tries)
    case = {**draft, **({"seed": best.seed} if best.seed else {}), "expect": best.expectations()}
    if not case["expect"]:
        raise Refused(f"on the definitions in force all of it comes out differently; {'; '.join(best.unlike())}")
    failures = play(_file(case, ground).cases[0], ground).failures
    if failures:
        told = "; ".join(" ".join(failure.diff) for failure in failures)
        raise Refused(f"the case does not pass on the definitions in force, so it is not written; {told}")
    unlike = (*transcript.unsaid, *_merged(recorded), *best.unlike())
    return Recording("\n".join(_text(case, unlike)) + "\n", unlike)


def _zone(recorded: Recorded, ground: Ground) -> tzinfo:
    return ZoneInfo(zone_told(recorded.attributes) or ground.definitions.sending.timezone)


def _draft(recorded: Recorded, transcript: Transcript, starts: datetime) -> Written:
    """The case without what is expected."""
    lasts = max(recorded.at - starts, timedelta(minutes=1))
    sequences = list(dict.fromkeys(run.sequence for run in recorded.runs))
    return {
        "case": f"what really happened: {', '.join(sequences) or 'no sequence'}",
        "starts": f"{starts:%Y-%m-%dT%H:%M:%S} {starts.tzinfo}",
        **({"person": transcript.person} if transcript.person else {}),
        "given": transcript.acts,
        "until": format_duration(lasts),
    }


def _file(case: Mapping[str, Any], ground: Ground) -> CasesFile:
    """The case as the loader would read it; raises Refused if it would not."""
    file = CasesFile.model_validate_json(json.dumps({"cases": [case]}), strict=True, by_alias=True, by_name=False)
    wrong = [problem.text for problem in check_cases(file, ground.definitions)]
    if wrong:
        raise Refused(f"what they did does not fit the definitions in force; {'; '.join(dict.fromkeys(wrong))}")
    return file


def _played(draft: Written, seed: int, ground: Ground) -> Seen:
    """What is to see at the end of the case; that something is expected is needed to read it."""
    return play(_file({**draft, "seed": seed, "expect": _ANYTHING}, ground).cases[0], ground).seen[0]


#: An expectation that always holds.
_ANYTHING: Final[Mapping[str, Any]] = {"at_most": {"mails": 1_000_000, "per": "1s"}}


class _Attempt(NamedTuple):
    """What came of the case with a seed, beside what really came."""

    recorded: Recorded
    zone: tzinfo
    seed: int
    seen: Seen

    def distance(self) -> tuple[int, int]:
        """How far it is from what really came: mails that differ, then mails at another time."""
        if not self._same_mails():
            return 1 + abs(len(self.seen.sent) - len(self.recorded.mails)), 0
        return 0, sum(not self._same_time(sent, real.sent_at) for sent, real in self._pairs())

    def _same_mails(self) -> bool:
        return [(mail.sequence, mail.step) for mail in self.seen.sent] == [
            (mail.sequence, mail.step) for mail in self.recorded.mails
        ]

    def _pairs(self) -> Iterator[tuple[SentMail, Any]]:
        yield from zip(self.seen.sent, self.recorded.mails, strict=True)

    def _same_time(self, sent: SentMail, really: datetime) -> bool:
        return abs(sent.at - really) <= _SAME_TIME

    def expectations(self) -> Written:
        """What the case and reality have in common."""
        ended = [
            {"sequence": run.sequence, "reason": run.reason} for run in self.recorded.runs if run.ended_at and self._ends(run)
        ]
        return {
            **({"mails": [self._mail(sent, real.sent_at) for sent, real in self._pairs()]} if self._same_mails() else {}),
            **({"stage": self.recorded.stage} if self.seen.stage == self.recorded.stage else {}),
            **({"ended": ended} if ended else {}),
        }

    def _ends(self, run: Any) -> bool:
        return any((each.sequence, each.reason) == (run.sequence, run.reason) and each.ended_at for each in self.seen.runs)

    def _mail(self, sent: SentMail, really: datetime) -> Written:
        step = {"step": f"{sent.sequence}/{sent.step}"}
        if self._same_time(sent, really):
            return {**step, "at": self.seen.clock.since(sent.at)}
        day = WEEKDAYS[really.astimezone(self.zone).weekday()]
        return {**step, "on": day} if sent.at.astimezone(self.zone).date() == really.astimezone(self.zone).date() else step

    def unlike(self) -> Iterator[str]:
        """What came out differently, one thing a line."""
        if not self._same_mails():
            yield f"mails: really {_listed(self.recorded.mails)}, in the case {_listed(self.seen.sent)}"
        for sent, real in self._pairs() if self._same_mails() else ():
            if not self._same_time(sent, real.sent_at):
                clock = self.seen.clock
                yield f"mail {sent.step}: really {clock.told(real.sent_at)}, in the case {clock.told(sent.at)}"
        if self.seen.stage != self.recorded.stage:
            yield f"stage: really {self.recorded.stage}, in the case {self.seen.stage}"
        for run in self.recorded.runs:
            if run.ended_at and not self._ends(run):
                yield f"{run.sequence}: really over ({run.reason}), in the case not so"


def _listed(mails: Sequence[Any]) -> str:
    return ", ".join(mail.step for mail in mails) or "none"


def _closest(tries: Iterator[_Attempt]) -> _Attempt:
    best = next(tries)
    for each in tries:
        if best.distance() == (0, 0):
            break
        best = min(best, each, key=_Attempt.distance)
    return best


def _merged(recorded: Recorded) -> Iterator[str]:
    if recorded.others:
        yield f"they were {recorded.others + 1} people before they were known to be one; in the case they are one from the beginning"


def _text(case: Mapping[str, Any], unlike: Sequence[str]) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../schemas/test.json"
    yield "#"
    yield "# Written by `nurture test --record` from what really happened. Nobody's name, address or message stands here."
    if unlike:
        yield "# What this case does not hold:"
        yield from (f"#   {line}" for line in unlike)
    yield ""
    yield "cases:"
    yield f"  - case: {in_flow_style(case['case'])}"
    for key, value in case.items():
        if key == "given":
            yield "    given:"
            yield from (f"      - {in_flow_style(act)}" for act in value)
        elif key == "expect":
            yield "    expect:"
            yield from _expected(value)
        elif key != "case":
            yield f"    {key}: {in_flow_style(value)}"


def _expected(expected: Mapping[str, Any]) -> Iterator[str]:
    for key, value in expected.items():
        if isinstance(value, list) and value:
            yield f"      {key}:"
            yield from (f"        - {in_flow_style(each)}" for each in value)
        else:
            yield f"      {key}: {in_flow_style(value)}"

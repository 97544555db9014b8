"""Whether what was expected of somebody is what there is to see, one expectation at a time; a difference is told as a small diff."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

from nurture.domain.cases.expectations import (
    AtMost,
    Expectations,
    ExpectedDelay,
    ExpectedEnd,
    ExpectedMail,
    ExpectedScore,
    ExpectedStage,
    placed,
)
from nurture.domain.cases.moments import AnyMoment, instant
from nurture.domain.cases.names import step_named
from nurture.domain.duration import format_duration
from nurture.domain.model import Place
from nurture.domain.window import WEEKDAYS, Hours
from nurture.simulation.cases.seen import HeldMail, Seen, SentMail

#: Mails are expected to the minute.
_EXACTLY: Final = timedelta(minutes=1)


class Claim(NamedTuple):
    """One thing that is expected: under which key, where it is written, and what."""

    key: str
    place: Place
    expected: Any


class Difference(NamedTuple):
    """Something is not as expected: where that is written, a diff (`- ` expected, `+ ` happened), and around when it shows."""

    place: Place
    diff: tuple[str, ...]
    about: datetime


def claims(expected: Expectations, place: Place) -> Iterator[tuple[AnyMoment | None, Claim]]:
    """Everything that is expected, each with the moment at which it must be so, None where it is that of the whole."""
    for inner, stage in placed("stage", expected.stage):
        yield stage.at, Claim("stage", (*place, *inner), stage)
    for inner, score in placed("score", expected.score):
        yield score.at, Claim("score", (*place, *inner), score)
    for key in ("mails", "no_mail_on", "entered", "notified", "known"):
        if getattr(expected, key) is not None:
            yield None, Claim(key, (*place, key), getattr(expected, key))
    for key in ("ended", "skipped", "deferred", "at_most"):
        yield from ((None, Claim(key, (*place, *inner), each)) for inner, each in placed(key, getattr(expected, key)))


def judge(claim: Claim, seen: Seen) -> Iterator[Difference]:
    """Every difference between what one claim expects and what there is to see."""
    for inner, diff, about in _JUDGES[claim.key](claim.expected, seen):
        yield Difference((*claim.place, *inner), diff, about)


#: A difference inside a claim.
_Found = Iterator[tuple[Place, tuple[str, ...], datetime]]


def _mails(expected: Sequence[ExpectedMail], seen: Seen) -> _Found:
    wanted, got = [mail.step for mail in expected], [_called(mail, expected) for mail in seen.sent]
    if wanted == got:
        for index, (mail, sent) in enumerate(zip(expected, seen.sent, strict=True)):
            if not _fits(mail, sent, seen):
                yield (index,), (f"- {_mail_wanted(mail)}", f"+ {_mail_got(sent, mail, seen)}"), sent.at
        return
    diff: list[str] = []
    about: datetime | None = None
    for kind, begin, end, first, last in SequenceMatcher(None, wanted, got, autojunk=False).get_opcodes():
        if kind == "equal":
            diff += [f"  {_mail_got(sent, None, seen)}" for sent in seen.sent[first:last]]
            continue
        diff += [f"- {_mail_wanted(mail)}" for mail in expected[begin:end]]
        diff += [f"+ {_mail_got(sent, None, seen)}" for sent in seen.sent[first:last]]
        about = about or (seen.sent[first].at if first < len(seen.sent) else seen.at)
    yield (), tuple(diff), about or seen.at


def _called(sent: SentMail, expected: Sequence[ExpectedMail]) -> str:
    """A step as it is called where it is expected: with its sequence, or by its id alone."""
    whole = f"{sent.sequence}/{sent.step}"
    return whole if any(mail.step == whole for mail in expected) else sent.step


def _fits(mail: ExpectedMail, sent: SentMail, seen: Seen) -> bool:
    local = seen.clock.local(sent.at)
    return (
        mail.email in (None, sent.email)
        and mail.variant in (None, sent.variant)
        and (mail.at is None or abs(instant(mail.at, seen.clock.starts) - sent.at) < _EXACTLY)
        and (mail.on is None or WEEKDAYS[local.weekday()] in mail.on)
        and (mail.between is None or _within(mail.between, local.time()))
    )


def _within(hours: Hours, at: time) -> bool:
    if hours.opens < hours.closes:
        return hours.opens <= at < hours.closes
    return at >= hours.opens or at < hours.closes


def _mail_wanted(mail: ExpectedMail) -> str:
    told = [mail.step]
    told += [f"the e-mail {mail.email}"] if mail.email else []
    told += [f"variant {mail.variant}"] if mail.variant else []
    told += [f"at {_moment(mail.at)}"] if mail.at is not None else []
    told += [f"on {','.join(mail.on)}"] if mail.on else []
    told += [f"between {mail.between}"] if mail.between else []
    return ", ".join(told)


def _moment(moment: AnyMoment) -> str:
    if isinstance(moment, timedelta):
        return format_duration(moment) if moment else "0m"
    return f"{moment:%Y-%m-%d %H:%M}"


def _mail_got(sent: SentMail, mail: ExpectedMail | None, seen: Seen) -> str:
    told = [sent.step]
    told += [f"the e-mail {sent.email}"] if mail is not None and mail.email else []
    told += [f"variant {sent.variant or 'none'}"] if mail is not None and mail.variant else []
    return f"{', '.join(told)}, {seen.clock.told(sent.at)} ({seen.clock.since(sent.at)})"


def _no_mail_on(days: Sequence[str], seen: Seen) -> _Found:
    for sent in seen.sent:
        if WEEKDAYS[seen.clock.local(sent.at).weekday()] in days:
            yield (), (f"- no mail on {','.join(days)}", f"+ {_mail_got(sent, None, seen)}"), sent.at


def _stage(expected: ExpectedStage, seen: Seen) -> _Found:
    if seen.stage != expected.is_:
        yield (), (f"- stage {expected.is_}", f"+ {f'stage {seen.stage}' if seen.stage else _NOBODY}"), seen.at


#: What there is to see of somebody of whom nothing was heard.
_NOBODY: Final = "nobody has heard of them"


def _score(expected: ExpectedScore, seen: Seen) -> _Found:
    least, most = expected.bounds
    score = seen.scores.get(expected.model, 0.0)
    if not least <= score <= most:
        called = f"score of {expected.model}" if expected.model else "score"
        wanted = f"from {least:g} to {most:g}" if least > float("-inf") and most < float("inf") else (
            f"{least:g} or more" if least > float("-inf") else f"{most:g} or less"
        )  # fmt: skip
        yield (), (f"- {called} {wanted}", f"+ {called} {score:.2f}"), seen.at


def _entered(expected: Sequence[str], seen: Seen) -> _Found:
    got = [run.sequence for run in seen.runs]
    if got != [*expected]:
        yield (), (f"- enters {_listed(expected)}", f"+ enters {_listed(got)}"), seen.runs[-1].entered_at if got else seen.at


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _ended(expected: ExpectedEnd, seen: Seen) -> _Found:
    runs = [run for run in seen.runs if run.sequence == expected.sequence]
    if any(run.ended_at is not None and expected.reason in (None, run.reason) for run in runs):
        return
    wanted = f"- {expected.sequence} is over{f' ({expected.reason})' if expected.reason else ''}"
    if not runs:
        yield (), (wanted, f"+ {expected.sequence} was never entered"), seen.at
    elif (ended := runs[-1].ended_at) is not None:
        yield (), (wanted, f"+ {expected.sequence} is over ({runs[-1].reason}), {seen.clock.told(ended)}"), ended
    else:
        yield (), (wanted, f"+ {expected.sequence} goes on, at step {runs[-1].step}"), seen.at


def _skipped(expected: ExpectedDelay, seen: Seen) -> _Found:
    return _held(expected, seen.skipped, "not sent", seen)


def _deferred(expected: ExpectedDelay, seen: Seen) -> _Found:
    return _held(expected, seen.deferred, "put off", seen)


def _held(expected: ExpectedDelay, held: Sequence[HeldMail], how: str, seen: Seen) -> _Found:
    step, reason = step_named(expected.step), expected.reason.value if expected.reason else None
    theirs = [mail for mail in held if step.is_of(mail.sequence, mail.step)]
    if any(reason in (None, mail.reason) for mail in theirs):
        return
    wanted = f"- {expected.step} is {how}{f' ({reason})' if reason else ''}"
    sent = next((mail for mail in seen.sent if step.is_of(mail.sequence, mail.step)), None)
    if theirs:
        yield (), (wanted, f"+ {expected.step} is {how} ({theirs[-1].reason}), {seen.clock.told(theirs[-1].at)}"), theirs[-1].at
    elif sent is not None:
        yield (), (wanted, f"+ {_mail_got(sent, None, seen)}"), sent.at
    else:
        yield (), (wanted, f"+ the step {expected.step} was never taken"), seen.at


def _at_most(expected: AtMost, seen: Seen) -> _Found:
    for first in seen.sent:
        within = [sent for sent in seen.sent if first.at <= sent.at < first.at + expected.per]
        if len(within) > expected.mails:
            wanted = f"- at most {expected.mails} mails in {format_duration(expected.per)}"
            yield (), (wanted, *(f"+ {_mail_got(sent, None, seen)}" for sent in within)), within[-1].at
            return


def _known(expected: Mapping[str, Any], seen: Seen) -> _Found:
    for name, value in expected.items():
        if name not in seen.known:
            yield (name,), (f"- {name}: {value}", f"+ {name} is not known"), seen.at
        elif seen.known[name] != value:
            yield (name,), (f"- {name}: {value}", f"+ {name}: {seen.known[name]}"), seen.at


def _notified(expected: Sequence[str], seen: Seen) -> _Found:
    if [*seen.notified] != [*expected]:
        yield (), (f"- tells {_listed(expected)}", f"+ tells {_listed(seen.notified)}"), seen.at


_JUDGES: Final[Mapping[str, Callable[[Any, Seen], _Found]]] = {
    "mails": _mails, "no_mail_on": _no_mail_on, "stage": _stage, "score": _score, "entered": _entered, "ended": _ended,
    "skipped": _skipped, "deferred": _deferred, "at_most": _at_most, "known": _known, "notified": _notified,
}  # fmt: skip

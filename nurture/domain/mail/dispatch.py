"""Which messages go now, which later and which never: the decision behind the verb *send*.

All that is due to one person is decided together, because a frequency cap over all sequences lets only some of it go: what has
the highest priority goes first. The answer is a value: go (`Allowed`), go later (`Deferred`), or not at all (`Skipped`), each
with its reason. The reasons are stored where they were decided and are what `why-not` prints.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from nurture.domain.consent import Agreement, Consents
from nurture.domain.definitions import Definitions
from nurture.domain.duration import format_duration
from nurture.domain.enrollment import ending_by_state
from nurture.domain.mail.message import Reason
from nurture.domain.mail.sending import FrequencyCap, SendingPolicy
from nurture.domain.preferences import UNHURRIED, Rhythm
from nurture.domain.program import Offer, Send
from nurture.domain.schedule import Calendar, next_window, opening
from nurture.domain.sequence import Sequence
from nurture.domain.stepping import drawn_for, late_policy, window_of
from nurture.domain.steps import EmailStep, PoolStep, Variant
from nurture.domain.window import Window

#: After how long a message of a sequence that is held is looked at again; `nurture resume` makes it due earlier.
HELD_FOR: Final = timedelta(minutes=15)

#: How many openings of a window are tried for one outside quiet hours.
_OPENINGS: Final = 14


class Mailed(NamedTuple):
    """A mail to the same person: its message, when it went, and its template."""

    message: int
    at: datetime
    template: str = ""


class Allowed(NamedTuple):
    """Go."""


class Deferred(NamedTuple):
    """Not now; look again at `until`. `lost_to` are the messages that used up the frequency cap."""

    until: datetime
    reason: Reason
    lost_to: tuple[int, ...] = ()


class Skipped(NamedTuple):
    """Never."""

    reason: Reason
    detail: str | None = None


Permission = Allowed | Deferred | Skipped


class Situation(NamedTuple):
    """What is known, in the moment of sending, about a message and its reader.

    `plan` is the sequence in the version that the run is pinned to, None if that is gone; `ended` says why the run is over, if it
    did not walk to its end. `facts` are the person's, their history included as far as the exits of `plan` ask. `recent` are the
    mails to them within the spans of the cap and of the breakers, oldest first. `held` is set while the sequence is paused.
    `topic` is what the mail is about, `topic_off` whether they chose not to read of it, `agreement` where they stand with what the
    topic needs, and `rhythm` how often they wish to be mailed.
    """

    message: int
    person: int
    sequence: str
    step: str
    plan: Sequence | None
    planned_at: datetime
    any_time: bool
    priority: int
    address: str | None
    facts: Mapping[str, Any]
    suppressed: bool = False
    ended: str | None = None
    held: bool = False
    recent: Ordered[Mailed] = ()
    template: str = ""
    topic: str | None = None
    topic_off: bool = False
    agreement: Agreement | None = None
    rhythm: Rhythm = UNHURRIED


def decide(due: Iterable[Situation], definitions: Definitions, calendar: Calendar, at: datetime) -> dict[int, Permission]:
    """What becomes of messages at instant `at`, by id; in the order in which they should go.

    Of one person's, the highest priority goes first, then what was planned first.
    """
    answers: dict[int, Permission] = {}
    going: dict[int, list[Mailed]] = defaultdict(list)
    for each in sorted(due, key=lambda each: (-each.priority, each.planned_at, each.message)):
        answers[each.message] = answer = may_send(each, going[each.person], definitions, calendar, at)
        if isinstance(answer, Allowed):
            going[each.person].append(Mailed(each.message, at, each.template))
    return answers


def may_send(
    situation: Situation, going: Ordered[Mailed], definitions: Definitions, calendar: Calendar, at: datetime
) -> Permission:
    """Whether a message may go at instant `at`, when those `going` do; what forbids it for ever is asked first."""
    return (
        _forbidden(situation)
        or _unpermitted(situation, definitions.consents, at)
        or _held(situation, at)
        or _late(situation, definitions, calendar, at)
        or _shut(situation, definitions, calendar, at)
        or _repeated(situation, definitions.sending.breakers.same_mail, [*situation.recent, *going], at)
        or _unhurried(situation, [*situation.recent, *going], at)
        or _capped(definitions.sending.frequency_cap, [*situation.recent, *going], at)
        or _too_many(definitions.sending.breakers.per_person, [*situation.recent, *going], at)
        or Allowed()
    )


def mailing_step(plan: Sequence | None, step: str) -> EmailStep | PoolStep | None:
    """The step of that id, if there is one that sends mail."""
    node = plan.program.nodes.get(step) if plan is not None else None
    return node.step if isinstance(node, Send | Offer) else None


def variant_of(plan: Sequence | None, step: str, name: str | None) -> Variant:
    """The variant of a step's mail; one that takes nothing's place, if there is none of that name."""
    mailing = mailing_step(plan, step)
    known = (mailing.variants or {}) if isinstance(mailing, EmailStep) else {}
    return known.get(name or "", _AS_WRITTEN)


_AS_WRITTEN: Final = Variant()


def _forbidden(situation: Situation) -> Skipped | None:
    if situation.suppressed:
        return Skipped(Reason.SUPPRESSED)
    if situation.topic_off:
        return Skipped(Reason.TOPIC_OFF, situation.topic)
    ended = situation.ended
    if ended is None and situation.plan is not None:
        ending = ending_by_state(situation.plan, situation.facts)
        ended = ending.reason if ending is not None else None
    if ended is not None:
        return Skipped(Reason.ENROLLMENT_ENDED, ended)
    return None if situation.address else Skipped(Reason.NO_ADDRESS)


def _unpermitted(situation: Situation, consents: Consents, at: datetime) -> Skipped | Deferred | None:
    """Mail that needs consent waits for a confirmation as long as its link works; a confirmation makes it due again."""
    name, agreed = consents.needed_for(situation.topic), situation.agreement
    if name is None or (agreed is not None and agreed.allows):
        return None
    if agreed is None or agreed.state == "withdrawn":
        return Skipped(Reason.NO_CONSENT, name)
    expires = agreed.at + consents.purposes[name].within
    return Deferred(expires, Reason.UNCONFIRMED) if at < expires else Skipped(Reason.UNCONFIRMED, name)


def _held(situation: Situation, at: datetime) -> Deferred | None:
    return Deferred(at + HELD_FOR, Reason.PAUSED) if situation.held else None


def _late(situation: Situation, definitions: Definitions, calendar: Calendar, at: datetime) -> Skipped | Deferred | None:
    plan, step = situation.plan, mailing_step(situation.plan, situation.step)
    late = late_policy(step, plan, definitions) if plan is not None and step is not None else definitions.sending.late
    if late.then == "send" or not late.is_late(situation.planned_at, at, definitions.sending.too_late):
        return None
    if late.then == "skip":
        return Skipped(Reason.TOO_LATE)
    window = _window(situation)
    reopens = next_window(window, situation.facts, calendar, at, _share(window, situation))
    return Deferred(reopens, Reason.LATE) if reopens > at else None


def _shut(situation: Situation, definitions: Definitions, calendar: Calendar, at: datetime) -> Deferred | None:
    """Its hours were open when it was queued; they may have shut since, while the server was away or the cap held it."""
    quiet_hours = definitions.sending.quiet_hours
    window, quiet = _window(situation), quiet_hours.window if quiet_hours and not situation.any_time else _ANY_TIME

    def opens(hours: Window, since: datetime) -> datetime:
        return opening(hours, situation.facts, calendar, since, _share(hours, situation))

    moment = opens(window, at)
    reason = Reason.OUTSIDE_WINDOW if moment > at else Reason.QUIET_HOURS
    for _ in range(_OPENINGS):
        free = opens(quiet, moment)
        if free == moment:
            return Deferred(moment, reason) if moment > at else None
        moment = opens(window, free)
    # The window opens in quiet hours only. What holds for the whole business counts, or the mail would never go.
    free = opens(quiet, at)
    return Deferred(free, Reason.QUIET_HOURS) if free > at else None


def looks_back(policy: SendingPolicy, rhythms: Iterable[Rhythm] = ()) -> timedelta:
    """How far back mails to the same person are asked for, whose reader may wish for this rhythm."""
    cap, breakers = policy.frequency_cap, policy.breakers
    spans = [rhythm.pace.span for rhythm in rhythms]
    spans += [cap.per] if cap is not None else []
    spans += [_ONE_DAY] if breakers.per_person is not None else []
    spans += [breakers.same_mail] if breakers.same_mail is not None else []
    return max(spans, default=timedelta(0))


_ONE_DAY: Final = timedelta(days=1)


def _repeated(situation: Situation, within: timedelta | None, mailed: Ordered[Mailed], at: datetime) -> Skipped | None:
    """The same mail twice in a short time: no sequence means that."""
    if within is None or not any(each.template == situation.template and each.at > at - within for each in mailed):
        return None
    return Skipped(Reason.BREAKER, f"{situation.template} went to them less than {format_duration(within)} before")


def _too_many(most: int | None, mailed: Ordered[Mailed], at: datetime) -> Deferred | None:
    """A whole series of mails within a day, which no frequency cap keeps from them."""
    lately = [each for each in mailed if each.at > at - _ONE_DAY]
    return Deferred(lately[-most].at + _ONE_DAY, Reason.BREAKER) if most is not None and len(lately) >= most else None


def _unhurried(situation: Situation, mailed: Ordered[Mailed], at: datetime) -> Deferred | None:
    """Somebody wishes for a pause, or for less mail; what they wait for themselves (window: any) goes all the same."""
    rhythm = situation.rhythm
    if situation.any_time:
        return None
    if rhythm.paused_until is not None and at < rhythm.paused_until:
        return Deferred(rhythm.paused_until, Reason.ASKED_TO_PAUSE)
    lately = [each for each in mailed if each.at > at - rhythm.pace.span]
    return Deferred(lately[-1].at + rhythm.pace.span, Reason.PACE, (lately[-1].message,)) if lately else None


def _capped(cap: FrequencyCap | None, mailed: Ordered[Mailed], at: datetime) -> Deferred | None:
    if cap is None:
        return None
    mailed = [each for each in mailed if each.at > at - cap.per]
    if len(mailed) < cap.messages:
        return None
    in_the_way = mailed[-cap.messages :]
    return Deferred(in_the_way[0].at + cap.per, Reason.CAPPED, tuple(each.message for each in in_the_way))


_ANY_TIME: Final = Window()


def _window(situation: Situation) -> Window:
    """The hours of a message's step; its sequence's, if that step is gone."""
    plan, step = situation.plan, mailing_step(situation.plan, situation.step)
    if situation.any_time or plan is None:
        return _ANY_TIME
    return window_of(step, plan) if step is not None else plan.window


def _share(window: Window, situation: Situation) -> int:
    """What decides how late after its opening a message goes; drawn only where a window is spread."""
    return drawn_for(situation.person, situation.sequence, situation.step) if window.spread is not None else 0

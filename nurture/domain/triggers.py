"""What puts people on a sequence."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, model_validator

from nurture.domain.conditions import Condition, EventCondition
from nurture.domain.duration import LONGEST, Duration, format_duration, parse_duration
from nurture.domain.event import ASSET_DOWNLOADED, FORM_SUBMITTED
from nurture.domain.model import Definition, EventNames, Problem, Slug, refuse
from nurture.domain.pauses import ClockTime, RelativeDate
from nurture.domain.wording import nearest, one_of

MANUAL: Final = "manual"

#: What a trigger may look like, for those who wrote something else.
_CAUSES: Final = "{promoted_to: lead}, {event: …}, {form: …}, {asset: …}, {enters: …}, {date: …, before: 1d}"


class Trigger(Definition):
    """What puts a person on the sequence: a promotion, an event, a form, an asset, becoming one of an audience, a date, or a hand."""

    promoted_to: Slug | None = None
    """The stage that somebody has just been promoted to."""
    event: EventNames | None = None
    """The event, or a list of events, that somebody has just caused."""
    where: EventCondition | None = None
    """What must be true of the event."""
    asset: Slug | None = None
    """Only if this asset was behind it; alone: whoever downloads it."""
    form: Slug | None = None
    """Only if this form was behind it; alone: whoever sends it."""
    enters: Condition | None = None
    """What has just become true of the person."""
    date: Slug | None = None
    """The attribute of the person that holds a date, such as webinar_day."""
    before: Duration | None = None
    """How long before the date."""
    after: Duration | None = None
    """How long after the date."""
    at: ClockTime | None = None
    """The hour on the person's clock, such as 09:00."""
    manual: Literal[True] | None = None
    """Nothing but `nurture person enroll`."""

    @model_validator(mode="after")
    def _names_one_cause(self) -> "Trigger":
        causes = [name for name in ("promoted_to", "event", "enters", "date", MANUAL) if getattr(self, name) is not None]
        if len(causes) > 1:
            raise ValueError(f"this trigger names {len(causes)} causes, {' and '.join(causes)}; keep one of them")
        if not causes and self.asset is None and self.form is None:
            known = ["promoted_to", "event", "form", "asset", "enters", "date"]
            raise ValueError(f"this trigger names no cause; write {one_of(known)}, or trigger: manual")
        if self._asks_of_an_event and causes and causes[0] in ("enters", "date", MANUAL):
            raise ValueError(f"no event stands behind {causes[0]!r}; delete 'where', 'asset' and 'form'")
        if self.date is None and (self.before or self.after or self.at) is not None:
            raise ValueError("'before', 'after' and 'at' belong to a date; add 'date: …', the attribute that holds it")
        if self.before is not None and self.after is not None:
            raise ValueError("'before' and 'after' contradict each other; keep one of them")
        _ = self.pause  # says itself what is wrong with the days before or after
        return self

    @property
    def _asks_of_an_event(self) -> bool:
        return self.where is not None or self.asset is not None or self.form is not None

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The events that it waits for; those of a form or an asset alone are the engine's own."""
        if self.event is not None:
            return self.event
        if self.promoted_to is not None or not self._asks_of_an_event:
            return ()
        return (FORM_SUBMITTED,) if self.form is not None else (ASSET_DOWNLOADED,)

    @cached_property
    def pause(self) -> RelativeDate | None:
        """How long a run that waits for its date stands at its beginning."""
        if self.date is None:
            return None
        return RelativeDate(date=self.date, before=self.before, after=self.after, at=self.at)

    def conditions(self) -> Iterator[Condition]:
        """Its conditions on the person."""
        if self.enters is not None:
            yield self.enters

    def written(self) -> Any:
        """As in YAML."""
        if self.manual:
            return MANUAL
        return self.model_dump(mode="json", exclude_defaults=True)


def _as_trigger(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value != MANUAL:
        meant = f"did you mean {MANUAL!r}?" if nearest(value, [MANUAL]) else f"write {_CAUSES}, or {MANUAL}"
        raise ValueError(f"{value!r} puts nobody on the sequence; {meant}")
    return {MANUAL: True}


TriggerField = Annotated[
    Trigger,
    BeforeValidator(_as_trigger, json_schema_input_type=Literal["manual"] | Trigger),
    PlainSerializer(Trigger.written),
]


class Goal(Definition):
    """The event that makes the sequence a success and ends it."""

    event: EventNames
    """The event, or a list of events."""
    where: EventCondition | None = None
    """What must be true of the event."""


class Enroll(NamedTuple):
    """Who enters when a sequence is put in force: nobody of before (`backfill` is None), or whoever was triggered so long ago or less."""

    backfill: timedelta | None

    def written(self) -> str | dict[str, str]:
        """As in YAML."""
        if self.backfill is None:
            return "from_now"
        return "backfill" if self.backfill == LONGEST else {"backfill": format_duration(self.backfill)}


def parse_enroll(value: Any) -> Any:
    """`from_now`, `backfill` or `{backfill: 90d}`; raises ValueError with the accepted forms."""
    if isinstance(value, Enroll):
        return value
    if value == "from_now":
        return Enroll(None)
    if value == "backfill":
        return Enroll(LONGEST)
    if isinstance(value, dict) and set(value) == {"backfill"}:
        try:
            return Enroll(parse_duration(value["backfill"]))
        except ValueError as error:
            refuse("enroll", [Problem(("backfill",), str(error))])
    shown = repr(value) if isinstance(value, str) else "this"
    near = nearest(value, ["from_now", "backfill"]) if isinstance(value, str) else None
    meant = f"did you mean {near!r}?" if near else "write from_now, backfill or {backfill: 90d}"
    raise ValueError(f"{shown} does not say who enters; {meant}")


EnrollField = Annotated[
    Enroll,
    PlainValidator(parse_enroll, json_schema_input_type=Literal["from_now", "backfill"] | dict[Literal["backfill"], Duration]),
    PlainSerializer(Enroll.written),
]

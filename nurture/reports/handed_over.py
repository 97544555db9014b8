"""What a hand-off says, as a schema for whoever takes it: docs/schemas/handoff.json. Fields may be added, and none changes its meaning."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, RootModel

from nurture.domain.next_action import Action
from nurture.reports.figures import Figures


class _Told(Figures):
    """A part of what is told, by the names it has there."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class ToldPerson(_Told):
    """Who it is about, as of the call."""

    id: str
    email: str | None
    name: str | None
    stage: str
    language: str
    timezone: str
    attributes: dict[str, Any]
    attributes_left_out: int
    """How many there was no room for."""


class ScoreLine(_Told):
    """What one rule adds for one day: of `hits` the cap lets `counted` count; points have faded."""

    rule: str
    day: str
    hits: int
    counted: int
    points: float


class ToldTouch(_Told):
    """A visit that brought somebody here; what is not known is left out."""

    at: AwareDatetime
    channel: str
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    landing: str | None = None


class ToldTouches(_Told):
    """The first touch, the last that was not direct, and the one that led to what is told."""

    first: ToldTouch | None
    last: ToldTouch | None
    promoting: ToldTouch | None


class ToldContent(_Told):
    """An asset or a page."""

    event: str
    downloaded: bool
    about: str
    title: str
    at: AwareDatetime


class ToldTime(_Told):
    """When to call: from `since` to `until` o'clock in their zone; `known` if they were seen then."""

    since: int
    until: int
    timezone: str
    known: bool
    next: AwareDatetime


class ToldAction(_Told):
    """What to do, and by when at the latest."""

    action: Action
    text: str
    by: AwareDatetime | None
    best_time: ToldTime


class OfPerson(_Told):
    """What every hand-off says of a person."""

    person: ToldPerson
    at: AwareDatetime
    because: str
    engagement: float
    grade: str
    score_lines: tuple[ScoreLine, ...]
    touches: ToldTouches | None
    """None where there was no room."""
    content: tuple[ToldContent, ...]
    next: ToldAction


class StageChangedData(OfPerson):
    """That somebody went from one stage to another."""

    from_: str = Field(alias="from")
    to: str
    rule: str
    cause: str
    asset: str | None


class AlertData(OfPerson):
    """That somebody came to a step that says `notify`."""

    sequence: str
    step: str
    text: str | None


class UntouchedData(OfPerson):
    """That sales did not answer for somebody in time."""

    stage: str
    cause: str
    waiting_since: AwareDatetime
    level: int
    escalated: bool


class AlarmData(_Told):
    """What the operator must know of; about nobody."""

    kind: str
    about: str
    text: str
    at: AwareDatetime


class StageChanged(_Told):
    """Somebody came to a stage."""

    type: Literal["stage.changed.v1"]
    timestamp: AwareDatetime
    data: StageChangedData


class SequenceAlert(_Told):
    """Somebody came to a step."""

    type: Literal["sequence.alert.v1"]
    timestamp: AwareDatetime
    data: AlertData


class LeadUntouched(_Told):
    """Nobody has answered for somebody."""

    type: Literal["lead.untouched.v1"]
    timestamp: AwareDatetime
    data: UntouchedData


class Alarm(_Told):
    """Something stopped by itself."""

    type: Literal["mail.alarm.v1", "endpoint.alarm.v1"]
    timestamp: AwareDatetime
    data: AlarmData


class HandOff(RootModel[Annotated[StageChanged | SequenceAlert | LeadUntouched | Alarm, Field(discriminator="type")]]):
    """The body of a call."""

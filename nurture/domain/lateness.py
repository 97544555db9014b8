"""What becomes of a mail that could not go when it should have: the late policy of a step, a sequence, or the whole business."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from nurture.domain.duration import Duration
from nurture.domain.model import Definition

#: `send`: as soon as its window allows. `skip`: never; the sequence goes on. `next_window`: at the opening of the next window,
#: not in what is left of this one, so that what an outage piled up goes when mail usually goes.
LatePolicy = Literal["send", "skip", "next_window"]

POLICIES: Final[tuple[LatePolicy, ...]] = ("send", "skip", "next_window")


class Late(Definition):
    """What becomes of a late mail, and from when on it is late."""

    then: LatePolicy = "skip"
    """send, skip or next_window."""
    after: Annotated[Duration, Field(gt=timedelta(0))] | None = None
    """How late is too late; without it, what sending.yaml says under `too_late`."""

    def written(self) -> Any:
        """As in YAML."""
        if self.after is None:
            return self.then
        return self.model_dump(mode="json", exclude_defaults=False)

    def is_late(self, scheduled: datetime, at: datetime, too_late: timedelta) -> bool:
        """Whether a mail that should have gone at `scheduled` is late at instant `at`."""
        return at - scheduled > (too_late if self.after is None else self.after)


def _as_late(value: Any) -> Any:
    return {"then": value} if isinstance(value, str) else value


LateField = Annotated[
    Late,
    BeforeValidator(_as_late, json_schema_input_type=LatePolicy | Late),
    PlainSerializer(Late.written),
]

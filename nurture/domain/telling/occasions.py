"""What there is to tell another system of. A new kind of it is a class here, and its rows one entry of `database.occasions.KINDS`.

The names of types end with the version of what stands in the payload: fields are added to a version, and never change their meaning.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol


class Occasion(Protocol):
    """Something that happened and is told."""

    @property
    def type(self) -> str:
        """What kind of thing it is, for whoever is told."""
        ...

    def as_json(self) -> dict[str, Any]:
        """What is told of it, beside when it was and whom it is about."""
        ...


class Moved(NamedTuple):
    """That somebody went from one stage to another, by which rule and for what cause."""

    from_stage: str
    to_stage: str
    rule: str
    cause: str
    asset: str | None

    @property
    def type(self) -> str:
        return "stage.changed.v1"

    def as_json(self) -> dict[str, Any]:
        return {"from": self.from_stage, "to": self.to_stage, "rule": self.rule, "cause": self.cause, "asset": self.asset}


class Alerted(NamedTuple):
    """That somebody came to a step which tells so; `text` is what the step adds."""

    sequence: str
    step: str
    text: str | None

    @property
    def type(self) -> str:
        return "sequence.alert.v1"

    def as_json(self) -> dict[str, Any]:
        return {"sequence": self.sequence, "step": self.step, "text": self.text}


class Alarmed(NamedTuple):
    """What the operator must know of; `about` names the sequence, the person's id, all mail, or the endpoint."""

    kind: str
    about: str
    text: str

    @property
    def type(self) -> str:
        return "endpoint.alarm.v1" if self.kind == "endpoint" else "mail.alarm.v1"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "about": self.about, "text": self.text}


class Untouched(NamedTuple):
    """That sales have not answered for somebody; `level` 1 is a reminder, and above it somebody else is told."""

    stage: str
    cause: str
    waiting_since: datetime
    level: int

    @property
    def type(self) -> str:
        return "lead.untouched.v1"

    def as_json(self) -> dict[str, Any]:
        since = self.waiting_since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {
            "stage": self.stage, "cause": self.cause, "waiting_since": since, "level": self.level, "escalated": self.level > 1,
        }  # fmt: skip

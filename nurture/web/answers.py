"""What the endpoints for programs answer, as models: for the description of the interface, and for the tests that hold answers against it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Refused(_Answer):
    """Nothing was taken. `code` is a word for programs, `field` the place in the request."""

    success: Literal[False]
    code: str
    message: str
    field: str | None = None


class Rejected(_Answer):
    """An event of a batch that was not taken."""

    index: int = Field(ge=0)
    code: str
    message: str
    field: str | None = None


class Warned(_Answer):
    """What was left out of an event of a batch."""

    index: int = Field(ge=0)
    message: str


class Taken(_Answer):
    """The event is durable. `event` is the full verdict, for `X-Debug: 1`."""

    success: Literal[True]
    warnings: list[str] = []
    event: dict[str, Any] | None = None


class BatchTaken(_Answer):
    """All that is not rejected is durable; accepted and rejected add up. `events` are the full verdicts, for `X-Debug: 1`."""

    success: Literal[True]
    accepted: int = Field(ge=0)
    rejected: list[Rejected]
    warnings: list[Warned] = []
    events: list[dict[str, Any]] = []


class BatchRefused(_Answer):
    """No event of a batch could be taken."""

    success: Literal[False]
    accepted: int = Field(ge=0, le=0)
    rejected: list[Rejected]
    code: str
    message: str
    warnings: list[Warned] = []
    events: list[dict[str, Any]] = []


class FormTaken(_Answer):
    """A post is durable, and where its sender goes now."""

    ok: Literal[True]
    submission_id: str
    redirect: str | None


class Mistake(_Answer):
    """What is wrong with a field, or with the post as a whole."""

    field: str | None
    code: str
    message: str


class FormRefused(_Answer):
    """Nothing was kept; every mistake at once."""

    ok: Literal[False]
    errors: list[Mistake]


class Unread(_Answer):
    """An item of a webhook that cannot be read."""

    number: int
    field: str
    message: str


class HookTaken(_Answer):
    """What was heard is durable; `unknown` are words that say nothing we keep."""

    success: Literal[True]
    taken: int
    passed_over: int
    rejected: list[Unread]
    unknown: list[str]


class HookRefused(_Answer):
    """What a webhook told could not be believed or read."""

    success: Literal[False]
    code: str
    message: str | None = None
    field: str | None = None
    taken: int = 0
    passed_over: int = 0
    rejected: list[Unread] = []


class Live(_Answer):
    """The process answers."""

    live: Literal[True]


class Ready(_Answer):
    """Whether requests should come here now, and why not."""

    ready: bool
    reasons: list[str]

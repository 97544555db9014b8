"""What all providers of webhooks have in common: a request as it came, what proves that it is theirs, and what it tells."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nurture.domain.answering import AnswerReading
from nurture.domain.mail.hook_reading import items_of
from nurture.domain.mail.hooks import Hook, Reading, tolerance_of
from nurture.errors import NurtureError

#: Fetches what lies at an address; raises Unavailable. It blocks.
Visit = Callable[[str], bytes]


class HookRefused(NurtureError):
    """A request to a hook that is not believed or not understood: correct what the answer names, here or at the provider.

    `status` is the HTTP status, `code` a word for programs, `field` the place in the request.
    """

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field


class Post(NamedTuple):
    """A request to a hook: header names in small letters, the body and the JSON in it, and when it came."""

    headers: Mapping[str, str]
    body: bytes
    document: Any
    at: datetime


class Access(NamedTuple):
    """What a request is checked against, and the ways out to whoever vouches for it. `url` is the address that was called."""

    hook: Hook
    secrets: tuple[str, ...]
    certificate: Visit
    visit: Visit
    url: str = ""

    def __repr__(self) -> str:
        return f"Access({self.hook.provider})"  # an exception that quotes it would show the secrets

    @property
    def tolerance(self) -> timedelta:
        return tolerance_of(self.hook)


class Adapter(NamedTuple):
    """A provider.

    `check` raises HookRefused for a request that is not theirs. What it returns, if anything, may come again only with the same
    body: where a signature does not cover the body. `answer` is done once the request is believed. `there` says what is to be set at
    the provider. By `reading` it tells of mails, by `answers` of leads.
    """

    check: Callable[[Post, Access], str | None]
    there: str
    reading: Reading | None = None
    unfold: Callable[[Any, Reading], Iterable[Any]] = items_of
    answer: Callable[[Post, Access], None] | None = None
    answers: AnswerReading | None = None


def not_theirs(message: str, field: str | None = None) -> HookRefused:
    """The refusal of a signature that does not fit."""
    return HookRefused(403, "signature", message, field)


def malformed(message: str, field: str | None = None) -> HookRefused:
    """The refusal of a body that is not shaped as it should be."""
    return HookRefused(400, "malformed", message, field)

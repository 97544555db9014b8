"""From a request to a hook to what was heard: the same for the web process and for `nurture hooks try`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from nurture.adapters.addresses import parse_address
from nurture.adapters.hooks import (
    brevo,
    custom,
    hubspot,
    mailgun,
    mailjet,
    pipedrive,
    postmark,
    resend,
    salesforce,
    sendgrid,
    ses,
    sparkpost,
    standard,
)  # fmt: skip
from nurture.adapters.hooks.base import Adapter, HookRefused, Post, malformed
from nurture.adapters.tokens import Tokens
from nurture.domain.answer_reading import HeardAnswer, read_answer
from nurture.domain.answering import Answered, AnswerReading
from nurture.domain.mail.feedback import Feedback
from nurture.domain.mail.hook_reading import Heard, PassedOver, UnreadableItem, items_of, read_item
from nurture.domain.mail.hooks import SOURCE, Hook, Provider, Reading
from nurture.observability import Mask

ADAPTERS: Final[Mapping[Provider, Adapter]] = {
    "ses": ses.ADAPTER,
    "sendgrid": sendgrid.ADAPTER,
    "postmark": postmark.ADAPTER,
    "mailgun": mailgun.ADAPTER,
    "mailjet": mailjet.ADAPTER,
    "brevo": brevo.ADAPTER,
    "resend": resend.ADAPTER,
    "sparkpost": sparkpost.ADAPTER,
    "hubspot": hubspot.ADAPTER,
    "salesforce": salesforce.ADAPTER,
    "pipedrive": pipedrive.ADAPTER,
    "standard": standard.ADAPTER,
    "custom": custom.ADAPTER,
}

#: A request brings at most so many things.
MOST_ITEMS: Final = 20_000

#: What is said to have happened longer ago is taken for that old.
_OLDEST: Final = timedelta(days=30)

_mask: Final = Mask()


class Rejected(NamedTuple):
    """An item that cannot be read: which one, where in it, and what is wrong."""

    number: int
    field: str
    message: str


class Told(NamedTuple):
    """What a request tells: what was heard of mails and of leads, the words that say nothing we keep, and what could not be read."""

    heard: list[Feedback]
    passed_over: list[PassedOver]
    rejected: list[Rejected]
    answered: list[Answered]

    @property
    def taken(self) -> int:
        """How much of it is kept."""
        return len(self.heard) + len(self.answered)


def key_of(tokens: Tokens, name: str, edition: int) -> str:
    """The key in a hook's address, 22 letters, digits, - and _: a secret of its own for each name and edition."""
    return tokens.hashed("hook", f"{name} {edition}")


def is_key_of(tokens: Tokens, name: str, edition: int, shown: str) -> bool:
    """Whether a key is that of a hook. How long it takes says nothing about how much of it is right."""
    return tokens.is_hash_of("hook", f"{name} {edition}", shown)


def read_post(name: str, hook: Hook, post: Post, tokens: Tokens) -> Told:
    """What a request tells that is believed. Raises HookRefused for a body that is not shaped as it should be."""
    adapter = ADAPTERS[hook.provider]
    answers, reading = hook.answers or adapter.answers, hook.reading or adapter.reading
    items = _items(adapter, answers or reading, post.document)
    if len(items) > MOST_ITEMS:
        raise HookRefused(413, "too_many_events", f"a request tells at most {MOST_ITEMS:,} things")
    told = Told([], [], [], [])
    for index, item in enumerate(items):
        try:
            found = (
                read_answer(item, answers, post.headers) if answers else read_item(item, cast("Reading", reading), post.headers)
            )
            if isinstance(found, PassedOver):
                told.passed_over.append(found)
            elif isinstance(found, HeardAnswer):
                told.answered.append(_answered(name, found, post.at))
            else:
                told.heard.append(_feedback(name, found, post.at, tokens))
        except UnreadableItem as error:
            told.rejected.append(Rejected(index, error.place, str(error)))
    return told


def _feedback(name: str, heard: Heard, at: datetime, tokens: Tokens) -> Feedback:
    link = next(tokens.mails_named(heard.mail), None)
    recipient = None
    if link is None:
        recipient = _address(heard.recipient)
    return Feedback(
        kind=heard.kind,
        source=f"{SOURCE}{name}",
        id=heard.id,
        at=min(max(heard.at or at, at - _OLDEST), at),
        message=link.message if link else None,
        person=link.person if link else None,
        recipient=recipient,
        fault=heard.fault,
        code=heard.code,
        detail=_mask.text(heard.detail) if heard.detail else None,
    )


def _items(adapter: Adapter, reading: Reading | AnswerReading | None, document: Any) -> list[Any]:
    """The things that a body tells."""
    try:
        if isinstance(document, dict | list) and reading is not None:
            return items_of(document, reading) if isinstance(reading, AnswerReading) else list(adapter.unfold(document, reading))
    except UnreadableItem as error:
        raise malformed(str(error), error.place) from None
    except (AttributeError, KeyError, TypeError):
        pass
    raise malformed("this is not what the provider sends; compare with its documentation")


def _answered(name: str, heard: HeardAnswer, at: datetime) -> Answered:
    email = None
    if heard.person is None and heard.email is not None:
        try:
            email = parse_address(heard.email)
        except ValueError as error:
            raise UnreadableItem("", f"nobody is named by this address: {error}") from None
    return Answered(
        heard.answer, f"{SOURCE}{name}", heard.id, min(heard.at or at, at), heard.person, email,
        heard.user_id if heard.person is None else None, heard.reason, heard.amount, heard.currency,
    )  # fmt: skip


def _address(written: str | None) -> str:
    """The address of a recipient, which may stand in angle brackets behind a name."""
    if not written:
        raise UnreadableItem("", "neither a mail of ours nor an address is named here")
    inside = written.rpartition("<")[2].partition(">")[0]
    try:
        return parse_address(inside.strip())
    except ValueError:
        raise UnreadableItem("", "no mail of ours is named here, and the recipient is no address") from None

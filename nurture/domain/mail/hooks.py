"""config/hooks.yaml: who tells us by webhook what became of our mails or our leads, how we know that it is them, and how they put it.

For the providers named in `Provider` both are built in. For anybody else (`custom`) `signature` and `reading` say it: where in
a request the signature stands and what it covers, where in the JSON each part stands, and what the other's words mean.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from nurture.domain.answering import AnswerReading
from nurture.domain.duration import Duration
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hook_paths import Path, Paths, as_tuple, in_small_letters
from nurture.domain.model import LONGEST_SLUG, SLUG_PATTERN, Definition, Problem, Slug, refuse

Provider = Literal[
    "ses", "sendgrid", "postmark", "mailgun", "mailjet", "brevo", "resend", "sparkpost",
    "hubspot", "salesforce", "pipedrive", "standard", "custom",
]  # fmt: skip

#: Those by which sales answers about leads; of these what they tell of mails is not heard.
OF_SALES: Final = frozenset({"hubspot", "salesforce", "pipedrive", "standard"})

#: What events of a hook bear as their source begins so.
SOURCE: Final = "hook:"

HookName = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=LONGEST_SLUG - len(SOURCE))]

#: What a word of theirs means: something heard of a mail, or nothing that we keep.
Meaning = Literal[
    "delivered", "deferred", "bounced", "complained", "unsubscribed", "replied", "auto_replied", "nothing"
]  # fmt: skip

#: Whose secrets we know by their beginning: nobody means such a thing as a name.
_SECRETS_BEGIN: Final = ("whsec_", "sk_", "key-", "Bearer ")

#: Those that sign nothing: they show what was agreed upon, in Authorization or in a header of its own.
SHOW_A_SECRET: Final = frozenset({"postmark", "mailjet", "brevo", "sparkpost", "salesforce", "pipedrive"})


def _names_a_secret(name: Any) -> Any:
    if isinstance(name, str) and (name.startswith(_SECRETS_BEGIN) or ":" in name):
        raise ValueError("this is the secret itself; put it into NURTURE_HOOK_SECRETS under a name, and write that name here")
    return name


class Reading(Definition):
    """Where in somebody's JSON it stands what became of which mail.

    A path is keys with dots between them, `data.bounce.type`; a number counts in a list, `*` is each part of a list or an object,
    and `header:webhook-id` is a header of the request. Of a word, several paths may be joined: `event/severity`.
    """

    items: Path | None = None
    """Where the list of things told lies; without it the body is one, or a list of them."""
    kind: Paths
    """Where the word lies for what happened."""
    words: Annotated[dict[str, Meaning], Field(min_length=1), AfterValidator(in_small_letters)]
    """What each of their words means. Of joined words, `failed/permanent`, the beginning that is known counts, the longest of all."""
    id: Paths = ()
    """What tells one event from all others, joined; without it, its whole content does."""
    at: Paths = ()
    """When it happened: ISO 8601, or seconds or milliseconds since 1970. Without it: when we hear of it."""
    recipient: Paths = ()
    """The address that the mail went to."""
    mail: Paths = ()
    """Where the name may lie that our mails carry: a custom id, a tag, the Message-ID."""
    code: Paths = ()
    """Where a server's reply may lie in which an enhanced code (RFC 3463) stands, such as 5.1.1."""
    detail: Paths = ()
    """Where a server's words lie."""
    fault: Paths = ()
    """Where a word lies that says whose fault a bounce is, for where no code says it."""
    faults: Annotated[dict[str, Fault], AfterValidator(in_small_letters)] = {}
    """What each of those words means."""


class Signature(Definition):
    """How a request is signed: an HMAC of a text made of its parts."""

    header: Annotated[str, Field(min_length=1)]
    """The header that holds the signature; several, with spaces between them, are each tried."""
    algorithm: Literal["hmac-sha256", "hmac-sha512", "hmac-sha1"] = "hmac-sha256"
    """The HMAC."""
    encoding: Literal["hex", "base64"] = "hex"
    """How the signature is written."""
    prefix: str = ""
    """What stands before it, such as sha256= or v1,."""
    signed: Annotated[str, Field(min_length=1)] = "{body}"
    """What is signed: {body}, {header:NAME} and {PATH} in the body stand for themselves, all else is as it is."""
    timestamp: Path | None = None
    """Where the instant stands that the signature covers, so that what was overheard is of no use later."""


class Hook(Definition):
    """Somebody who tells us what became of mails, or of leads."""

    provider: Provider
    """Who it is; custom for anybody else."""
    secret: Annotated[Slug, BeforeValidator(_names_a_secret)] | None = None
    """The name in NURTURE_HOOK_SECRETS of what they sign with, or show."""
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)] | None = None
    """The header in which they show the secret, if it is not Authorization."""
    topics: Annotated[tuple[str, ...], BeforeValidator(as_tuple, json_schema_input_type=str | tuple[str, ...])] = ()
    """For ses: the topics (ARN) of Amazon SNS that may tell us something."""
    tolerance: Duration | None = None
    """How old a signed request may be, if not as usual for the provider."""
    edition: Annotated[int, Field(ge=1)] = 1
    """Count it up when the address of this hook has become known to others: the old one is worth nothing then."""
    signature: Signature | None = None
    """For custom: how requests are signed. Without it they show the secret, in Authorization or in `header`."""
    reading: Reading | None = None
    """For custom: where in their JSON stands what became of a mail."""
    answers: AnswerReading | None = None
    """For a CRM, standard and custom: where in their JSON an answer of sales stands, if not as usual for the provider."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Hook":
        refuse("hook", self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        for key, who in _ONLY_FOR.items():
            if getattr(self, key) and self.provider not in who:
                text = f"{key!r} says nothing about {self.provider}; delete it"
                yield Problem((key,), text, in_key=True)
        if self.header and self.signature:
            yield Problem(("header",), "a signed request shows no secret; delete this, or 'signature'", in_key=True)
        if self.reading and self.answers:
            yield Problem(("answers",), "a hook tells of mails or of leads; give each a hook of its own", in_key=True)


#: Keys that mean something for some providers only.
_ONLY_FOR: Final = {
    "secret": frozenset({"sendgrid", "mailgun", "resend", "hubspot", "standard", "custom"}) | SHOW_A_SECRET,
    "topics": frozenset({"ses"}),
    "header": SHOW_A_SECRET | {"custom"},
    "tolerance": frozenset({"ses", "sendgrid", "mailgun", "resend", "hubspot", "standard", "custom"}),
    "signature": frozenset({"custom"}),
    "reading": frozenset({"custom"}),
    "answers": OF_SALES | {"custom"},
}


class Hooks(Definition):
    """config/hooks.yaml: who tells us by webhook what became of our mails and our leads."""

    sources: dict[HookName, Hook] = {}
    """Everybody by the name that stands in their address, /hooks/NAME/KEY; without any, nobody may."""


#: How old a signed request may be if nothing else is said. A repetition does no harm, so what a provider tries again for hours
#: with the stamp of its first attempt is taken; whoever stamps each attempt afresh needs minutes.
USUAL_TOLERANCE: Final[dict[Provider, timedelta]] = {
    "ses": timedelta(hours=2),
    "sendgrid": timedelta(hours=25),
    "mailgun": timedelta(hours=9),
}
_TOLERANCE: Final = timedelta(minutes=5)


def tolerance_of(hook: Hook) -> timedelta:
    """How old a signed request to a hook may be."""
    return hook.tolerance or USUAL_TOLERANCE.get(hook.provider, _TOLERANCE)

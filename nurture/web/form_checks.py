"""Whether what was posted is what the form asks for; pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from nurture.adapters.addresses import parse_address
from nurture.domain.content import Form
from nurture.web.posts import Fields, Value

#: Fields that steer the post and are no content: those of Formspree, Netlify, Web3Forms, Basin, Getform and of the captchas.
#: Every name that begins with `_` is one, too.
CONTROLS: Final = frozenset({
    "access_key", "apikey", "bot-field", "botcheck", "ccemail", "cf-turnstile-response", "form-name", "from_name",
    "g-recaptcha-response", "h-captcha-response", "honeypot", "recaptcha_response", "redirect", "redirect_to", "replyto",
    "subject", "webhook",
})  # fmt: skip

#: Fields in which people write several lines. Anywhere else a line break is an attempt to smuggle in a header of a mail.
SEVERAL_LINES: Final = frozenset({
    "body", "comment", "comments", "description", "details", "message", "need", "needs", "notes", "project", "question",
    "questions", "text",
})  # fmt: skip

LONGEST_LINE: Final = 500
LONGEST_TEXT: Final = 10_000

#: The check box that gives the form's consent.
CONSENT: Final = "consent"

_UNCHECKED: Final = frozenset({"", "0", "false", "no", "off"})


class Mistake(NamedTuple):
    """What is wrong with a field: `code` is `required`, `invalid_email`, `line_break` or `too_long`."""

    field: str
    code: str


class Posted(NamedTuple):
    """A post, taken apart: what steers it, what the form asks for, and what it does not know."""

    controls: Fields
    known: Fields
    others: Fields


class Submission(NamedTuple):
    """What a post tells of a person. `consent` is whether the box was ticked; a form without a box has none."""

    email: str | None
    traits: Mapping[str, Any]
    others: Mapping[str, Any]
    consent: bool


def take_apart(form: Form, fields: Fields) -> Posted:
    """Which field is for what. A name that the form defines is content, unless it begins with `_`."""
    controls: dict[str, Value] = {}
    known: dict[str, Value] = {}
    others: dict[str, Value] = {}
    for name, value in fields.items():
        if name.startswith("_") or (name in CONTROLS and name not in form.fields):
            controls[name] = value
        elif name in form.fields or name == CONSENT:
            known[name] = value
        else:
            others[name] = value
    return Posted(controls, known, others)


def check(form: Form, posted: Posted) -> Submission | list[Mistake]:
    """The submission, or every mistake at once, in the order of the form's fields."""
    mistakes = [
        Mistake(name, "required") for name, need in form.fields.items() if need == "required" and not _given(name, posted)
    ]
    for name, value in posted.known.items():
        code = _mistake_in(name, value)
        if code:
            mistakes.append(Mistake(name, code))
    mistakes += [Mistake(name, "too_long") for name, value in posted.others.items() if _length(value) > LONGEST_TEXT]
    if mistakes:
        return mistakes
    email = posted.known.get("email")
    return Submission(
        email=parse_address(str(email)) if email is not None else None,
        traits={name: value for name, value in posted.known.items() if name not in ("email", CONSENT)},
        others=dict(posted.others),
        consent=is_ticked(posted.known.get(CONSENT)),
    )


def _given(name: str, posted: Posted) -> bool:
    return is_ticked(posted.known.get(name)) if name == CONSENT else name in posted.known


def _mistake_in(name: str, value: Value) -> str | None:
    longest = LONGEST_TEXT if name in SEVERAL_LINES else LONGEST_LINE
    if _length(value) > longest:
        return "too_long"
    if name not in SEVERAL_LINES and any(_breaks_line(each) for each in (value if isinstance(value, list) else [value])):
        return "line_break"
    if name == "email":
        try:
            parse_address(value if isinstance(value, str) else "")
        except ValueError:
            return "invalid_email"
    return None


def _breaks_line(value: object) -> bool:
    return isinstance(value, str) and len(value.splitlines()) > 1


def _length(value: Value) -> int:
    return max((len(str(each)) for each in value), default=0) if isinstance(value, list) else len(str(value))


def is_ticked(value: Value | None) -> bool:
    """Whether a check box was ticked: browsers send `on` or its value, scripts true; unticked it is not sent at all."""
    return value is not None and str(value).lower() not in _UNCHECKED

"""Signs of spam in a form post; pure. One alone proves nothing: browsers fill in hidden fields, offices share an address."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from nurture.adapters.addresses import is_disposable
from nurture.web.form_checks import is_ticked
from nurture.web.posts import Fields

#: Fields that people do not see.
HONEYPOTS: Final = ("_gotcha", "_honeypot", "honeypot", "bot-field", "botcheck")

#: Nobody fills in a form faster.
FASTEST_WRITER: Final = timedelta(seconds=3)

#: Posts from one address within an hour; Formspree allows 30.
MOST_POSTS: Final = 30

#: So many signs put a post into quarantine.
TOO_MANY_SIGNS: Final = 2

#: The sign that a mailbox was named too often. It counts alone: whoever it is that posts, its owner must not be bombed with mail.
MAILBOX: Final = "mailbox"

#: Above this a number of seconds would be later than the year 2286; it is milliseconds.
_MILLISECONDS: Final = 10**10


def signs_of_spam(controls: Fields, email: str | None, posts: int, at: datetime) -> list[str]:
    """The signs in a post at instant `at`; `posts` is how many came from its address within the hour, this one included."""
    found = {
        "honeypot": any(is_ticked(controls.get(name)) for name in HONEYPOTS),
        "fill_time": _filled_in_no_time(controls.get("_timestamp"), at),
        "disposable_domain": email is not None and is_disposable(email),
        "rate": posts > MOST_POSTS,
    }
    return [sign for sign, present in found.items() if present]


def is_spam(signs: Sequence[str]) -> bool:
    """Whether a post goes into quarantine."""
    return MAILBOX in signs or len(signs) >= TOO_MANY_SIGNS


def _filled_in_no_time(shown_at: object, at: datetime) -> bool:
    """Whether the form was on the screen for less than a person needs; a visitor's clock that runs ahead proves nothing."""
    try:
        seconds = float(str(shown_at))
        shown = datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return timedelta(0) <= at - shown < FASTEST_WRITER

"""What mails tell of their readers, and how little of it is kept.

To fetch a picture is to read from somebody's device, which asks for a consent of its own; without one only two things may be kept
of an open: how many there were, of nobody in particular, and the day of somebody's last, so that mail to whoever never looks can
stop (CNIL, deliberation 2026-042 of 12 March 2026). Half of all opens are machines', so none is worth a point whatever is kept.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

from nurture.domain.event import EMAIL_OPENED, Event, midnight
from nurture.domain.model import Definition
from nurture.domain.person import Attribute, Person

#: What somebody consents to, so that each of their opens may be told; and the fact by which the writer of mails knows that they
#: did. No attribute is called so, for a hyphen is in none of their names.
OPEN_TRACKING: Final = "open-tracking"

#: The attribute that holds the day of somebody's last open, such as 2026-03-02 (UTC), where no more of it may be kept.
LAST_OPENED: Final = "last_opened"

#: Who tells that attribute. It follows from no event of the log, so a recount leaves it as it is.
BY_OPENING: Final = "opens"

_LONGEST_NAME: Final = 128


def _mode(value: Any) -> Any:
    if value is True:
        raise ValueError("true does not say what may be kept of an open; write aggregate, hygiene or individual")
    return "off" if value is False else value


Opens = Annotated[
    Literal["off", "aggregate", "hygiene", "individual"],
    BeforeValidator(_mode, json_schema_input_type=Literal["off", "aggregate", "hygiene", "individual", False]),
]


class Tracking(Definition):
    """What the mails tell about their readers. Opens are off: they need a consent of their own (CNIL 2026-042)."""

    clicks: bool = True
    """Whether links go through a redirect that counts clicks."""
    opens: Opens = "off"
    """What a picture in the mails tells. off: there is none; aggregate: how often the mail of a step was opened, by nobody in particular; hygiene: the day of a person's last open, which the next one overwrites (attribute last_opened); individual: each open, of people who have consented to open-tracking."""


def note_open(person: Person, event: Event) -> None:
    """Keep of an open that it was somebody's last, and on which day; nothing else of it stays."""
    day = midnight(event.occurred_at)
    known = person.attributes.get(LAST_OPENED)
    if known is None or known.at < day:
        person.attributes[LAST_OPENED] = Attribute(f"{day:%Y-%m-%d}", day, BY_OPENING)
        person.changed = True


def counted_as(event: Event) -> str:
    """Under which name an event that tells nobody's name is counted: an open under that of its step."""
    if event.name != EMAIL_OPENED:
        return event.name
    return opens_name(str(event.properties.get("sequence")), str(event.properties.get("step")))


def opens_name(sequence: str, step: str) -> str:
    """Under which name the opens of a step's mails are counted."""
    return f"{EMAIL_OPENED} {sequence}/{step}"[:_LONGEST_NAME]

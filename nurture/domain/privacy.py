"""What is kept of people: of those who have not agreed to be followed, or who object to it, and of everybody for how long."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from nurture.domain.duration import Duration, format_duration
from nurture.domain.model import Definition

#: What must be said before an event may tell who somebody is.
ConsentMode = Literal["open", "opt_in", "gpc_optout"]

#: Nothing is forgotten sooner: what is sent again within hours must still be known.
SHORTEST: Final = timedelta(days=1)

#: The classes of data that have a span, in the order in which they are forgotten.
DataClass = Literal["anonymous", "prospects", "events", "messages", "journal", "conflicts", "counted"]


def _long_enough(span: timedelta) -> timedelta:
    if span < SHORTEST:
        raise ValueError(f"{format_duration(span)} is too short to keep anything; write {format_duration(SHORTEST)} or more")
    return span


Span = Annotated[Duration, AfterValidator(_long_enough)]


class Retention(Definition):
    """How long each class of data is kept. What has no span is kept for ever; what is too old goes within the hour."""

    anonymous: Span | None = None
    """People who gave neither an address nor a user id and were not seen for so long go, with all they did. CNIL: a cookie for measuring an audience lives 13 months at most (395d; cnil.fr/fr/node/167364)."""
    prospects: Span | None = None
    """Known people who never reached the last stage and were not seen for so long are erased as by 'nurture person erase'; they may come back, unless they were never to be mailed. CNIL: 3 years from the last contact that came from the prospect (1095d)."""
    events: Span | None = None
    """What people did longer ago goes, with the points it earned; what they told of themselves and what brought them stays. CNIL: what cookies have measured is kept 25 months at most (760d; cnil.fr/fr/node/167364)."""
    messages: Span | None = None
    """Of mails that ended longer ago the subject and the mail server's words go; that they were sent, and when, stays: a step is mailed once for good."""
    journal: Span | None = None
    """What happened to who is who longer ago goes. Until then two people who were joined can be parted again."""
    conflicts: Span = timedelta(days=90)
    """Events that came under the id of another one and counted for nothing are kept so long to be looked at."""
    counted: Span = timedelta(days=30)
    """The ids of events without consent are kept so long, so that one that is sent again counts once; they name nobody."""

    def spans(self) -> dict[DataClass, timedelta]:
        """The classes that are not kept for ever, each with its span."""
        asked: dict[DataClass, timedelta | None] = {
            "anonymous": self.anonymous, "prospects": self.prospects, "events": self.events, "messages": self.messages,
            "journal": self.journal, "conflicts": self.conflicts, "counted": self.counted,
        }  # fmt: skip
        return {name: span for name, span in asked.items() if span is not None}


class Privacy(Definition):
    """config/privacy.yaml: how people's wish to be followed, or not, is heeded, and how long what is known of them is kept."""

    consent: ConsentMode = "open"
    """Without consent an event is counted and tells nobody's name. open: everybody is followed who does not say no; gpc_optout: so is everybody but those whose browser objects (Sec-GPC, DNT); opt_in: only those are who said yes."""
    retention: Retention = Retention()
    """How long each class of data is kept."""


def oldest_kept(span: timedelta, at: datetime) -> datetime:
    """The instant from which on data is kept at instant `at`: always a UTC midnight, so that score cells go by whole days."""
    return (at.astimezone(UTC) - span).replace(hour=0, minute=0, second=0, microsecond=0)

"""Every error the engine raises on purpose.

Each class answers two questions for whoever meets it: *who* must act, and does trying again help?
Without arguments the class docstring is the message.
"""

from typing import ClassVar, Literal

Actor = Literal["marketer", "operator", "web engineer", "nobody"]


class NurtureError(Exception):
    """Something in the engine refused to go on."""

    who_acts: ClassVar[Actor] = "operator"
    retry_helps: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class SettingsError(NurtureError):
    """The environment is set wrongly; correct the variable named and start again."""


class DefinitionError(NurtureError):
    """A definition in the configuration folder is wrong; `nurture check` lists every mistake with its place."""

    who_acts = "marketer"


class TemplateError(NurtureError):
    """An e-mail template cannot be rendered; correct the template or the person's missing attribute."""

    who_acts = "marketer"


class UnreadableFile(NurtureError):
    """A file cannot be read; look at what it is and whether it is whole."""


class InvalidEvent(NurtureError):
    """An event cannot be read; it waits among the dead letters."""

    who_acts = "web engineer"


class InvalidToken(NurtureError):
    """A signed link was changed, was cut off, or has expired; ask for a new one."""

    who_acts = "nobody"


class UnknownPerson(NurtureError):
    """Nobody is known by this e-mail address or id; see that it is written rightly."""


class Refused(NurtureError):
    """What was asked for cannot be done as things stand."""


class Unavailable(NurtureError):
    """A part the engine needs does not answer; the work stays queued and is tried again by itself."""

    retry_helps = True


class StreamFull(Unavailable):
    """The backlog of events has reached its bound; start more workers or raise NURTURE_MAX_BACKLOG."""


class JournalFull(Unavailable):
    """Redis is away, and so much waits for it that the journal is full; start Redis, or raise NURTURE_JOURNAL_MB."""


class TooMuch(NurtureError):
    """More hangs together than is worked out at once; what is stored stays as it is."""


class Conflict(NurtureError):
    """Another worker changed the same people at the same time; the batch is simply taken again."""

    who_acts = "nobody"
    retry_helps = True

"""The names of everything the engine keeps in Redis."""

from typing import Final

#: Consumer group and consumer of every partition. One consumer is enough: a lease says which worker it is just now, so
#: whoever holds the lease finds at once what its predecessor left unfinished.
GROUP: Final = "absorb"
CONSUMER: Final = "holder"

#: The stream of every partition begins so.
EVENTS: Final = "nurture:events:"

#: A stream of its own for what may not wait behind other events: whoever has just said no is absorbed before the next mail begins.
AHEAD: Final = "nurture:ahead"

#: The one field of a stream entry: the event as JSON.
FIELD: Final = b"e"

#: The dead-letter stream. Fields: e (the entry's body), reason, at (ISO instant), partition, entry (its former id).
DEAD: Final = "nurture:dead"

#: Form posts that look like spam, set aside for a human. Fields: e (the event's body), reasons (JSON), at (ISO instant).
QUARANTINE: Final = "nurture:quarantine"

#: When beat last ticked: seconds since 1970.
BEAT: Final = "nurture:beat"

#: Set for a moment when a worker has swept because beat was silent.
SWEPT: Final = "nurture:swept"

#: The names of the workers that gave a sign of life, with when they last did (seconds since 1970): a sorted set.
WORKERS: Final = "nurture:workers"

#: What beat took note of every few seconds, the newest first: a list of JSON (see `adapters.pulse`).
PULSE: Final = "nurture:pulse"

#: The latest warnings and errors that workers and web processes logged, the newest first: a list of JSON (see `adapters.warned`).
WARNINGS: Final = "nurture:warnings"

#: Since when the mailbox of bounces and replies could not be read: seconds since 1970. Gone when it could, or nobody tries.
MAILBOX_FAILS: Final = "nurture:mailbox:fails"

#: Counts that only grow, by name: a hash.
COUNTERS: Final = "nurture:counters"

#: How soon after a worker took a nudge of a partition the next one may go, and after how long one that nobody took counts as lost. Milliseconds.
NUDGE_EVERY: Final = 250
NUDGE_LASTS: Final = 1_000

#: Every key of Celery's own begins so.
CELERY_PREFIX: Final = "nurture:celery:"


def events(partition: int) -> str:
    """The stream of one partition."""
    return f"{EVENTS}{partition}"


def lease(partition: int) -> str:
    """Who drains a partition just now."""
    return f"nurture:lease:{partition}"


def turned_away(partition: int) -> str:
    """Set by a worker that came for a partition while another held it, which is to look once more."""
    return f"nurture:turned-away:{partition}"


def nudged(task: str) -> str:
    """Set while a nudge is on its way, and for a moment after it was taken, so that a burst of events causes one nudge."""
    return f"nurture:nudged:{task}"


def downloads(token_id: str) -> str:
    """How often a download link was used."""
    return f"nurture:downloads:{token_id}"


def form_posts(address: str, hour: int) -> str:
    """The form posts that came from an address (a keyed hash of it) within an hour, counted from 1970."""
    return f"nurture:posts:{address}:{hour}"


def mailbox_posts(mailbox: str, day: int) -> str:
    """The form posts that named a mailbox (a keyed hash of it) on a UTC day, counted from 1970."""
    return f"nurture:mailbox:{mailbox}:{day}"


def hook_token(token: str) -> str:
    """With which body a provider's signature came that covers no body; `token` is a keyed hash of what may come once."""
    return f"nurture:hook:{token}"


def withdrawn(person: int) -> str:
    """Set when somebody has said that what they do in mails is not to be followed, for as long as mails may still be opened."""
    return f"nurture:withdrawn:{person}"


def worker(name: str) -> str:
    """A worker's sign of life: a hash that expires."""
    return f"nurture:worker:{name}"


def process(kind: str, host: str, pid: int | str) -> str:
    """Which version a process of ours is: a hash that expires."""
    return f"nurture:process:{kind}:{host}:{pid}"


def lane(name: str) -> str:
    """What was given of a rate lately, packed (see limiter.lua)."""
    return f"nurture:lane:{name}"


def mail_family(domain: str) -> str:
    """Which family's servers take a domain's mail."""
    return f"nurture:family:{domain}"

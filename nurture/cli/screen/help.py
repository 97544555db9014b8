"""What the keys do, in a line and in full."""

from typing import Final

from nurture.cli.screen.lines import Line, Part
from nurture.cli.screen.view import View

#: Each key with its word, the most important first; what does not fit stands in the help.
_KEYS: Final = (
    ("q", "quit"), ("?", "help"), ("s", "sort"), ("p", "pause"), ("d", "dead letters"), ("e", "person"), ("w", "warnings"),
    ("a", "all"), ("space", "freeze"),
)  # fmt: skip


def keys_line(view: View) -> Line:
    """As many keys as fit."""
    parts: list[Part] = []
    room = view.width - 1
    for key, word in _KEYS:
        told = f"sort: {view.order}" if word == "sort" else word
        room -= len(key) + len(told) + 3
        if room < 0:
            break
        parts += [(f" {key}", "head"), (f" {told} ", "dim")]
    return tuple(parts)


HELP: Final = """
 q      quit
 ?      this
 s      order the workers: by host, busy, memory, died, age
 a      everything, to be scrolled by the arrows; again: what fits
 space  stand still; again: go on
 p      pause, resume or drain a queue of tasks, or everything
 d      the dead letters; Enter shows one with its reason and event
 e, /   somebody's story, as `nurture person show` tells it
 w      the latest warnings, whole

 The first line is the verdict of `nurture status`. Below it stands what
 is wrong, the cause first, each with the command to type next.

 FLOW       in: events that came. absorbed: events worked into the
            database. advanced: steps taken. sent: mails that a server
            took. In a second, over the last 15 s, minute, 10 minutes.
 STREAM     events that wait in each partition, that a worker has in
            hand, and how long the oldest has been there.
 DUE        steps, mails and hand-offs that are due now, of them those
            overdue by a minute, and when the next is due.
 WORKERS    busy: the share of the last 10 s in which its processes ran
            tasks. died: processes of its pool that died. runs: task,
            what it is about (a partition), the batch it works on (#),
            and for how long it has run; +1: one more task runs.
 MAIL       by the family of servers that receive it: waiting, and of
            the last day (its newest 5,000 mails) sent and bounced.
 SEQUENCES  what came of their mails, below the shares at which a
            sequence is stopped (breakers in config/sending.yaml).
 HELD       what is paused, draining or held back by a brake, and what
            is being warmed up.

 BESIDES    Redis: its memory. beat: when it last ticked, if it is late.

 A frame costs one pipeline to Redis. What only the database knows is
 read apart from that, at most every 2 s and for at most a twentieth of
 the time; when it is older than 5 s, the first line says so.
"""

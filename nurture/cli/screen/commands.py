"""What the screen does beside showing, it does by the commands of the command line, and shows which: what they refuse, it refuses."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from nurture.reports.wording import counted

#: A command that takes longer is given up, but for one that drains: it waits for what was begun. Seconds.
_PATIENCE: Final = 60
_DRAINING: Final = 600


class Done(NamedTuple):
    """What came of a command."""

    words: tuple[str, ...]
    exit_code: int
    output: str

    @property
    def typed(self) -> str:
        """The command as somebody would type it."""
        return " ".join(("nurture", *self.words))


#: Runs a command; a test gives another one.
Runner = Callable[[Sequence[str]], Done]


def run(words: Sequence[str]) -> Done:
    """Run `nurture …` with the settings of this process, and wait for it."""
    patience = _DRAINING if words[:1] == ["drain"] else _PATIENCE
    try:
        ran = subprocess.run(  # noqa: S603  # our own command, and no shell
            [sys.executable, "-m", "nurture.cli.main", *words], env={**os.environ, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=patience, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Done(tuple(words), 2, f"no answer within {counted(patience, 'second')}; type the command yourself")
    return Done(tuple(words), ran.returncode, ran.stdout.strip())


def person(email: str) -> list[str]:
    """The words that tell somebody's story."""
    return ["person", "show", "--", email.strip()]


def letters() -> list[str]:
    """The words that list dead letters."""
    return ["dead", "list", "--json", "--limit", "200"]


def letter(id_: str) -> list[str]:
    """The words that show one."""
    return ["dead", "show", "--", id_]


def line_of(letter: dict[str, Any]) -> str:
    """A dead letter in a list."""
    return f"{str(letter.get('at', ''))[:19].replace('T', ' ')}  {letter.get('name') or '?'}  {letter.get('reason', '')}"


def holding(verb: str, queue: str | None) -> list[str]:
    """The words that pause, resume or drain a queue, or everything."""
    return [verb, "all"] if queue is None else [verb, "queue", queue]

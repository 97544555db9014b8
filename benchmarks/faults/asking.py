"""`nurture status --json`, asked as often as wanted: the command in a process forked from one that has loaded it already."""

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

_PROCESSES: Final = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["nurture.cli.main", "nurture.reports.status", "nurture.adapters.database.engine"])

#: Longer than the command takes with every server hanging. Seconds.
_PATIENCE: Final = 60.0


class Said(NamedTuple):
    """What the command said, and the codes of the problems in it."""

    exit_code: int
    verdict: str
    codes: tuple[str, ...]


class Question:
    """A status that is being asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._line, theirs = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=_ask, args=(theirs, dict(environ)), daemon=True)
        self._process.start()
        theirs.close()

    def answer(self) -> Said:
        """What it said; raises TimeoutError when it says nothing."""
        try:
            if not self._line.poll(_PATIENCE):
                raise TimeoutError("nurture status --json does not answer")
            code, text = self._line.recv()
        finally:
            self._line.close()
            self._process.kill()
            self._process.join()
        told: dict[str, Any] = json.loads(text)
        return Said(code, told["verdict"], tuple(str(each["code"]) for each in told["problems"]))


def _ask(line: Connection, environ: Mapping[str, str]) -> None:
    from nurture.cli.main import run

    for name in [name for name in os.environ if name.startswith("NURTURE_")]:
        del os.environ[name]
    os.environ.update(environ)
    sys.argv = ["nurture", "status", "--json"]
    printed, code = io.StringIO(), 0
    with redirect_stdout(printed):
        try:
            run()
        except SystemExit as end:
            code = int(end.code or 0)
    line.send((code, printed.getvalue()))

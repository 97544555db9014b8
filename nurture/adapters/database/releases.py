"""Definitions in force: stored by `apply`, read by every worker, switched to together."""

import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, func, select, tuple_
from sqlalchemy import insert as plain_insert
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from nurture.adapters.database.dialect import insert
from nurture.adapters.database.figure_basis import begin_basis
from nurture.adapters.database.surveys import start_surveys
from nurture.adapters.database.tables import releases, sequence_versions
from nurture.domain.definitions import Definitions
from nurture.domain.sequence import Sequence
from nurture.errors import DefinitionError

_log = structlog.get_logger(__name__)


class Releases:
    """Reads releases and remembers what it has parsed; one for each process."""

    def __init__(self) -> None:
        self._current: tuple[int, Definitions] | None = None
        self._versions: dict[tuple[str, str], Sequence] = {}

    def current(self, connection: Connection) -> Definitions:
        """The definitions in force; raises DefinitionError when nothing was ever applied, or by an engine that wrote otherwise."""
        return self.of(connection, connection.scalar(select(func.max(releases.c.id))))

    def of(self, connection: Connection, newest: int | None) -> Definitions:
        """The same for whoever knows already which release is the newest."""
        if newest is None:
            raise DefinitionError("no definitions are in force; run `nurture apply`")
        if self._current is None or self._current[0] != newest:
            self._current = newest, body_of(connection, newest)
        return self._current[1]

    def pinned(self, connection: Connection, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence]:
        """The sequences named by (sequence, version)."""
        missing = set(wanted) - self._versions.keys()
        if missing:
            key = tuple_(sequence_versions.c.sequence, sequence_versions.c.version)
            for row in connection.execute(select(sequence_versions).where(key.in_(sorted(missing)))):
                self._versions[row.sequence, row.version] = Sequence.model_validate_json(row.body)
        return self._versions


def apply(connection: Connection, definitions: Definitions, at: datetime, restores: int | None = None) -> bool:
    """Put definitions in force; False if they are so already. `restores` is the release that had them before."""
    newest = connection.execute(select(releases).order_by(releases.c.id.desc()).limit(1)).one_or_none()
    if newest is not None and newest.digest == definitions.digest:
        return False
    for name, version in sorted(definitions.versions.items()):
        body = definitions.sequences[name].model_dump_json(by_alias=True, exclude_defaults=True)
        row = {"sequence": name, "version": version, "body": body}
        connection.execute(insert(connection, sequence_versions).on_conflict_do_nothing(), row)
    row_of_release = {"digest": definitions.digest, "body": definitions.to_json(), "applied_at": at, "restores": restores}
    connection.execute(plain_insert(releases), row_of_release)
    begin_basis(connection, definitions, at)
    start_surveys(connection, _before(newest.body, definitions) if newest is not None else None, definitions, at)
    return True


def _before(body: str, definitions: Definitions) -> Definitions:
    """What was in force. What this engine can no longer read counts as no change, so that nobody is taken in a second time."""
    try:
        return Definitions.model_validate_json(body)
    except ValidationError:
        return definitions


class Release(NamedTuple):
    """A release as it is listed; the one with the highest id is in force. `restores` is the earlier one that it put back."""

    id: int
    digest: str
    applied_at: datetime
    restores: int | None


def listed(connection: Connection) -> list[Release]:
    """All releases, the one in force first."""
    columns = releases.c.id, releases.c.digest, releases.c.applied_at, releases.c.restores
    return [Release(*row) for row in connection.execute(select(*columns).order_by(releases.c.id.desc()))]


def body_of(connection: Connection, release: int) -> Definitions:
    """The definitions of a release; raises DefinitionError when this engine does not understand them any more."""
    body = connection.scalar(select(releases.c.body).where(releases.c.id == release))
    try:
        return Definitions.model_validate_json(body or "")
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, mistake["loc"]))
        raise DefinitionError(
            f"release {release} was written for another version of nurture ({where}: {mistake['msg']}); "
            "put its files into the configuration folder, correct them and apply them"
        ) from error


def taken_back(connection: Connection, digest: str) -> Release | None:
    """The rollback in force, if the definitions with this digest are among those that it took back."""
    found = listed(connection)
    if not found or found[0].restores is None:
        return None
    newest, since = found[0], found[0].restores
    return newest if any(each.digest == digest for each in found if since < each.id < newest.id) else None


class ReleaseWatch:
    """The definitions in force for a process that must not wait for the database: looked up in the background.

    Calling it costs nothing. While the database is away the last definitions stay in use; with `kept`, a file in which they are
    kept, also by a process that starts meanwhile. Raises OperationalError without either, and DefinitionError.
    """

    def __init__(self, engine: Engine, every: float = 1.0, kept: Path | None = None) -> None:
        self._engine = engine
        self._every = every
        self._kept = kept
        self._releases = Releases()
        self._current = self._first()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="release-watch", daemon=True)

    def __call__(self) -> Definitions:
        return self._current

    def start(self) -> None:
        """Begin to look for newer definitions every `every` seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def _look(self) -> Definitions:
        with self._engine.connect().execution_options(reading=True) as connection:
            return self._releases.current(connection)

    def _first(self) -> Definitions:
        try:
            found = self._look()
        except OperationalError as error:
            kept = self._kept_ones()
            if kept is None:
                raise
            reason = str(error.orig).partition("\n")[0]
            _log.warning("the database is away; the definitions that were in force last stay in use", reason=reason)
            return kept
        self._keep(found)
        return found

    def _keep_looking(self) -> None:
        while not self._stop.wait(self._every):
            with suppress(SQLAlchemyError, DefinitionError):
                found = self._look()
                if found is not self._current:
                    self._current = found
                    self._keep(found)

    def _kept_ones(self) -> Definitions | None:
        try:
            return None if self._kept is None else Definitions.model_validate_json(self._kept.read_bytes())
        except (OSError, ValidationError):
            return None

    def _keep(self, definitions: Definitions) -> None:
        """Write the file anew, as a whole or not at all; without a disk to write to there is only the database."""
        if self._kept is None:
            return
        draft = self._kept.with_name(f"{self._kept.name}.{os.getpid()}")
        with suppress(OSError):
            draft.write_text(definitions.to_json())
            draft.replace(self._kept)

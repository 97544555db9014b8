"""One run of `nurture import`: its parts put together."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from nurture import bootstrap
from nurture.adapters.addresses import parse_address
from nurture.adapters.import_progress import Progress, ProgressFile
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.patient_writer import PatientWriter
from nurture.adapters.refused_rows import RefusedRows
from nurture.adapters.row_files import RowFile, digest_of, kept, opened
from nurture.adapters.tokens import Tokens
from nurture.definitions.mapping import LoadedMapping, load_mapping
from nurture.domain.event import Event
from nurture.domain.ids import stable_id
from nurture.domain.imports.columns import Taken, taken_for
from nurture.domain.imports.mapping import Imported
from nurture.domain.imports.rows import Refused, Row, Skipped, Surroundings, event_of
from nurture.errors import UnreadableFile
from nurture.flow.import_rows import Account, import_rows
from nurture.settings import Settings

#: Events that a dry run shows, and mistakes that are kept for JSON.
SHOWN: Final = 5
MISTAKES: Final = 1_000

#: Rows of different keys whose meaning is remembered; a file of JSON lines has a handful.
_SHAPES: Final = 1_000


class Options(NamedTuple):
    """What the command line asks for; `file` is a path, or `-` for standard input."""

    imports: Imported
    file: str
    mapping: Path | None = None
    dry_run: bool = False
    errors: Path | None = None
    strict: bool = False
    restart: bool = False
    encoding: str | None = None


class RowMistake(NamedTuple):
    """Why a row was refused, with its place in the file."""

    line: int
    column: str
    what: str
    remedy: str


@dataclass(slots=True)
class Told:
    """What a run came to. `state` is how it ended: only tried, written, refused as a whole, or done already before."""

    state: str
    account: Account
    columns: dict[str, str | None]
    resumed_at: int = 0
    first: list[Event] = field(default_factory=list)
    mistakes: list[RowMistake] = field(default_factory=list)


class Telling(NamedTuple):
    """Whom a run tells what happens: of each refused row, of what it waits for, and how far it is."""

    mistake: Callable[[Row, Refused], None]
    waiting: Callable[[str], None]
    progress: Callable[[Account], None]


def run(options: Options, settings: Settings, telling: Telling) -> Told:
    """Import a file, or only try to; raises NurtureError for what concerns the file, the mapping or Redis as a whole."""
    with _as_file(options.file, settings) as path:
        if options.errors is not None and options.errors.exists() and path.exists() and options.errors.samefile(path):
            raise UnreadableFile(f"{path} would be overwritten while it is read; name another file with --errors")
        return _Run(options, settings, telling, path).run()


def _as_file(file: str, settings: Settings) -> AbstractContextManager[Path]:
    return kept(sys.stdin.buffer, settings.data_dir) if file == "-" else nullcontext(Path(file))


class _Decider:
    """Decides rows, and learns on the way what their columns were taken for."""

    def __init__(self, imports: Imported, loaded: LoadedMapping | None, surroundings: Surroundings) -> None:
        self._imports = imports
        self._loaded = loaded
        self._surroundings = surroundings
        self._taken: dict[tuple[str, ...], Taken] = {}
        self.columns: dict[str, str | None] = {}

    def look_at(self, source: RowFile) -> None:
        """Learn from the header; raises DefinitionError when the mapping asks for columns that are not there."""
        if self._loaded is not None:
            if source.columns:
                self._loaded.refuse_columns(list(source.columns))
            self.columns.update(_columns_of(self._loaded, source))
        elif source.columns:
            self._take(source.columns)

    def __call__(self, row: Row) -> Event | Skipped | Refused:
        mapping = self._loaded.mapping if self._loaded is not None else self._take(tuple(row.cells)).mapping
        return event_of(row, mapping, self._surroundings)

    def _take(self, columns: tuple[str, ...]) -> Taken:
        taken = self._taken.get(columns)
        if taken is None:
            taken = taken_for(columns, self._imports)
            if len(self._taken) < _SHAPES:
                self._taken[columns] = taken
                self.columns.update(taken.columns)
        return taken


def _columns_of(loaded: LoadedMapping, source: RowFile) -> dict[str, str | None]:
    """The columns of a file with all the fields that a mapping fills from each."""
    used: dict[str, list[str]] = {column: [] for column in source.columns}
    for name, filling in loaded.mapping.fields.items():
        asked = [column for _, column in filling.columns()]
        asked += [column for _, columns in filling.alternatives() for column in columns]
        for column in asked:
            used.setdefault(column, []).append(name)
    return {column: ", ".join(dict.fromkeys(names)) or None for column, names in used.items()}


class _Run:
    """One file under one mapping."""

    def __init__(self, options: Options, settings: Settings, telling: Telling, path: Path) -> None:
        self._options = options
        self._settings = settings
        self._telling = telling
        self._path = path
        self._loaded = load_mapping(options.mapping, options.imports) if options.mapping else None
        self._document = digest_of(path)
        tokens = Tokens(settings.secret)
        around = Surroundings(
            address=parse_address,
            keyed=lambda text: tokens.mac("import", stable_id("import", text)),
            document=self._document,
            at=bootstrap.clock(settings).now(),
        )
        self._decider = _Decider(options.imports, self._loaded, around)
        self._told = Told("tried", Account(), self._decider.columns)

    def run(self) -> Told:
        if self._options.dry_run:
            self._told.account = self._try()
        elif self._options.strict and (tried := self._try()).refused:
            self._told.state, self._told.account = "refused", tried
        else:
            self._write()
        return self._told

    @contextmanager
    def _open(self) -> Iterator[RowFile]:
        mapping = self._loaded.mapping if self._loaded else None
        with opened(
            self._path,
            line=mapping.line if mapping else None,
            encoding=self._options.encoding or (mapping.encoding if mapping else None),
            delimiter=mapping.delimiter if mapping else None,
        ) as source:
            self._decider.look_at(source)
            yield source

    def _try(self) -> Account:
        """Decide all rows and write nothing but the refused ones, where a file was named for them."""
        with self._open() as source, _refused_rows(self._options.errors, source, 0) as refused_rows:
            return import_rows(source.rows, self._decider, _Outcome(self._telling, self._told, refused_rows, None, None))

    def _write(self) -> None:
        encoding = self._options.encoding or "own"
        mapping = self._loaded.digest if self._loaded else "obvious"
        name = f"{self._options.imports}-{self._document}-{mapping}-{encoding}"
        file = ProgressFile(self._settings.data_dir / "imports", name)
        if self._options.restart:
            file.forget()
        before = file.load()
        done = Account(before.rows, before.accepted, before.refused, before.skipped, before.warned)
        if before.finished:
            self._told.state, self._told.account = "already", done
            return
        self._told.resumed_at = before.rows
        same = self._options.errors is not None and before.errors_file == str(self._options.errors.absolute())
        with ExitStack() as stack:
            source = stack.enter_context(self._open())
            refused_rows = stack.enter_context(_refused_rows(self._options.errors, source, before.errors_size if same else 0))
            settings = self._settings
            nudge = CeleryNudge(settings.redis)
            stack.callback(nudge.close)
            writer = stack.enter_context(
                PatientWriter(settings.redis, settings.partitions, settings.max_backlog, nudge, self._telling.waiting)
            )
            outcome = _Outcome(self._telling, self._told, refused_rows, writer, file)
            account = import_rows(source.rows, self._decider, outcome, done)
            outcome.finish(account)
        self._told.state, self._told.account = "written", account


@contextmanager
def _refused_rows(path: Path | None, source: RowFile, size: int) -> Iterator[RefusedRows | None]:
    if path is None:
        yield None
        return
    refused_rows = RefusedRows(path, source, size)
    try:
        yield refused_rows
    finally:
        refused_rows.close()


class _Outcome:
    """Fulfils `import_rows.Outcome`; without a writer nothing is written and nothing kept."""

    def __init__(
        self,
        telling: Telling,
        told: Told,
        refused_rows: RefusedRows | None,
        writer: PatientWriter | None,
        file: ProgressFile | None,
    ) -> None:
        self._telling = telling
        self._told = told
        self._refused_rows = refused_rows
        self._writer = writer
        self._file = file

    def write(self, events: Sequence[Event]) -> None:
        self._told.first += events[: SHOWN - len(self._told.first)]
        if self._writer is not None and events:
            self._writer.write(events)

    def refuse(self, row: Row, refused: Refused) -> None:
        if len(self._told.mistakes) < MISTAKES:
            self._told.mistakes.append(RowMistake(row.line, *refused))
        if self._refused_rows is not None:
            self._refused_rows.add(row, refused)
        self._telling.mistake(row, refused)

    def save(self, account: Account) -> None:
        self._telling.progress(account)
        self._keep(Progress(**asdict(account)))

    def finish(self, account: Account) -> None:
        """Keep that nothing is left to do."""
        self._keep(Progress(**asdict(account), finished=True))

    def _keep(self, progress: Progress) -> None:
        if self._file is None:
            return
        if self._refused_rows is not None:
            progress.errors_file, progress.errors_size = str(self._refused_rows.path), self._refused_rows.size()
        self._file.save(progress)

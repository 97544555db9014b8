"""`nurture test`: the cases of the configuration folder, tried on the simulator."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import clean, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.definitions.case_files import CaseFile
    from nurture.definitions.mistakes import Mistake
    from nurture.domain.definitions import Definitions
    from nurture.settings import Settings
    from nurture.simulation.cases.playing import Ground
    from nurture.simulation.cases.results import Chosen, Result


def try_cases(
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE|CASE]...", help="Files of cases, or cases by name; without, all of them.")
    ] = None,
    text: Annotated[
        str, typer.Option("-k", metavar="TEXT", help="Only cases with this text in their or their file's name.")
    ] = "",
    junit: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the results as JUnit XML as well.")] = None,
    no_render: Annotated[bool, typer.Option("--no-render", help="Leave the templates alone.")] = False,
    record: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Try nothing: write a case from what really happened to somebody.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="With --record: the file to write; without it, print it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try the cases in the folder `tests` of the configuration on the simulator; it needs no database and mails nobody.

    Exit code 1 if a case fails, 2 if there are mistakes in the files. With --record it reads the database, and writes a case that
    passes on the definitions in force; no name, address or message of the person stands in it.
    """
    from nurture.simulation.cases.results import attempt

    if record is not None:
        if wanted or text or junit:
            raise typer.BadParameter("goes neither with cases nor with -k or --junit", param_hint="--record")
        _record(record, out, as_json, no_render=no_render)
        return
    if out is not None:
        raise typer.BadParameter("goes with --record", param_hint="--out")
    settings = load_settings()
    definitions = _definitions(settings, as_json, no_render=no_render)
    chosen = _chosen(settings, definitions, wanted or [], text, as_json)
    results = []
    for result in attempt(chosen, ground_of(settings, definitions, no_render=no_render)):
        results.append(result)
        if not as_json:
            typer.echo(f"{'ok    ' if result.passed else 'FAILED'}  {clean(result.file)}: {clean(result.case)}")
    _report(results, junit, as_json)
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


def ground_of(settings: "Settings", definitions: "Definitions", *, no_render: bool) -> "Ground":
    """What cases are played on: real holidays, and mails written with links that nobody can follow."""
    from nurture.adapters.agents import kind_of_agent
    from nurture.adapters.calendar import is_holiday
    from nurture.adapters.mail.writer import MailWriter
    from nurture.adapters.tokens import Tokens
    from nurture.simulation.cases.playing import Ground

    tokens = Tokens("links in cases lead nowhere")
    writer = None if no_render else MailWriter(settings.templates_dir, settings.public_url, tokens)
    return Ground(definitions, is_holiday, kind_of_agent, writer)


def _definitions(settings: "Settings", as_json: bool, *, no_render: bool) -> "Definitions":
    from nurture.bootstrap import load_definitions
    from nurture.definitions.loader import load

    loaded = load(settings.config_dir) if no_render else load_definitions(settings)
    if loaded.definitions is None:
        _refuse(loaded.errors, as_json)
    return loaded.definitions


def _chosen(settings: "Settings", definitions: "Definitions", wanted: list[str], text: str, as_json: bool) -> "list[Chosen]":
    """The cases that are to be tried; exits with code 2 if there are none, or mistakes in their files."""
    from nurture.domain.wording import instead
    from nurture.simulation.cases.results import choose

    paths = [Path(name) for name in wanted if name.endswith(".yaml") and Path(name).is_file()]
    names = [name for name in wanted if Path(name) not in paths]
    files = _files(settings, definitions, paths, as_json, all_of_them=bool(names) or not paths)
    try:
        chosen = choose(files, wanted, text)
    except KeyError as unknown:
        known = [*(file.path.stem for file in files), *(case.case for file in files for case in file.content.cases)]
        raise typer.BadParameter(f"there is no case {unknown.args[0]!r}; {instead(unknown.args[0], known)}") from None
    if not chosen:
        where = f"with {text!r} in its name" if text else f"in {settings.config_dir / 'tests'}"
        raise typer.BadParameter(f"there is no case {where}; the example in the documentation is a start")
    return chosen


def _files(
    settings: "Settings", definitions: "Definitions", paths: Sequence[Path], as_json: bool, *, all_of_them: bool
) -> "list[CaseFile]":
    from nurture.definitions.case_files import load_case_file, load_cases

    files, mistakes = [], []
    if all_of_them:
        loaded = load_cases(settings.config_dir, definitions)
        files, mistakes = [*loaded.files], [*loaded.errors]
    known = {file.path.resolve() for file in files} | {Path(mistake.file).resolve() for mistake in mistakes}
    for path in paths:
        if path.resolve() not in known:
            file, found = load_case_file(path, definitions)
            files += [file] if file is not None else []
            mistakes += found
    if mistakes:
        _refuse(mistakes, as_json)
    return files


def _refuse(mistakes: "Sequence[Mistake]", as_json: bool) -> NoReturn:
    """Tell the mistakes and exit."""
    from dataclasses import asdict

    if as_json:
        print_json({"cases": [], "failed": 0, "mistakes": [asdict(each) for each in mistakes]})
    else:
        for mistake in mistakes:
            typer.echo(str(mistake))
        typer.echo(f"{counted(len(mistakes), 'error')}; no case was tried", err=True)
    raise typer.Exit(2)


def _report(results: "Sequence[Result]", junit_file: Path | None, as_json: bool) -> None:
    from nurture.simulation.cases.junit import junit

    if junit_file is not None:
        junit_file.parent.mkdir(parents=True, exist_ok=True)
        junit_file.write_bytes(junit(results))
    failed = sum(not result.passed for result in results)
    if as_json:
        print_json({"cases": [_told(result) for result in results], "failed": failed, "mistakes": []})
        return
    for result in results:
        if not result.passed:
            typer.echo("\n".join(_lines(result)))
    seconds = sum(result.seconds for result in results)
    typer.echo(f"\n{counted(len(results), 'case')}, {failed} failed ({seconds:.1f} s)")


def _lines(result: "Result") -> Iterator[str]:
    yield f"\nFAILED  {clean(result.case)}"
    for why in result.why:
        yield f"  {clean(result.file)}:{why.spot.line}:{why.spot.column}: {why.key}"
        yield from (f"    {_printable(line)}" for line in why.lines())


def _printable(line: str) -> str:
    """A line without control characters; its spaces are columns, and stay."""
    return "".join(each if each.isprintable() else "\ufffd" for each in line)


def _told(result: "Result") -> dict[str, Any]:
    return {
        "file": result.file, "line": result.spot.line, "case": result.case, "passed": result.passed,
        "seconds": round(result.seconds, 3),
        "failures": [
            {
                "line": why.spot.line, "column": why.spot.column, "key": why.key, "diff": why.failure.diff,
                "who": why.failure.who, "timeline": why.failure.timeline,
            }
            for why in result.why
        ],
    }  # fmt: skip


def _record(email: str, out: Path | None, as_json: bool, *, no_render: bool) -> None:
    """Write a case from somebody's story; exit code 1 if nobody is known by what was typed."""
    from nurture.cli.installation import in_force
    from nurture.errors import UnknownPerson
    from nurture.reports.recorded import recorded_story
    from nurture.simulation.cases.recording import record

    try:
        with in_force() as installation:
            found = recorded_story(installation.engine, email, installation.at)
    except UnknownPerson as error:
        typer.echo(f"nurture: {error}", err=True)
        raise typer.Exit(1) from None
    recording = record(found, ground_of(load_settings(), installation.definitions, no_render=no_render))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(recording.text, encoding="utf-8")
    if as_json:
        told = {"file": out.as_posix()} if out is not None else {"text": recording.text}
        print_json({**told, "unlike": recording.unlike})
        return
    typer.echo(out.as_posix() if out is not None else recording.text.rstrip())
    for line in recording.unlike:
        typer.echo(f"not in the case: {clean(line)}", err=True)

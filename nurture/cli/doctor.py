"""`nurture doctor`: a look at everything that the engine rests on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import clean, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nurture.reports.doctor.finding import Area, Finding
    from nurture.reports.doctor.patient import Patient
    from nurture.reports.doctor.visit import Report

_MARKS = {"ok": "✓", "note": "·", "warning": "!", "error": "✗"}
_COLOURS = {"warning": typer.colors.YELLOW, "error": typer.colors.RED}


def doctor(
    only: Annotated[
        str | None,
        typer.Option(metavar="AREA,…", help="Only these areas, such as redis,dns; what there is, `nurture doctor` shows."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody outside: no mail server, no DNS, no page.")] = False,
    page: Annotated[str | None, typer.Option(metavar="URL", help="Look at this landing page, too.")] = None,
    resolver: Annotated[
        str | None, typer.Option(metavar="ADDRESS[:PORT]", help="Ask this name server instead of the system's.")
    ] = None,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long a server may take for an answer.")] = "3s",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; docs/schemas/doctor.json describes it.")] = False,
) -> None:
    """Look at everything the engine rests on. Exit code 0: all is well; 1: something wants a human; 2: something does not work.

    Nothing is changed and nothing is mailed. Each finding has its remedy; the worst stands last, next to the prompt.
    """
    from nurture.errors import SettingsError

    areas = _areas(only)
    patience = _seconds(timeout)
    try:
        settings = load_settings()
    except SettingsError as error:
        report = _about_settings(error)
    else:
        from nurture.reports.doctor.visit import visit

        given = {"patience": patience, "offline": offline, "page": page, "thorough": bool(areas)}
        with patient_of(settings, resolver, **given) as patient:
            report = visit(patient, areas)
    if as_json:
        print_json(report)
    else:
        for line in lines(report):
            typer.echo(line)
    raise typer.Exit(report.exit_code)


def patient_of(settings: Any, resolver: str | None, **given: Any) -> "Patient":
    """An installation, ready to be examined."""
    from nurture import bootstrap
    from nurture.adapters.resolver import DnsResolver
    from nurture.reports.doctor.patient import Patient

    asking = DnsResolver(resolver, given["patience"])
    return Patient(settings, bootstrap.clock(settings), asking, lambda: bootstrap.load_definitions(settings), **given)


def _areas(only: str | None) -> "list[Area]":
    from nurture.domain.wording import one_of
    from nurture.reports.doctor.finding import AREAS

    wanted = [each.strip() for each in (only or "").split(",") if each.strip()]
    unknown = [each for each in wanted if each not in AREAS]
    if unknown:
        raise typer.BadParameter(f"there is no area {unknown[0]!r}; there are {one_of(AREAS)}", param_hint="--only")
    return [area for area in AREAS if area in wanted]


def _seconds(written: str) -> float:
    from nurture.domain.duration import parse_duration

    try:
        return max(0.1, parse_duration(written).total_seconds())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None


def _about_settings(error: Exception) -> "Report":
    """Where the environment is wrong nothing else can be looked at."""
    from nurture.reports.doctor.settings_area import BOOK
    from nurture.reports.doctor.visit import Report

    wrong = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
    return Report(exit_code=2, findings=tuple(BOOK("settings-wrong", each) for each in wrong), checks=())


def lines(report: "Report") -> "Iterator[str]":
    """The findings by area, each with a mark; then what to do, the worst last, for that is where one looks."""
    from nurture.reports.doctor.finding import AREAS
    from nurture.reports.wording import counted

    for area in AREAS:
        found = [each for each in report.findings if each.area == area]
        if found:
            yield typer.style(area, bold=True)
            yield from (f"  {_MARKS[each.level]} {clean(each.what)}" for each in found)
    wrong = [each for each in report.findings if each.level in ("error", "warning")]
    yield ""
    for each in reversed(wrong):
        yield from _told(each)
    errors = sum(each.level == "error" for each in wrong)
    verdict = f"{counted(errors, 'error')}, {counted(len(wrong) - errors, 'warning')}" if wrong else "all is well"
    yield f"{verdict}; {counted(len(report.checks), 'check')} made"


def _told(finding: "Finding") -> "Iterator[str]":
    follows = f" (follows from {finding.follows})" if finding.follows is not None else ""
    yield typer.style(f"{finding.level}: {clean(finding.what)}{follows}", fg=_COLOURS.get(finding.level))
    yield f"  {finding.code}: {finding.remedy}"
    if finding.command is not None and not follows:
        yield f"  $ {finding.command}"

"""A suggested scorecard as YAML that `nurture check` accepts as scoring.yaml, with its evidence beside each rule; and as tables."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

from nurture.definitions.flow_style import in_flow_style
from nurture.domain.duration import format_duration
from nurture.learning.evaluation import Quality, Threshold
from nurture.learning.fitting import Fitted, Report, RuleFound, Step
from nurture.reports.wording import counted


def to_yaml(fitted: Fitted) -> str:
    """The whole of a scoring.yaml; loading it gives `fitted.scoring` back."""
    return "\n".join(_lines(fitted)) + "\n"


def _lines(fitted: Fitted) -> Iterator[str]:
    scoring, report = fitted.scoring, fitted.report
    evidence = {rule.id: rule for rule in report.rules}
    yield "# yaml-language-server: $schema=schemas/scoring.json"
    yield "#"
    yield from (f"# {line}".rstrip() for line in _preface(report))
    yield ""
    yield f"half_life: {format_duration(scoring.half_life)}"
    if scoring.rules:
        yield "\nrules:"
        for rule in scoring.rules:
            yield f"  - id: {in_flow_style(rule.id)}  {_evidence(evidence[rule.id], 'did it')}"
            yield f"    on: {in_flow_style(rule.on[0] if len(rule.on) == 1 else list(rule.on))}"
            if rule.where is not None:
                yield f"    where: {in_flow_style(rule.where.raw)}"
            yield f"    points: {rule.points}"
            if rule.cap is not None:
                yield f"    cap: {in_flow_style(rule.cap.model_dump())}"
    if scoring.fit:
        yield "\nfit:"
        for each in scoring.fit:
            yield f"  - id: {in_flow_style(each.id)}  {_evidence(evidence[each.id], 'are so')}"
            yield f"    when: {in_flow_style(each.when.raw)}"
            yield f"    points: {each.points}"
    yield ""
    yield "# A is earned by about a tenth of the people learned from, B or better by a quarter, C or better by half."
    yield f"grades: {in_flow_style(dict(scoring.grades))}"


def _preface(report: Report) -> Iterator[str]:
    models = report.comparison
    dates = f", {report.first} to {report.last}" if report.first else ""
    yield "A suggestion learned by `nurture score fit`; nothing of it is in force. Read it, change what you know better,"
    yield "put it in the place of scoring.yaml, then `nurture check` and `nurture apply`."
    yield ""
    yield _one_line(f"outcome: {report.outcome}; {report.won} of {report.people} people won{dates}")
    yield f"AUC with people it had not seen: {_quality(models.scorecard)}; logistic regression {_quality(models.regression)},"
    yield f"gradient boosting {_quality(models.boosting)}; {models.folds} folds, {counted(models.repeats, 'time')}, seed {report.seed},"
    yield f"scikit-learn {version('scikit-learn')}"
    yield f"{report.doubling} points more double the odds of winning; at no points the log-odds are {report.log_odds_at_no_points:+.2f}."
    yield ""
    yield f"Advised: {report.advised.points} points or more ({report.criterion}): {_words(report.advised)}."
    yield "As a promotion in lifecycle.yaml:"
    yield f"  - {in_flow_style({'id': 'worth-a-call', 'to': 'mql', 'when': condition(report.promotion)})}"
    if len(report.promotion) > 1:
        yield f"which on the people it was learned from means: {_words(report.promoted)}."
    yield from (f"Suspicious, so left out: {_one_line(each)}." for each in report.suspicious)
    yield from (f"{_one_line(each)}." for each in report.remarks)


def condition(steps: Iterable[Step]) -> dict[str, Any]:
    """The threshold in the condition language."""
    asked = [
        {name: {"at_least": least} for name, least in (("fit", step.fit), ("engagement", step.engagement)) if least is not None}
        for step in steps
    ]
    return asked[0] if len(asked) == 1 else {"any": asked}


def _evidence(rule: RuleFound, they: str) -> str:
    return f"# coefficient {rule.log_odds:+.2f}; {rule.people} people {they}, {rule.won} of them won ({_share(rule)})"


def _words(found: Threshold) -> str:
    volume = f"{found.per_week:.1f} people a week" if found.per_week is not None else f"{found.people} people"
    return f"{volume}, precision {found.precision:.1%}, recall {found.recall:.1%}"


def _quality(quality: Quality) -> str:
    return f"{quality.auc:.3f} ± {quality.error:.3f}"


def _one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


class Table(NamedTuple):
    """A title, headings, and rows of as many cells."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(report: Report) -> Iterator[Table]:
    """The evidence as tables."""
    yield Table("How well it ranks people it has not seen", ("model", "AUC", "±"), list(_models(report)))
    yield Table(
        "Rules",
        ("points", "rule", "about", "people", "won", "share"),
        [
            (f"{each.points:+d}", each.id, in_flow_style(each.about), str(each.people), str(each.won), _share(each))
            for each in report.rules
        ],
    )
    yield Table(
        "Calibration, by tenths of the people",
        ("tenth", "people", "expected to win", "won"),
        [
            (str(number), str(each.people), f"{each.expected:.1%}", f"{each.observed:.1%}")
            for number, each in enumerate(report.calibration, 1)
        ],
    )
    yield Table(
        f"Thresholds (* advised: {report.criterion})",
        ("from points", "people", "a week", "precision", "recall", "F1"),
        list(_thresholds(report)),
    )


def _models(report: Report) -> Iterator[tuple[str, ...]]:
    models = report.comparison
    named = {
        "this scorecard": models.scorecard, "logistic regression": models.regression, "gradient boosting": models.boosting,
    }  # fmt: skip
    for name, quality in named.items():
        yield name, f"{quality.auc:.3f}", f"{quality.error:.3f}"
    if report.today is not None:
        yield "today's points", f"{report.today.auc:.3f}", ""


def _thresholds(report: Report) -> Iterator[tuple[str, ...]]:
    for each in report.thresholds:
        yield _row(each, f"{each.points}{' *' if each == report.advised else ''}")
    if len(report.promotion) > 1:
        yield _row(report.promoted, "the promotion")
    if report.today is not None and report.today.called is not None:
        yield _row(report.today.called, "today's mql")


def _share(rule: RuleFound) -> str:
    return f"{rule.won / rule.people:.1%}" if rule.people else ""


def _row(found: Threshold, name: str) -> tuple[str, ...]:
    week = "" if found.per_week is None else f"{found.per_week:.1f}"
    return name, str(found.people), week, f"{found.precision:.1%}", f"{found.recall:.1%}", f"{found.f1:.2f}"

"""What must fit together about scores: models, groups, grades, bands, and what conditions ask of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from nurture.definitions.config import LIFECYCLE, SCORING, Config, Finding, person_conditions, score_models
from nurture.domain.conditions import Condition
from nurture.domain.duration import format_duration
from nurture.domain.mail.tracking import LAST_OPENED
from nurture.domain.model import Place
from nurture.domain.wording import instead

#: What is decided after fit, or moves by itself.
_AFTER_FIT: Final = frozenset({"stage", "fit", "grade", "matrix"})

_COMPARISONS: Final = frozenset({"at_least", "at_most", "above", "below", "between"})

_OF_MODEL: Final = "engagement."


def is_engagement(field: str) -> bool:
    """Whether a fact about people is the engagement by the default model or by another."""
    return field == "engagement" or field.startswith(_OF_MODEL)


def fit_rests_on_attributes(config: Config) -> Iterator[Finding]:
    """Fit is counted first and does not fade; what comes after it, or moves with time alone, is no part of it."""
    for index, rule in enumerate(config.scoring.fit if config.scoring else ()):
        here: Place = ("fit", index, "when")
        for place, _ in rule.when.questions():
            field = str(place[-1])
            if field in _AFTER_FIT or is_engagement(field):
                text = f"{field!r} is known only after fit, which cannot rest on it; write a promotion in {LIFECYCLE} that asks for both"
                yield Finding(SCORING, (*here, *place), text, in_key=True)
        for place, happening in rule.when.happenings:
            within = happening.question.within
            if within is not None:
                text = (
                    f"fit does not fade, but what happened within {format_duration(within)} does; "
                    f"delete 'within', or write a promotion in {LIFECYCLE}"
                )
                yield Finding(SCORING, (*here, *place, "within"), text, in_key=True)


def models_exist(config: Config) -> Iterator[Finding]:
    """The engagement that conditions ask for is that of a model."""
    if config.scoring is None or SCORING in config.damaged:
        return
    for asked in person_conditions(config):
        for place, _ in asked.condition.questions():
            field = str(place[-1])
            name = field.removeprefix(_OF_MODEL)
            if field.startswith(_OF_MODEL) and name not in config.scoring.models:
                text = f"unknown score model {name!r}; {instead(name, config.scoring.models)}"
                yield Finding(asked.file, (*asked.place, *place), text, in_key=True)


def groups_are_shared(config: Config) -> Iterator[Finding]:
    """A group that no rule names caps nothing."""
    if SCORING in config.damaged:
        return
    for place, model in score_models(config):
        named = {rule.group for rule in model.rules}
        for group in model.groups:
            if group not in named:
                text = f"no rule is in the group {group!r}, so it caps nothing; write 'group: {group}' in a rule, or delete it"
                yield Finding(SCORING, (*place, "groups", group), text, "warning", in_key=True)


def cells_of_the_matrix_exist(config: Config) -> Iterator[Finding]:
    """A cell is a grade and a band; cells have no order."""
    if config.scoring is None:
        return
    grades, bands = sorted(config.scoring.grades), sorted(config.scoring.bands)
    cells = {f"{grade}{band}" for grade in grades for band in bands}
    for asked in person_conditions(config):
        for place, operand in operands(asked.condition, "matrix"):
            compared = _COMPARISONS & {*map(str, place)}
            if compared:
                text = "the cells of the matrix have no order; list them, such as [A1, A2, B1], or ask for grade and engagement"
                yield Finding(asked.file, (*asked.place, *place), text)
            elif operand not in cells:
                text = (
                    f"there is no cell {operand!r} in the matrix; write a grade ({', '.join(grades)}) and a band "
                    f"({', '.join(bands)}) as set in {SCORING}, such as {grades[0]}{bands[0]}"
                )
                yield Finding(asked.file, (*asked.place, *place), text)


def grades_exist(config: Config) -> Iterator[Finding]:
    """Grades named in conditions are grades that fit can earn."""
    if config.scoring is None:
        return
    grades = sorted(config.scoring.grades)
    for asked in person_conditions(config):
        for place, grade in operands(asked.condition, "grade"):
            if grade not in grades:
                text = f"unknown grade {grade!r}; write {', '.join(grades)} as set under 'grades' in {SCORING}"
                yield Finding(asked.file, (*asked.place, *place), text)


def best_grade_can_be_earned(config: Config) -> Iterator[Finding]:
    """All fit rules together must give the points that each grade asks for."""
    if config.scoring is None or SCORING in config.damaged or not config.scoring.fit:
        return
    most = sum(max(rule.points, 0) for rule in config.scoring.fit)
    for grade, least in config.scoring.grades.items():
        if least > most:
            text = f"nobody can earn grade {grade}: all fit rules together give at most {most} points; lower it or add rules"
            yield Finding(SCORING, ("grades", grade), text, "warning")


def numbers_are_compared_with_numbers(config: Config) -> Iterator[Finding]:
    """Engagement and fit are numbers: a text beside them is never met."""
    for asked in person_conditions(config):
        for name in sorted(asked.condition.fields()):
            for place, operand in operands(asked.condition, name) if name == "fit" or is_engagement(name) else ():
                if isinstance(operand, str):
                    text = f"{name} is a number, and {operand!r} is a text, so this never holds; write it without quotes"
                    yield Finding(asked.file, (*asked.place, *place), text)


def opens_are_worth_nothing(config: Config) -> Iterator[Finding]:
    """The day of somebody's last open is kept so that mail to whoever never looks can stop; it is no sign of interest."""
    for asked in person_conditions(config):
        for place, _ in asked.condition.questions():
            if place[-1] == LAST_OPENED and asked.file in (SCORING, LIFECYCLE):
                text = f"opens are worth nothing: {LAST_OPENED!r} may stop mail, not move anybody; ask for what people do"
                yield Finding(asked.file, (*asked.place, *place), text, in_key=True)


def operands(condition: Condition, field: str) -> Iterator[tuple[Place, Any]]:
    """Whatever single values a condition compares a fact with, each with its place."""
    for place, operand in condition.questions():
        if place[-1] == field:
            yield from _leaves(operand, place)


def _leaves(operand: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(operand, Mapping):
        for test, value in operand.items():
            if test not in {"exists", "matches", "contains", "starts_with", "ends_with"}:
                yield from _leaves(value, (*place, test))
    elif isinstance(operand, list):
        for index, value in enumerate(operand):
            yield (*place, index), value
    else:
        yield place, operand


SCORE_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    grades_exist,
    best_grade_can_be_earned,
    numbers_are_compared_with_numbers,
    fit_rests_on_attributes,
    models_exist,
    groups_are_shared,
    cells_of_the_matrix_exist,
    opens_are_worth_nothing,
)

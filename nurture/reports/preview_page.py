"""A sequence on one page: the flow drawn, every mail in every variant and language, and who stands where.

The page is one file that asks nobody for anything: no script, no font, no picture from elsewhere. Mails stand in frames that
may do nothing at all.
"""

from collections import Counter
from importlib.resources import files
from itertools import groupby
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, EnrollmentStatus
from nurture.domain.program import END
from nurture.domain.sequence import Sequence, version_of
from nurture.reports.flow_chart import EXIT, GOAL, Arrow, Box, FlowChart, Subjects, flow_chart
from nurture.reports.flow_drawing import drawn
from nurture.reports.sample_mails import SampleMail
from nurture.reports.sequence_words import facts_in_words
from nurture.reports.standing import AtStep, Headcount
from nurture.reports.wording import counted

_TEMPLATES: Final = "templates"


class StepMails(NamedTuple):
    """The mails of one step."""

    step: str
    mails: tuple[SampleMail, ...]


def preview_page(sequence: Sequence, definitions: Definitions, mails: tuple[SampleMail, ...], people: Headcount | str) -> str:
    """The page as HTML. `people` are those on the sequence, or why nobody was counted."""
    chart = flow_chart(sequence, definitions.pools, _subjects(mails, definitions.sending.default_language))
    pages = Environment(loader=PackageLoader("nurture.reports", _TEMPLATES), autoescape=True, undefined=StrictUndefined)
    known = people if isinstance(people, Headcount) else None
    return pages.get_template("preview.html").render(
        style=(files("nurture.reports") / _TEMPLATES / "preview.css").read_text(),
        name=sequence.sequence,
        version=version_of(sequence),
        facts=list(facts_in_words(sequence)),
        chart=chart,
        drawing=drawn(chart),
        numbers={box.id: number for number, box in enumerate(chart.boxes, 1)},
        ways=_ways(chart),
        steps=_by_step(mails),
        mailing={mail.step for mail in mails},
        people=known,
        why_nobody="" if known else people,
        badges=_badges(known) if known else {},
        strangers=_strangers(chart, known) if known else {},
        counted=counted,
        crowd=_crowd,
    )


def _subjects(mails: tuple[SampleMail, ...], language: str) -> Subjects:
    """What each mail is about, in the default language if it has it; a pool's mails have no subject in common."""
    by_mail = {
        (mail.step, mail.variant): next((each for each in mail.samples if each.language == language), mail.samples[0]).subject
        for mail in mails
    }
    several = Counter((mail.step, mail.variant) for mail in mails)
    return {mail: subject for mail, subject in by_mail.items() if several[mail] == 1}


def _by_step(mails: tuple[SampleMail, ...]) -> list[StepMails]:
    return [StepMails(step, tuple(group)) for step, group in groupby(mails, key=lambda mail: mail.step)]


def _ways(chart: FlowChart) -> dict[str, list[tuple[Arrow, Box]]]:
    """Where each box leads to."""
    boxes = {box.id: box for box in chart.boxes}
    return {box.id: [(arrow, boxes[arrow.target]) for arrow in chart.arrows if arrow.source == box.id] for box in chart.boxes}


def _crowd(people: int) -> str:
    """`1 person`, `1,200 people`."""
    return f"{people:,} {'person' if people == 1 else 'people'}"


def _badges(people: Headcount) -> dict[str, str]:
    """How many people stand at a box, or went through it to the end, for those of which it is true of somebody."""
    ended = Counter[str]()
    for each in people.ended:
        box = END if each.reason == REACHED_END else GOAL if each.status == EnrollmentStatus.COMPLETED else EXIT
        ended[box] += each.runs
    here = {step: f"{at.people:,} here" for step, at in people.steps.items()}
    return here | {box: f"{runs:,} so far" for box, runs in ended.items()}


def _strangers(chart: FlowChart, people: Headcount) -> dict[str, AtStep]:
    """Those who stand at steps that the chart does not have: steps of other versions."""
    known = {box.id for box in chart.boxes}
    return {step: at for step, at in people.steps.items() if step not in known}

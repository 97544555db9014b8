"""A sequence as a flow chart: boxes and the arrows between them, in words. What draws them stands in `flow_drawing`."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from nurture.domain.pauses import RelativeDate
from nurture.domain.pools import Pool
from nurture.domain.program import (
    END,
    TRIGGER_DATE,
    Branch,
    Chain,
    Change,
    Gate,
    Goto,
    Node,
    Notify,
    Offer,
    Send,
    Split,
    Wait,
    WaitFor,
    walk_steps,
)  # fmt: skip
from nurture.domain.sequence import Sequence
from nurture.domain.steps import Awaited, EmailStep, PoolStep, ScoreStep, SetStep
from nurture.reports.condition_words import condition_in_words, events_in_words, named_in_words, span_in_words
from nurture.reports.sequence_words import (
    exit_in_words,
    goal_in_words,
    late_in_words,
    pause_in_words,
    trigger_in_words,
    window_in_words,
)

#: The box at which everybody enters; no step can be called so.
START: Final = "<start>"

#: What ends it early, wherever somebody stands.
GOAL: Final = "<goal>"
EXIT: Final = "<exit>"


class Box(NamedTuple):
    """A step. `kind` is a word for what it does, `title` says it, `lines` say more."""

    id: str
    kind: str
    title: str
    lines: tuple[str, ...] = ()


class Arrow(NamedTuple):
    """What comes after a box; `when`, if not always."""

    source: str
    target: str
    when: str | None = None


class FlowChart(NamedTuple):
    """A sequence in boxes, in the order of its steps, from `START` to `END`; `GOAL` and `EXIT` lead to the end from anywhere."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


#: The subjects of mails by step and variant; a variant of None is the mail of a step that has no variants.
Subjects = Mapping[tuple[str, str | None], str]


def flow_chart(sequence: Sequence, pools: Mapping[str, Pool], subjects: Subjects) -> FlowChart:
    """The chart of a sequence; `pools` tell what its pools offer, `subjects` what its mails are about, as far as known."""
    nodes = sequence.program.nodes.values()
    named = {placed.id for placed in walk_steps(sequence.steps) if placed.step.id is not None}
    boxes = [_box(node, sequence, pools, subjects) for node in nodes]
    start = Box(START, "start", trigger_in_words(sequence.trigger, sequence.window), tuple(_of_whom(sequence)))
    early = tuple(_early_ends(sequence))
    return FlowChart(
        (start, *(_with_name(box) if box.id in named else box for box in boxes), *early, Box(END, "end", "The sequence is over")),
        (
            Arrow(START, sequence.program.first),
            *(arrow for node in nodes for arrow in _arrows(node)),
            *(Arrow(box.id, END) for box in early),
        ),
    )


def _with_name(box: Box) -> Box:
    """People speak of a step, and of who stands there, by its name."""
    return box._replace(lines=(f"step {box.id}", *box.lines))


def _early_ends(sequence: Sequence) -> Iterator[Box]:
    if sequence.goal is not None:
        yield Box(GOAL, "goal", goal_in_words(sequence.goal), ("at any step",))
    if sequence.exit:
        first, *others = map(exit_in_words, sequence.exit)
        yield Box(EXIT, "exit", first, (*(f"or {each}" for each in others), "at any step"))


def _of_whom(sequence: Sequence) -> Iterator[str]:
    if sequence.audience is not None:
        yield f"if {condition_in_words(sequence.audience)}"


def _box(node: Node, sequence: Sequence, pools: Mapping[str, Pool], subjects: Subjects) -> Box:
    match node:
        case Send(id=own, step=step):
            return Box(own, "e-mail", step.email, (*_what_it_says(step, subjects), *_when_it_goes(step)))
        case Offer(id=own, step=step):
            pieces = tuple(piece.email for piece in pools.get(step.pool, ()))
            return Box(own, "pool", f"next unseen of {step.pool}", (*pieces, *_when_it_goes(step)))
        case Wait(id=own, pause=pause):
            begins = ("the date of the trigger",) if own == TRIGGER_DATE else ()
            return Box(own, "wait", pause_in_words(pause, sequence.window), (*begins, *_without_date(pause)))
        case WaitFor(id=own, awaited=awaited):
            return Box(own, "wait for", events_in_words(awaited.event, awaited.where), tuple(_how_awaited(awaited)))
        case _:
            return _box_of_a_moment(node)


def _box_of_a_moment(node: Branch | Split | Change | Notify | Goto | Chain | Gate) -> Box:
    """The box of a step that neither mails nor waits."""
    match node:
        case Branch(id=own, arms=arms):
            return Box(own, "branch", "which holds first?" if len(arms) > 1 else "does this hold?")
        case Split(id=own):
            return Box(own, "split", "drawn once for each person")
        case Change(id=own, step=step):
            return _changed(own, step)
        case Notify(id=own, step=step):
            return Box(own, "notify", step.notify, tuple(_quoted(step.text)))
        case Goto(id=own, next=following):
            return Box(own, "goto", "the end" if following == END else following)
        case Chain(id=own, sequence=other):
            return Box(own, "sequence", f"also begins {other}")
        case Gate(id=own, audience=audience):
            return Box(own, "audience", condition_in_words(audience), ("nobody else goes on",))


def _what_it_says(step: EmailStep, subjects: Subjects) -> Iterator[str]:
    variants = step.variants or {}
    total = sum(each.weight for each in variants.values())
    for name, variant in variants.items():
        other = f", e-mail {variant.email}" if variant.email else ""
        yield f"variant {name}, {variant.weight / total:.0%}{other}"
        yield from _quoted(subjects.get((step.id, name)))
    yield from _quoted(subjects.get((step.id, None)))


def _quoted(words: str | None) -> Iterator[str]:
    if words:
        yield f"“{words}”"


def _when_it_goes(step: EmailStep | PoolStep) -> Iterator[str]:
    """What a step says of its time that the sequence does not say already."""
    if step.window == "any":
        yield "at once, at any hour"
    elif step.window is not None:
        yield window_in_words(step.window)
    if step.late is not None:
        yield late_in_words(step.late)


def _without_date(pause: object) -> Iterator[str]:
    if isinstance(pause, RelativeDate):
        yield "no date: goes on at once" if pause.if_missing == "continue" else "no date: ends"


def _how_awaited(awaited: Awaited) -> Iterator[str]:
    if awaited.message is not None:
        yield f"from the mail of {awaited.message}"
    yield f"for {span_in_words(awaited.within)} at most"
    yield "counts since they entered" if awaited.since == "entry" else "counts since they came here"


def _changed(own: str, step: SetStep | ScoreStep) -> Box:
    if isinstance(step, ScoreStep):
        return Box(own, "score", f"one hit of rule {step.score}")
    first, *others = [f"{named_in_words(name)} becomes {value}" for name, value in step.set.items()]
    return Box(own, "set", first, tuple(others))


def _arrows(node: Node) -> Iterator[Arrow]:
    match node:
        case WaitFor(id=own, awaited=awaited, next=following, on_timeout=timeout):
            yield Arrow(own, following, "when it happens")
            yield Arrow(own, timeout, f"not within {span_in_words(awaited.within)}")
        case Offer(id=own, next=following, exhausted=exhausted):
            yield Arrow(own, following, None if exhausted == following else "mailed")
            if exhausted != following:
                yield Arrow(own, exhausted, "everything seen")
        case Branch(id=own, arms=arms, otherwise=otherwise):
            for number, (condition, target) in enumerate(arms, 1):
                words = condition_in_words(condition)
                yield Arrow(own, target, words if len(arms) == 1 else f"{number}. {words}")
            yield Arrow(own, otherwise, "otherwise")
        case Split(id=own, arms=arms, otherwise=otherwise):
            yield from (Arrow(own, target, f"{share} %") for share, target in arms)
            rest = 100 - sum(share for share, _ in arms)
            if rest:
                yield Arrow(own, otherwise, f"{rest} %")
        case _:
            yield Arrow(node.id, node.next)

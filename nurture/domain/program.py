"""A sequence as a program: a table of nodes that the engine walks.

Steps nest in YAML (a branch holds steps). An enrollment stands on exactly one node, so the nested steps are laid out flat:
each node knows what comes next, and `END` closes every path. All ways lead forward.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Ordered
from hashlib import blake2b
from typing import Final, NamedTuple

from nurture.domain.conditions import Condition
from nurture.domain.model import LONGEST_SLUG, Place
from nurture.domain.pauses import AnyPause
from nurture.domain.steps import (
    Arm,
    Awaited,
    BranchStep,
    EmailStep,
    GotoStep,
    NotifyStep,
    PoolStep,
    ScoreStep,
    SequenceStep,
    SetStep,
    Share,
    Step,
    WaitForStep,
    WaitStep,
    inner_steps,
)  # fmt: skip

END: Final = "end"

#: The node on which a run stands that waits for the date of its trigger, and the one that asks whether it may begin.
TRIGGER_DATE: Final = "trigger-date"
TRIGGER_GATE: Final = "trigger-gate"


class Send(NamedTuple):
    """A node that queues an e-mail."""

    id: str
    step: EmailStep
    next: str


class Offer(NamedTuple):
    """A node that queues the next unseen e-mail of a pool, or goes to `exhausted`."""

    id: str
    step: PoolStep
    next: str
    exhausted: str


class Wait(NamedTuple):
    """A node that lets time pass."""

    id: str
    pause: AnyPause
    next: str


class WaitFor(NamedTuple):
    """A node that waits for an event, and goes to `on_timeout` without it."""

    id: str
    awaited: Awaited
    next: str
    on_timeout: str


class Branch(NamedTuple):
    """A node that asks its arms in order, and goes to the node named beside the first whose condition holds."""

    id: str
    arms: tuple[tuple[Condition, str], ...]
    otherwise: str


class Split(NamedTuple):
    """A node that draws one of its arms by their shares of a hundred."""

    id: str
    arms: tuple[tuple[int, str], ...]
    otherwise: str


class Change(NamedTuple):
    """A node that tells an event about the person: `set` or `score`."""

    id: str
    step: SetStep | ScoreStep
    next: str


class Notify(NamedTuple):
    """A node that tells another system."""

    id: str
    step: NotifyStep
    next: str


class Goto(NamedTuple):
    """A node that goes on at another."""

    id: str
    next: str


class Chain(NamedTuple):
    """A node that puts the person on another sequence as well."""

    id: str
    sequence: str
    next: str


class Gate(NamedTuple):
    """A node that lets only the audience through."""

    id: str
    audience: Condition
    next: str


Node = Send | Offer | Wait | WaitFor | Branch | Split | Change | Notify | Goto | Chain | Gate


def ways_of(node: Node) -> Iterator[str]:
    """Where a node may lead to."""
    match node:
        case Branch(arms=arms, otherwise=otherwise) | Split(arms=arms, otherwise=otherwise):
            yield from (target for _, target in arms)
            yield otherwise
        case WaitFor(next=following, on_timeout=other) | Offer(next=following, exhausted=other):
            yield following
            yield other
        case _:
            yield node.next


class Program(NamedTuple):
    """The steps laid out flat, by id, with the id of the first."""

    nodes: Mapping[str, Node]
    first: str


#: What a step without a name is called after, by its kind.
_CALLED: Final[Mapping[type, str]] = {
    WaitStep: "wait", BranchStep: "branch", SetStep: "set", ScoreStep: "score", NotifyStep: "notify", GotoStep: "goto",
    SequenceStep: "chain",
}  # fmt: skip


class Placed(NamedTuple):
    """A step with its place in the YAML document and its id."""

    place: Place
    step: Step
    id: str


def walk_steps(steps: Ordered[Step], place: Place = ("steps",), anchor: str = "start") -> Iterator[Placed]:
    """Every step however deep, in the order written.

    A step without an id is called after the named one before it (`wait-after-thanks`), so that steps put in elsewhere do not
    rename it: people in flight stand on it.
    """
    for index, (step, own) in enumerate(zip(steps, _ids(steps, anchor), strict=True)):
        here = (*place, index)
        yield Placed(here, step, own)
        for inner, way, nested in inner_steps(step):
            yield from walk_steps(nested, (*here, *inner), f"{own}.{way}")


def _ids(steps: Ordered[Step], anchor: str) -> list[str]:
    """The ids of steps that follow each other; the unnamed ones are called after the last named one, or after `anchor`."""
    ids, used = list[str](), Counter[str]()
    for step in steps:
        if step.id is not None:
            anchor = step.id
            ids.append(anchor)
            continue
        name = f"{_CALLED[type(step)]}-after-{anchor}"
        used[name] += 1
        ids.append(_fitting(name if used[name] == 1 else f"{name}-{used[name]}"))
    return ids


def _fitting(name: str) -> str:
    """A name that the column of steps takes; what is too long ends with a hash of the whole."""
    if len(name) <= LONGEST_SLUG:
        return name
    return f"{name[: LONGEST_SLUG - 9]}-{blake2b(name.encode(), digest_size=4).hexdigest()}"


def lay_out(steps: Ordered[Step], pause: AnyPause | None = None, audience: Condition | None = None) -> Program:
    """The program of steps; a run that waits for the date of its trigger begins with `pause`, and must then be of the audience."""
    nodes = list(_lay_out(steps, END, "start"))
    if pause is not None:
        if audience is not None:
            nodes.insert(0, Gate(TRIGGER_GATE, audience, nodes[0].id))
        nodes.insert(0, Wait(TRIGGER_DATE, pause, nodes[0].id))
    return Program({node.id: node for node in nodes}, nodes[0].id)


def _lay_out(steps: Ordered[Step], behind: str, anchor: str) -> Iterator[Node]:
    ids = _ids(steps, anchor)
    for step, own, following in zip(steps, ids, [*ids, behind][1:], strict=True):
        inner = [list(_lay_out(nested, following, f"{own}.{way}")) for _, way, nested in inner_steps(step)]
        firsts = [nodes[0].id if nodes else following for nodes in inner]
        yield _node(step, own, following, firsts)
        for nodes in inner:
            yield from nodes


def _node(step: Step, own: str, following: str, firsts: Ordered[str]) -> Node:
    """The node of a step; `firsts` are where the ways inside it begin."""
    match step:
        case EmailStep():
            return Send(own, step, following)
        case PoolStep():
            return Offer(own, step, following, firsts[0])
        case WaitStep():
            return Wait(own, step.wait, following)
        case WaitForStep():
            return WaitFor(own, step.wait_for, following, firsts[0])
        case BranchStep():
            return _branch(step, own, following, firsts)
        case SetStep() | ScoreStep():
            return Change(own, step, following)
        case NotifyStep():
            return Notify(own, step, following)
        case GotoStep():
            return Goto(own, step.goto)
        case SequenceStep():
            return Chain(own, step.sequence, following)


def _branch(step: BranchStep, own: str, following: str, firsts: Ordered[str]) -> Branch | Split:
    ways = list(zip(step.branch, firsts, strict=True))
    otherwise = next((first for arm, first in ways if not isinstance(arm, Arm | Share)), following)
    shares = tuple((arm.share, first) for arm, first in ways if isinstance(arm, Share))
    if shares:
        return Split(own, shares, otherwise)
    return Branch(own, tuple((arm.if_, first) for arm, first in ways if isinstance(arm, Arm)), otherwise)

"""Whether anybody can ever come to a step: rules about sequences as paths."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

from nurture.definitions.config import Config, Finding, arms, exits
from nurture.definitions.reach import asks_for_stage_alone, includes
from nurture.domain.model import Place
from nurture.domain.sequence import END, Arm, BranchStep, EmailStep, Sequence, Wait, WaitStep, step_id, walk_steps
from nurture.domain.window import Hours, Window


def somebody_can_enter(config: Config) -> Iterator[Finding]:
    """The audience admits the stage that the trigger leads to, and no exit throws everybody out who has it."""
    for file, sequence in config.sequences.items():
        stage = sequence.trigger.promoted_to
        if stage is None:
            continue
        if sequence.audience and asks_for_stage_alone(sequence.audience) and not sequence.audience.holds({"stage": stage}):
            text = f"nobody can enter: the trigger leads to {stage!r}, which this audience leaves out; change one of them"
            yield Finding(file, ("audience",), text)
        for place, way_out in exits(sequence):
            if asks_for_stage_alone(way_out) and way_out.holds({"stage": stage}):
                text = (
                    f"everybody leaves at once: the trigger leads to {stage!r}, and this exit ends it there; name a later stage"
                )
                yield Finding(file, place, text)


def arms_can_be_taken(config: Config) -> Iterator[Finding]:
    """No arm asks for what an arm before it takes already, and none for what ends the sequence."""
    for file, sequence in config.sequences.items():
        for place, step, _ in walk_steps(sequence.steps):
            if isinstance(step, BranchStep):
                for index, taken in _arms_taken_before(step):
                    text = f"these steps are never reached: arm {taken + 1} takes everybody for whom this holds; put this arm before it, or narrow that one"
                    yield Finding(file, (*place, "branch", index, "if"), text)
        for place, arm in arms(sequence):
            if any(includes(way_out, arm.if_) for _, way_out in exits(sequence)):
                text = "these steps are never reached: whoever fulfils this has left by 'exit'; delete the arm or the exit"
                yield Finding(file, (*place, "if"), text)


def _arms_taken_before(step: BranchStep) -> Iterator[tuple[int, int]]:
    """Each arm that cannot be taken, with the earlier one that takes all its people."""
    for index, arm in enumerate(step.branch):
        for earlier, other in enumerate(step.branch[:index]):
            if isinstance(arm, Arm) and isinstance(other, Arm) and includes(other.if_, arm.if_):
                yield index, earlier
                break


def branches_lead_somewhere(config: Config) -> Iterator[Finding]:
    """A branch none of whose arms has a step changes nothing."""
    for file, sequence in _undamaged(config):
        for place, step, _ in walk_steps(sequence.steps):
            if isinstance(step, BranchStep) and not any(arm.then if isinstance(arm, Arm) else arm.else_ for arm in step.branch):
                text = "this branch changes nothing: none of its arms has a step; add steps under 'then' or 'else', or delete it"
                yield Finding(file, (*place, "branch"), text, "warning", in_key=True)


def waits_wait_for_something(config: Config) -> Iterator[Finding]:
    """A wait stands before a step. The last one may give the goal its time; without a goal it waits for nothing."""
    for file, sequence in _undamaged(config):
        for place, step, number in walk_steps(sequence.steps):
            if not isinstance(step, WaitStep):
                continue
            node = sequence.program.nodes[step_id(step, number)]
            if step.wait == timedelta(0):
                yield Finding(
                    file, (*place, "wait"), "this wait takes no time; write how long, such as 2d, or delete it", "warning"
                )
            elif isinstance(node, Wait) and node.next == END and sequence.goal is None:
                text = "this waits for nothing: no step follows and there is no goal to reach meanwhile; delete it"
                yield Finding(file, place, text, "warning")


def something_is_mailed(config: Config) -> Iterator[Finding]:
    """A sequence without an e-mail does nothing."""
    for file, sequence in _undamaged(config):
        if not sequence.emails():
            yield Finding(file, ("steps",), "this sequence sends no e-mail; add a step {id: …, email: …}", "warning", in_key=True)


def _undamaged(config: Config) -> Iterator[tuple[str, Sequence]]:
    """The sequences of which nothing had to be cut out: what is missing elsewhere may be what was cut."""
    return ((file, sequence) for file, sequence in config.sequences.items() if file not in config.damaged)


def windows_open(config: Config) -> Iterator[Finding]:
    """A window that lies within quiet hours never opens."""
    quiet = config.sending.quiet_hours if config.sending else None
    if quiet is None:
        return
    for file, sequence in config.sequences.items():
        for place, window in _windows(sequence):
            if window.timezone == quiet.timezone and not _overlap(window.hours, quiet.window.hours):
                text = f"this window never opens: the quiet hours {quiet.hours} of sending.yaml cover {window.hours}; change one of them"
                yield Finding(file, (*place, "hours"), text)


def _windows(sequence: Sequence) -> Iterator[tuple[Place, Window]]:
    yield ("window",), sequence.window
    for place, step, _ in walk_steps(sequence.steps):
        if isinstance(step, EmailStep) and isinstance(step.window, Window):
            yield (*place, "window"), step.window


def _overlap(one: Hours, other: Hours) -> bool:
    return bool(_minutes(one) & _minutes(other))


def _minutes(hours: Hours) -> set[int]:
    opens, closes = (each.hour * 60 + each.minute for each in hours)
    return {minute % 1440 for minute in range(opens, closes if closes > opens else closes + 1440)}


REACHABILITY_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    somebody_can_enter,
    arms_can_be_taken,
    branches_lead_somewhere,
    waits_wait_for_something,
    something_is_mailed,
    windows_open,
)

"""Whether anybody can ever come to a step: rules about sequences as paths."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

from nurture.definitions.config import Config, Finding, arms, exits, steps_of_kind, windows
from nurture.definitions.reach import asks_for_stage_alone, includes, never_holds
from nurture.domain.conditions import Condition
from nurture.domain.program import END, Chain, Change, Notify, Offer, Send, walk_steps, ways_of
from nurture.domain.sequence import Sequence
from nurture.domain.steps import Arm, BranchStep, WaitForStep, WaitStep
from nurture.domain.window import Hours


def somebody_can_enter(config: Config) -> Iterator[Finding]:
    """The audience admits whom the trigger brings, and no exit throws everybody out who has just come in."""
    for file, sequence in config.sequences.items():
        stage, known = sequence.trigger.promoted_to, _known_on_entry(sequence)
        if sequence.audience and _leaves_all_out(sequence.audience, stage, known):
            what = f"leads to {stage!r}, which this audience leaves out" if stage else "asks for the opposite of this audience"
            yield Finding(file, ("audience",), f"nobody can enter: the trigger {what}; change one of them")
        for place, way_out in exits(sequence):
            if stage and asks_for_stage_alone(way_out) and way_out.holds({"stage": stage}):
                text = (
                    f"everybody leaves at once: the trigger leads to {stage!r}, and this exit ends it there; name a later stage"
                )
                yield Finding(file, place, text)
            elif known and includes(way_out, known):
                text = "everybody leaves at once: whoever enters fulfils this; narrow it, or delete it"
                yield Finding(file, place, text)


def _known_on_entry(sequence: Sequence) -> Condition | None:
    """What is true of everybody who has just entered; None if that is nothing."""
    stage = sequence.trigger.promoted_to
    parts = [each.raw for each in (sequence.trigger.enters, sequence.audience) if each is not None]
    parts += [{"stage": stage}] if stage is not None else []
    return Condition({"all": parts}) if parts else None


def _leaves_all_out(audience: Condition, stage: str | None, known: Condition | None) -> bool:
    if stage is not None and asks_for_stage_alone(audience):
        return not audience.holds({"stage": stage})
    return known is not None and never_holds(known) and not never_holds(audience)


def arms_can_be_taken(config: Config) -> Iterator[Finding]:
    """No arm asks for what an arm before it takes already, and none for what ends the sequence."""
    for file, sequence in config.sequences.items():
        for place, step in steps_of_kind(sequence, BranchStep):
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
        for place, step in steps_of_kind(sequence, BranchStep):
            if not any(arm.then for arm in step.branch):
                text = "this branch changes nothing: none of its arms has a step; add steps under 'then' or 'else', or delete it"
                yield Finding(file, (*place, "branch"), text, "warning", in_key=True)


def waits_wait_for_something(config: Config) -> Iterator[Finding]:
    """A wait stands before a step. The last one may give the goal its time; without a goal it waits for nothing."""
    for file, sequence in _undamaged(config):
        for place, step, own in walk_steps(sequence.steps):
            if isinstance(step, WaitStep) and step.wait == timedelta(0):
                yield Finding(
                    file, (*place, "wait"), "this wait takes no time; write how long, such as 2d, or delete it", "warning"
                )
            elif isinstance(step, WaitStep | WaitForStep) and sequence.goal is None and _leads_to_the_end(sequence, own):
                text = "this waits for nothing: no step follows and there is no goal to reach meanwhile; delete it"
                yield Finding(file, place, text, "warning")


def _leads_to_the_end(sequence: Sequence, step: str) -> bool:
    return {*ways_of(sequence.program.nodes[step])} == {END}


def steps_can_be_reached(config: Config) -> Iterator[Finding]:
    """Some way leads to each step; of several that none leads to, the first is named."""
    for file, sequence in _undamaged(config):
        reached, lost = _reached(sequence), False
        for place, _, own in walk_steps(sequence.steps):
            if own not in reached and not lost:
                text = "this step is never reached: a 'goto' before it leads past it; delete it, or let a 'goto' lead to it"
                yield Finding(file, place, text)
            lost = own not in reached


def _reached(sequence: Sequence) -> set[str]:
    nodes, reached, ahead = sequence.program.nodes, {END}, [sequence.program.first]
    while ahead:
        step = ahead.pop()
        if step not in reached:
            reached.add(step)
            ahead += ways_of(nodes[step])
    return reached


def something_is_mailed(config: Config) -> Iterator[Finding]:
    """A sequence that neither mails, nor changes anything, nor tells anybody does nothing."""
    for file, sequence in _undamaged(config):
        if not any(isinstance(node, _DOES_SOMETHING) for node in sequence.program.nodes.values()):
            yield Finding(file, ("steps",), "this sequence sends no e-mail; add a step {id: …, email: …}", "warning", in_key=True)


_DOES_SOMETHING: Final = (Send, Offer, Change, Notify, Chain)


def _undamaged(config: Config) -> Iterator[tuple[str, Sequence]]:
    """The sequences of which nothing had to be cut out: what is missing elsewhere may be what was cut."""
    return ((file, sequence) for file, sequence in config.sequences.items() if file not in config.damaged)


def windows_open(config: Config) -> Iterator[Finding]:
    """A window that lies within quiet hours never opens."""
    quiet = config.sending.quiet_hours if config.sending else None
    if quiet is None:
        return
    for file, sequence in config.sequences.items():
        for place, window in windows(sequence):
            if window.fallbacks == quiet.window.fallbacks and not _overlap(window.hours, quiet.window.hours):
                text = f"this window never opens: the quiet hours {quiet.hours} of sending.yaml cover {window.hours}; change one of them"
                yield Finding(file, (*place, "hours"), text)


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
    steps_can_be_reached,
    something_is_mailed,
    windows_open,
)

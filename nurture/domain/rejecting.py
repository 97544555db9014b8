"""Sales sends somebody back by hand: the event that says so, or why it would change nothing."""

from datetime import datetime
from typing import NamedTuple

from nurture.domain.event import ENGINE, LEAD_REJECTED, Event
from nurture.domain.lifecycle import Lifecycle, Rejection, rejection_by_event
from nurture.domain.person import Person
from nurture.domain.wording import one_of


class Refused(NamedTuple):
    """Why what was asked for by hand would change nothing, and what to do about it."""

    why: str


def rejecting(
    person: Person, reason: str, cool_down: str | None, lifecycle: Lifecycle, at: datetime
) -> tuple[Event, Rejection] | Refused:
    """The event by which a person is sent back, with the rule that does it; `cool_down` is a duration instead of the rule's."""
    said = {"reason": reason, **({"cool_down": cool_down} if cool_down is not None else {})}
    event = Event(
        message_id=f"reject-{person.id}-{at.isoformat()}", source=ENGINE, name=LEAD_REJECTED, occurred_at=at, received_at=at,
        person=person.id, assurance="verified", properties=said,
    )  # fmt: skip
    rule = rejection_by_event(event, person.stage, lifecycle)
    if rule is not None:
        return event, rule
    listening = [rule for rule in lifecycle.rejections if LEAD_REJECTED in rule.on]
    if not listening:
        example = f"rejections: [{{id: not-now, on: {LEAD_REJECTED}, to: {lifecycle.stages[1]}, cool_down: 90d}}]"
        return Refused(f"no rejection rule listens to {LEAD_REJECTED}; write `{example}` in lifecycle.yaml, then `nurture apply`")
    above = [rule for rule in listening if lifecycle.rank(rule.to) < lifecycle.rank(person.stage)]
    if not above:
        stages = one_of(sorted({rule.to for rule in listening}, key=lifecycle.rank))
        return Refused(
            f"they stand at {person.stage}, which does not lie above {stages}, where rejections lead; nothing to send back"
        )
    rules = one_of([rule.id for rule in above])
    if not [rule for rule in above if not rule.from_ or person.stage in rule.from_]:
        return Refused(f"they stand at {person.stage}, from where {rules} sends nobody back; see `from` in lifecycle.yaml")
    return Refused(f"what `where` of {rules} asks for does not hold for a rejection by hand; change it in lifecycle.yaml")

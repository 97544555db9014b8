"""A person's story as text, for people who look at a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nurture.cli.printing import aligned, clean, instant
from nurture.reports.story import CAME_OF_IT, capped
from nurture.reports.wording import counted, length

if TYPE_CHECKING:
    from nurture.reports.identity_story import IdentityStory, JournalLine
    from nurture.reports.score_story import EngagementLine, ModelScore
    from nurture.reports.story import EnrollmentLine, EventLine, MessageLine, StageLine, Story, TouchLine


def story_lines(found: "Story") -> Iterator[str]:
    """A story, a line at a time."""
    yield clean(found.email or "somebody without an address") + f" (person {found.person}; times are UTC)"
    yield from aligned(_head(found))
    yield "\nknown by"
    yield from aligned((each.kind, each.value, f"since {instant(each.first_seen_at)}", each.source) for each in found.identifiers)
    if found.attributes:
        yield "\nattributes"
        yield from aligned((each.name, each.value, f"said {instant(each.at)}", each.source) for each in found.attributes)
    for score in found.scores:
        yield from _score(score)
    yield from _fit(found)
    yield from _stages(found)
    for run in found.enrollments:
        yield from _run(run)
    if found.events:
        shown = "" if len(found.events) == found.events_in_all else f" (the latest {len(found.events)} of {found.events_in_all})"
        yield f"\nevents{shown}"
        yield from aligned((instant(each.at), each.name, each.about, each.channel or "", _remark(each)) for each in found.events)


def _head(found: "Story") -> Iterator[tuple[str, str]]:
    yield "stage", f"{found.stage}, for {length(found.stage_seconds)}"
    for score in found.scores:
        name = "engagement" if score is found.scores[0] else f"engagement.{score.model}"
        yield name, f"{score.engagement:.2f} points today (half-life {score.half_life})"
    yield "fit", f"{found.fit} points, grade {found.grade}"
    yield "matrix", found.matrix
    yield "first seen", instant(found.first_seen_at)
    yield "last seen", instant(found.seen_at)
    if found.first_touch:
        yield "first touch", _touch(found.first_touch)
    if found.last_touch:
        yield "last touch", f"{_touch(found.last_touch)} (the last that was not direct)"
    if found.rejected_until and found.rejected_until > found.at:
        yield "cool-down", f"until {instant(found.rejected_until)}: sales sent them back, and no score promotes them before"
    if found.suppression:
        yield "suppressed", f"{found.suppression.reason}, {instant(found.suppression.at)}"
    yield from _wishes(found)
    if found.merged:
        yield "merged from", counted(len(found.merged), "anonymous person", "anonymous people")
    if found.recount_at:
        yield "recount", f"due since {instant(found.recount_at)}: what is told here is worked out afresh in a moment"


def _wishes(found: "Story") -> Iterator[tuple[str, str]]:
    wishes = found.wishes
    for each in wishes.agreements:
        yield "consent", f"{each.purpose}: {each.state}, {instant(each.at)}"
    if wishes.topics_off:
        yield "does not read", ", ".join(wishes.topics_off)
    if wishes.pace != "all":
        yield "pace", f"{wishes.pace} at most"
    if wishes.paused_until and wishes.paused_until > found.at:
        yield "pause", f"until {instant(wishes.paused_until)}"


def _touch(touch: "TouchLine") -> str:
    parts = (touch.campaign, touch.source, touch.medium, touch.referrer)
    said = [part for part in dict.fromkeys(parts) if part]
    return f"{touch.channel}, {instant(touch.at)}" + (f" ({', '.join(said)})" if said else "")


def _score(score: "ModelScore") -> Iterator[str]:
    yield "\nengagement" if score.model == "default" else f"\nengagement.{score.model}"
    rows: list[tuple[str, ...]] = [
        (f"{each.points:+.2f}", each.rule, str(each.day), _times(each.hits), f"{each.earned:+d} then", _cuts(each))
        for each in score.lines
    ]
    if score.unexplained:
        rows.append((f"{score.unexplained:+.2f}", "from rules that changed since; `nurture rescore` counts everybody afresh"))
    yield from aligned([*rows, (f"{score.engagement:.2f}", f"in all; half-life {score.half_life}")], figures_first=True)


def _times(hits: int) -> str:
    return "once" if hits == 1 else f"{hits} times"


def _cuts(line: "EngagementLine") -> str:
    """What the caps took, and what time took."""
    told = []
    if line.cut_by_cap:
        told.append(f"{line.hits - line.counted} beyond the cap ({-line.cut_by_cap:+d})")
    if line.cut_by_group:
        told.append(f"cap of group {line.group} ({-line.cut_by_group:+d})")
    if line.faded > 0:
        told.append(f"faded by {100 * line.faded:.1f} %")
    return ", ".join(told)


def _fit(found: "Story") -> Iterator[str]:
    yield "\nfit"
    fit = [(f"{each.points:+d}", each.rule) for each in found.fit_lines]
    if found.fit_unexplained:
        fit.append((f"{found.fit_unexplained:+d}", "from rules or facts that changed since"))
    yield from aligned([*fit, (str(found.fit), f"in all: grade {found.grade}")], figures_first=True)


def _stages(found: "Story") -> Iterator[str]:
    yield "\nstages"
    yield from aligned(
        (each.stage, length(each.seconds), f"from {instant(each.since)}", f"to {instant(each.until)}" if each.until else "")
        for each in found.stages
    )
    if found.stage_changes:
        yield "\npromotions and the like"
        yield from aligned(
            (instant(each.at), f"{each.from_stage} → {each.to_stage}", f"by {each.rule}", each.cause, _cause(each))
            for each in found.stage_changes
        )


def _cause(change: "StageLine") -> str:
    told = [_what(change.event)] if change.event else []
    if change.touch:
        told.append(f"brought by {_touch(change.touch)}")
    return ", ".join(told)


def _run(run: "EnrollmentLine") -> Iterator[str]:
    if run.ended_at is not None:
        standing = f"{run.status} {instant(run.ended_at)} ({run.reason})"
    else:
        since = f" since {instant(run.step_since)}" if run.step_since else ""
        standing = f"{run.status} at step {run.step}{since}" + (f", next at {instant(run.due_at)}" if run.due_at else "")
    yield ""
    yield clean(f"sequence {run.sequence}: entered {instant(run.entered_at)}, {standing}")
    yield from aligned([(f"{step}: {CAME_OF_IT[came]}",) for step, came in run.outcomes.items()])
    yield from aligned(
        (
            instant(each.sent_at or each.due_at or each.planned_at), each.step, each.status,
            _why(each), each.subject or "",
        )
        for each in run.messages
    )  # fmt: skip
    yield from aligned(
        (instant(each.at), each.step, f"told {each.endpoint}", each.status, each.detail or "", each.text or "")
        for each in run.alerts
    )


def _why(mail: "MessageLine") -> str:
    """Why a mail did not go, or not yet."""
    if mail.capped_until:
        return capped(mail)
    told = mail.detail if mail.status in ("failed", "uncertain") or mail.reason == "enrollment_ended" else None
    return " ".join(filter(None, (mail.reason, told)))


def _what(event: "EventLine") -> str:
    return " ".join(filter(None, (event.name, event.about)))


def _remark(event: "EventLine") -> str:
    """What an event counted when it happened, or why it is thought not to be a human's."""
    if event.verdict != "human":
        return f"{event.verdict}: {', '.join(event.verdict_reasons)}"
    return ", ".join(f"{each.points:+d} {each.rule}{' (capped)' if each.capped else ''}" for each in event.points)


def identity_lines(found: "IdentityStory") -> Iterator[str]:
    """Who somebody is, a line at a time."""
    yield clean(found.email or "somebody without an address") + f" (person {found.person}; times are UTC)"
    if found.by_hand:
        yield "  a human decided who this is: no event joins them to anybody"
    if found.recount_at:
        yield f"  recount due since {instant(found.recount_at)}: this is worked out afresh in a moment"
    yield "\nknown by"
    yield from aligned(
        (
            each.kind, each.value, each.assurance, f"by {each.source}", f"first seen {instant(each.first_seen_at)}",
            f"last {instant(each.last_seen_at)}", f"linked {instant(each.linked_at)}",
        )
        for each in found.identifiers
    )  # fmt: skip
    if found.others:
        yield "\nothers seen on the same device"
        yield from aligned(
            (f"person {each.person}", each.email or "without an address", each.kind, each.value, instant(each.at))
            for each in found.others
        )
    for title, action in (("merges", ("merged", "unmerged")), ("moved", ("moved",)), ("refused links", ("refused",))):
        entries = [each for each in found.journal if each.action in action]
        if entries:
            yield f"\n{title}"
            yield from aligned(_entry(each) for each in entries)
    if found.warnings:
        yield "\nwarnings at their events"
        yield from aligned((instant(each.at), each.name, each.source, each.warning) for each in found.warnings)


def _entry(entry: "JournalLine") -> tuple[str, ...]:
    about = f"{entry.kind} {entry.value}" if entry.kind else ""
    link = {"moved": "from", "refused": "held by"}.get(entry.action, "and")
    others = f"person {entry.person}" + (f" {link} {entry.other}" if entry.other is not None else "")
    undone = f"undone {instant(entry.undone_at)}" if entry.undone_at else ""
    return str(entry.id), instant(entry.at), entry.action, others, about, f"by {entry.by}", entry.reason, undone

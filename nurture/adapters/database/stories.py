"""How people came to where they stand, loaded from the log and from their stage changes: what their milestones follow from."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Executable, Row, Select, bindparam, or_, select

from nurture.adapters.database.bulk import Among, among, ask
from nurture.adapters.database.horizons import EVENTS
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import contributions, events, horizons, people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED, FORM_SUBMITTED, PAGE_VIEWED
from nurture.domain.measuring.adding import path_in
from nurture.domain.measuring.figures import ASSISTED
from nurture.domain.measuring.milestones import Act, Move, Read, Story, form_behind
from nurture.domain.model import LONGEST_SLUG
from nurture.domain.touches import Touch, touch_from_json, touch_of

#: What tells of content, beside the visits that brought somebody.
_TELLING: Final = (PAGE_VIEWED, ASSET_DOWNLOADED, FORM_SUBMITTED)

#: Of so few people the log is read as a whole: piece by piece it would be four round trips more, and never prepared.
_AT_ONCE: Final = 20


@dataclass
class _Way:
    """What is gathered of one human; `causes` are the acts that changed their stage."""

    first_seen_at: datetime
    stage: str
    horizon: datetime | None
    moves: list[Row[Any]] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    sent: list[Act] = field(default_factory=list)
    causes: dict[UUID, Act] = field(default_factory=dict)
    read_once: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def stories_of(connection: Connection, definitions: Definitions, family: Collection[int]) -> Mapping[int, Story]:
    """The stories of those who ever changed their stage, by the ids under which they count; everybody who is the same human as
    somebody in `family` is in it (`families.family_of`).
    """
    root_of, ways = _begun(connection, family)
    ways = {root: way for root, way in ways.items() if way.moves}
    root_of = {id_: root for id_, root in root_of.items() if root in ways}
    if ways:
        _recall(connection, root_of, ways)
        _read_log(connection, definitions, root_of, ways)
    return {root: _story(way) for root, way in ways.items()}


def _begun(connection: Connection, family: Collection[int]) -> tuple[dict[int, int], dict[int, _Way]]:
    """The ids under which people count, by theirs, and for each of them what their story begins with, and their moves."""
    rows = ask(connection, _beginnings, family=family).all()
    ways = {row.id: _Way(row.first_seen_at, row.stage, row.horizon) for row in rows if row.merged_into is None}
    root_of = {row.id: row.merged_into or row.id for row in rows}
    for row in rows:
        way = ways[root_of[row.id]]
        way.touches += _forgotten([row.first_touch, row.last_touch], way.horizon)
        way.moves += [row] if row.at is not None else []
    return root_of, ways


def _beginnings(among: Among) -> Executable:
    who, move = people.c, stage_changes.c
    return (
        select(who.id, who.merged_into, who.first_seen_at, who.stage, who.first_touch, who.last_touch)
        .add_columns(select(horizons.c.at).where(horizons.c.what == EVENTS).scalar_subquery().label("horizon"))
        .add_columns(move.at, move.to_stage, move.event_id, move.asset, move.touch)
        .select_from(people.outerjoin(stage_changes, move.person_id == who.id))
        .where(among(who.id, "family"))
        .order_by(move.at, move.id)
    )


def _forgotten(stored: Iterable[Mapping[str, str] | None], horizon: datetime | None) -> Iterator[Touch]:
    """Of visits whose events are no longer in the log, what is kept elsewhere."""
    for each in stored:
        touch = touch_from_json(each) if each and horizon is not None else None
        if touch is not None and horizon is not None and touch.at < horizon:
            yield touch


def _recall(connection: Connection, root_of: Mapping[int, int], ways: Mapping[int, _Way]) -> None:
    """What was found out of people while events were in the log that were forgotten since."""
    if all(way.horizon is None for way in ways.values()):
        return
    for row in connection.execute(select(contributions).where(among(connection, contributions.c.person_id, root_of))):
        for _, figure, key, _ in row.body:
            begin, _, stage = figure.partition(":")
            if begin == ASSISTED.partition(":")[0]:
                ways[root_of[row.person_id]].read_once[stage].append(key)


def _read_log(connection: Connection, definitions: Definitions, root_of: Mapping[int, int], ways: Mapping[int, _Way]) -> None:
    """The visits that brought people up to their last milestone, and what they read and sent till then."""
    latest = max(way.moves[-1].at for way in ways.values())
    question = _what_tells if len(root_of) <= _AT_ONCE else _what_tells_by_parts
    for row in ask(connection, question, family=root_of, latest=latest):
        _learn(ways[root_of[row.person_id]], row, definitions)


def _what_tells(among: Among) -> Select[Any]:
    log = events.c
    columns = log.id, log.person_id, log.name, log.occurred_at, log.received_at, log.channel, log.body
    telling = or_(log.channel.is_not(None), log.name.in_(_TELLING))
    theirs = (
        among(log.person_id, "family"),
        log.verdict == "human",
        log.occurred_at <= bindparam("latest", type_=log.occurred_at.type),
    )
    return select(*columns).where(*theirs, telling).order_by(log.occurred_at, log.id)


def _what_tells_by_parts(among: Among) -> Executable:
    return _what_tells(among).execution_options(yield_per=1_000)


def _learn(way: _Way, row: Any, definitions: Definitions) -> None:
    event = event_of(row)
    if row.channel is not None:
        touch = touch_of(event, definitions.channels) or Touch(row.occurred_at, row.channel)
        way.touches.append(touch._replace(channel=row.channel))
    if row.name == PAGE_VIEWED:
        path = path_in(event)
        way.reads += [Read(row.occurred_at, path)] if path is not None else []
        return
    form, asset = (_name(event.properties.get(key)) for key in ("form", "asset"))
    act = Act(row.occurred_at, form if row.name == FORM_SUBMITTED else None, asset, event.submission)
    way.causes[row.id] = act
    if row.name == FORM_SUBMITTED:
        way.sent.append(act)
    elif row.name == ASSET_DOWNLOADED and asset is not None and event.properties.get("gated") is not True:
        way.reads.append(Read(row.occurred_at, asset))


def _name(said: object) -> str | None:
    """A name as definitions give them; longer ones name nothing of ours."""
    return said if isinstance(said, str) and 0 < len(said) <= LONGEST_SLUG else None


def _story(way: _Way) -> Story:
    moves = [_move(row, way) for row in way.moves]
    kept = _forgotten([row.touch for row in way.moves], way.horizon)
    touches = sorted({*way.touches, *kept}, key=lambda touch: (touch.at, *(part or "" for part in touch[1:])))
    return Story(way.first_seen_at, way.stage, moves, touches, way.reads, way.horizon, way.read_once)


def _move(row: Row[Any], way: _Way) -> Move:
    cause = way.causes.get(row.event_id)
    form = form_behind(cause, way.sent) if cause is not None else None
    return Move(row.at, row.to_stage, form, row.asset, touch_from_json(row.touch) if row.touch else None)

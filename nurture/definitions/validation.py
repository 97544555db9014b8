"""A document against its model: every mistake with its place, and as much of a value as can be saved.

What is wrong is cut out of a copy and the rest validated again, so that one slip does not hide the next: neither those
that a model finds only when its parts are right, nor those that `rules` finds across files.
"""

import json
from collections.abc import Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from nurture.definitions.document import Node
from nurture.definitions.explanations import Complaint, explain
from nurture.definitions.mistakes import Flaw
from nurture.domain.model import Definition, Place

Model = TypeVar("Model", bound=Definition)

#: A part of one of these is never cut out alone: half a condition would mean something else.
_WHOLE: Final = frozenset({"where", "when", "if", "audience", "enters"})

#: These come from models that look at their parts together; found later, they are mistakes and no consequence of cutting.
_LATE: Final = frozenset({"mistake", "mistake_in_key"})

#: How a step is called meanwhile that lacks its id. Whoever names it must not be told of this one.
_UNNAMED: Final = "unnamed-"

#: In place of a wait that cannot be read, and of what a step that others may name waits for.
_SOME_WAIT: Final = "1d"
_SOMETHING_AWAITED: Final[Mapping[str, str]] = {"within": "1d", "event": "some event"}


class Validated(NamedTuple, Generic[Model]):
    """What was made of a document: the value if anything could be saved, what remains of the document, and its flaws."""

    value: Model | None
    remains: Node
    flaws: list[Flaw]


def validate(model: type[Model], document: Node) -> Validated[Model]:
    """Hold a document against `model`; the value is whole only if there is no flaw."""
    remains, flaws = document.copy(), dict[Flaw, None]()
    first = True
    while True:
        try:
            return Validated(_parse(model, remains), remains, list(flaws))
        except ValidationError as error:
            complaints = [
                Complaint(each["type"], each["loc"], each["msg"], each.get("ctx", {})) for each in error.errors(include_url=False)
            ]
        for complaint, found in explain(complaints, model, remains):
            if first or (complaint.kind in _LATE and _UNNAMED not in found.fix):
                flaws[found] = None
        first = False
        if not _cut_out(complaints, remains):
            return Validated(None, remains, list(flaws))


def _parse(model: type[Model], document: Node) -> Model:
    return model.model_validate_json(json.dumps(document.plain()), strict=True, by_alias=True, by_name=False)


def _cut_out(complaints: list[Complaint], document: Node) -> bool:
    """Take away what is complained of, or put a stand-in there; False if nothing would be left."""
    stood_in: set[Place] = set()
    wrong = {_to_cut(each, document) for each in complaints if not _stands_in(each, document, stood_in)}
    if () in wrong:
        return False
    outermost = [place for place in wrong if not any(place[:length] in wrong for length in range(1, len(place)))]
    for place in sorted(outermost, reverse=True):  # of a list, the last first, so that the others stay where they are
        document.remove(place)
    return True


def _stands_in(complaint: Complaint, document: Node, stood_in: set[Place]) -> bool:
    """Put a stand-in where a step would be lost for its wait or its id; False if there is none, or it was no help."""
    place = complaint.place
    if "wait" in place[:-1]:  # part of a wait is no wait
        place = place[: place.index("wait") + 1]
    elif complaint.kind == "extra_forbidden":
        return False
    holder = document.at(place[:-1])
    stand_in = _stand_in(place, holder)
    if stand_in is None or not isinstance(holder.content, dict):
        return False
    there = holder.content.get(str(place[-1]))
    if there is not None and there.content == stand_in:
        return place in stood_in
    stood_in.add(place)
    holder.content[str(place[-1])] = Node(stand_in, *((there.spot, there.key) if there else (holder.spot, holder.spot)))
    return True


def _stand_in(place: Place, holder: Node) -> str | None:
    match place:
        case (*_, "wait"):
            return _SOME_WAIT
        case (*_, "id"):
            return f"{_UNNAMED}{holder.spot.line}-{holder.spot.column}"
        case (*_, "wait_for", str(key)):
            return _SOMETHING_AWAITED.get(key)
    return None


def _to_cut(complaint: Complaint, document: Node) -> Place:
    """What cannot stay: what lacks a key, the whole of a condition, or the thing itself."""
    place = complaint.place[:-1] if complaint.kind == "missing" else complaint.place
    if place[:1] == ("exit",):
        return place[:2]
    condition = next((index for index, step in enumerate(place) if step in _WHOLE), None)
    if condition is not None:
        return place[: condition + 1]
    while not document.has(place):  # `on: 5` is complained of as the first of a list
        place = place[:-1]
    return place

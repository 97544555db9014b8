"""What may stand at a place of a file, asked of its JSON Schema: the keys there, and what each is for."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from nurture.domain.model import Definition, Place

Schema = Mapping[str, Any]


@cache
def schema_of(model: type[Definition]) -> Schema:
    """The JSON Schema of what a file holds, spelled as in YAML."""
    return model.model_json_schema(by_alias=True)


def keys_at(model: type[Definition], place: Place) -> Mapping[str, str]:
    """The keys that a mapping at `place` may have, each with its description.

    A step of the place such as `<EmailStep>` says which of several shapes is meant.
    """
    whole = schema_of(model)
    shapes: list[Schema] = [whole]
    for step in place:
        inside = [inner for shape in shapes for inner in _inside(shape, step, whole)]
        # A choice between one thing and a list of them names no shape: the next step tells.
        shapes = inside or (shapes if str(step).startswith("<") else [])
    return {
        key: str(_description(value, whole))
        for shape in shapes
        for each in _alternatives(shape, whole)
        for key, value in each.get("properties", {}).items()
    }


def _description(shape: Schema, whole: Schema) -> str:
    return str(
        shape.get("description")
        or next((each["description"] for each in _alternatives(shape, whole) if "description" in each), "")
    )


def _alternatives(shape: Schema, whole: Schema) -> Iterator[Schema]:
    """The shapes that a shape stands for, references followed and choices opened."""
    reference = shape.get("$ref")
    if reference is not None:
        yield from _alternatives(whole["$defs"][reference.rpartition("/")[2]], whole)
        return
    choices = [*shape.get("anyOf", ()), *shape.get("oneOf", ()), *shape.get("allOf", ())]
    if not choices:
        yield shape
    for choice in choices:
        yield from _alternatives(choice, whole)


def _inside(shape: Schema, step: str | int, whole: Schema) -> Iterator[Schema]:
    for each in _alternatives(shape, whole):
        if isinstance(step, int):
            if isinstance(each.get("items"), dict):
                yield each["items"]
        elif step.startswith("<"):
            if step.strip("<>") == each.get("title"):
                yield each
        elif step in each.get("properties", {}):
            yield each["properties"][step]
        elif isinstance(each.get("additionalProperties"), dict):
            yield each["additionalProperties"]
        else:  # names held to a pattern, as those of forms and assets
            yield from each.get("patternProperties", {}).values()

"""The shape of conditions as JSON Schema, for editors."""

from typing import Any, Final

from nurture.domain.comparisons import TESTS
from nurture.domain.duration import DURATION_PATTERN
from nurture.domain.model import LONGEST_EVENT_NAME, SLUG_PATTERN
from nurture.domain.named_lists import NAMED_LISTS

Schema = dict[str, Any]

#: The tests that a number of times may be put to.
TIMES_TESTS: Final = {name: TESTS[name] for name in ("equals", "at_least", "at_most", "above", "below", "between")}


def condition_schema(itself: Schema, about_event: Schema | None = None) -> Schema:
    """The JSON Schema of a condition.

    `itself` refers to the whole, which nests; `about_event`, in conditions about people, to that of a condition about events.
    """
    single: Schema = {"type": ["string", "number", "boolean"]}
    text: Schema = {"type": ["string", "number"]}
    several: Schema = {"type": "array", "minItems": 1, "items": single}
    instant: Schema = {"type": "string", "description": "2026-03-31 or 2026-03-31T09:00:00Z"}
    operands: dict[str, Schema] = {
        "equals": single,
        "in": {"anyOf": [several, {"enum": sorted(NAMED_LISTS)}], "description": "Is one of a list, or of a list with a name."},
        "contains": single | {"description": "A text holds this text; a list holds this value."},
        "matches": {
            "type": "string",
            "format": "regex",
            "description": "A regular expression, without look-around; begin with (?i) to ignore case.",
        },
        "between": {
            "type": "array",
            "prefixItems": [text, text],
            "minItems": 2,
            "maxItems": 2,
            "description": "Both ends included.",
        },
        "before": instant,
        "after": instant,
        "exists": {"type": "boolean", "description": "Whether the fact is known at all."},
    }
    tests = {name: operands.get(name, text) for name in TESTS}
    nested = {"type": "array", "minItems": 1, "items": itself}
    happened = {} if about_event is None else {"happened": _happened_schema(about_event)}
    return {
        "type": "object",
        "minProperties": 1,
        "description": "Each fact named must pass: `field: value`, `field: [one, of]`, `field: {test: value}`; or all, any, not.",
        "properties": {
            "all": nested | {"description": "Every one of these conditions holds."},
            "any": nested | {"description": "At least one of these conditions holds."},
            "not": {"allOf": [itself], "description": "The condition does not hold; a missing fact counts as that, too."},
            **happened,
        },
        "additionalProperties": {
            "anyOf": [single, several, {"type": "object", "minProperties": 1, "properties": tests, "additionalProperties": False}]
        },
    }


def _happened_schema(about_event: Schema) -> Schema:
    name: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_EVENT_NAME}
    count: Schema = {"type": "integer", "minimum": 0}
    tests = dict.fromkeys(TIMES_TESTS, count) | {
        "between": {
            "type": "array",
            "prefixItems": [count, count],
            "minItems": 2,
            "maxItems": 2,
            "description": "Both ends included.",
        }
    }
    step: Schema = {
        "type": "string",
        "pattern": SLUG_PATTERN,
        "description": "In a branch: the step that waits for an event, and got it.",
    }
    events: Schema = {
        "type": "object",
        "properties": {
            "event": {
                "anyOf": [name, {"type": "array", "minItems": 1, "items": name}],
                "description": "The event, or a list of events that count alike.",
            },
            "where": about_event | {"description": "What must be true of the event."},
            "within": {
                "type": "string",
                "pattern": DURATION_PATTERN,
                "examples": ["30d", "2w"],
                "description": "How far back from now; without it, ever.",
            },
            "times": {
                "anyOf": [count, {"type": "object", "minProperties": 1, "properties": tests, "additionalProperties": False}],
                "description": "At least so many times, 1 unless told; 0 means never. Or a test, such as {at_most: 3}.",
            },
        },
        "required": ["event"],
        "additionalProperties": False,
    }
    return {
        "description": "What the person did before: whether so many of these events took place, or whether a step got the event it waited for.",
        "anyOf": [events, step],
    }

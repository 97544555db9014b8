"""The JSON Schemas that editors read say the same as the models."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.definitions.document import read
from nurture.definitions.schema import SCHEMAS, schema_for, write_schemas
from tests.definitions.folders import FILES
from tests.definitions.slips import SCORING_MISTAKES, STEP_MISTAKES

CONFIG = Path(__file__).parents[2] / "config"
EXAMPLES = [
    *sorted(CONFIG.glob("*.yaml")),
    *sorted((CONFIG / "sequences").glob("*.yaml")),
    *sorted((CONFIG / "imports").glob("*.yaml")),
    *sorted((CONFIG / "tests").glob("*.yaml")),
]

TYPES: dict[str, Any] = {
    "string": str, "boolean": bool, "array": list, "object": dict, "null": type(None), "integer": int, "number": (int, float),
}  # fmt: skip
#: Keywords that say nothing about validity, and those that `faults` looks at. Another one must be added to it first.
SAID_ONLY = {"title", "description", "default", "examples", "format", "$schema", "$defs"}
LOOKED_AT = {
    "$ref", "type", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "items", "prefixItems", "minItems",
    "maxItems", "properties", "required", "additionalProperties", "minProperties", "propertyNames", "patternProperties", "anyOf",
    "oneOf", "allOf",
}  # fmt: skip


def faults(value: Any, schema: Any, whole: Any) -> list[str]:
    """What is wrong with a value by a schema; JSON Schema 2020-12 as far as our schemas use it."""
    unknown = set(schema) - SAID_ONLY - LOOKED_AT
    assert not unknown, f"this test does not know the keywords {unknown}"
    found = [*_faults_in_choice(value, schema, whole), *_faults_in_kind(value, schema)]
    match value:
        case str():
            found += _faults_in_text(value, schema)
        case bool():
            pass
        case int() | float():
            found += [f"{value} is too small"] if value < schema.get("minimum", value) else []
            found += [f"{value} is too large"] if value > schema.get("maximum", value) else []
        case list():
            found += _faults_in_list(value, schema, whole)
        case dict():
            found += _faults_in_object(value, schema, whole)
    return found


def _faults_in_choice(value: Any, schema: Any, whole: Any) -> Iterator[str]:
    if "$ref" in schema:
        yield from faults(value, whole["$defs"][schema["$ref"].removeprefix("#/$defs/")], whole)
    for each in schema.get("allOf", ()):
        yield from faults(value, each, whole)
    for keyword in ("anyOf", "oneOf"):
        fitting = [each for each in schema.get(keyword, ()) if not faults(value, each, whole)]
        if keyword in schema and not (fitting if keyword == "anyOf" else len(fitting) == 1):
            yield f"{value!r} fits {len(fitting)} of {keyword}"


def _faults_in_kind(value: Any, schema: Any) -> Iterator[str]:
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names):
            yield f"{value!r} is no {names}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{value!r} is not {schema['const']}"


def _faults_in_text(value: str, schema: Any) -> list[str]:
    fits = "pattern" not in schema or re.search(schema["pattern"], value)
    sized = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
    return [] if fits and sized else [f"{value!r} does not fit"]


def _faults_in_list(value: list[Any], schema: Any, whole: Any) -> list[str]:
    found = [] if schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) else ["wrong length"]
    first = schema.get("prefixItems", [])
    for item, each in zip(value, [*first, *[schema.get("items", {})] * max(0, len(value) - len(first))], strict=False):
        found += faults(item, each, whole)
    return found


def _faults_in_object(value: dict[str, Any], schema: Any, whole: Any) -> list[str]:
    found = [f"{key} is missing" for key in schema.get("required", ()) if key not in value]
    found += ["empty"] if len(value) < schema.get("minProperties", 0) else []
    for key, inner in value.items():
        if "propertyNames" in schema:
            found += faults(key, schema["propertyNames"], whole)
        matching = [each for pattern, each in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        if key in schema.get("properties", {}):
            found += faults(inner, schema["properties"][key], whole)
        elif matching:
            found += [fault for each in matching for fault in faults(inner, each, whole)]
        elif schema.get("additionalProperties") is False:
            found.append(f"unknown key {key}")
        elif isinstance(schema.get("additionalProperties"), dict):
            found += faults(inner, schema["additionalProperties"], whole)
    return found


def parsed(text: bytes) -> Any:
    document, flaws = read(text)
    assert document
    assert flaws == []
    return document.plain()


def test_the_schemas_in_the_repository_are_fresh(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "new")
    assert [path.name for path in written] == [*SCHEMAS]
    for path in written:
        committed = (CONFIG / "schemas" / path.name).read_text(encoding="utf-8")
        assert committed == path.read_text(encoding="utf-8"), f"{path.name} is stale; run 'nurture schema'"
    assert {path.name for path in (CONFIG / "schemas").iterdir()} == {path.name for path in written}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_each_file_of_the_example_names_its_schema_and_fits_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert named, first
    schema = json.loads((path.parent / named[1]).read_text(encoding="utf-8"))
    assert faults(parsed(path.read_bytes()), schema, schema) == []


@pytest.mark.parametrize("file", sorted(name for name in FILES if name.endswith(".yaml")))
def test_what_the_loader_takes_fits_its_schema(file: str) -> None:
    name = "sequence.json" if "/" in file else file.replace(".yaml", ".json")
    schema = schema_for(SCHEMAS[name])
    assert faults(parsed(FILES[file].encode()), schema, schema) == []


#: What a schema cannot say: that ids differ, that letters are in order, that a half-life is long, what a regular expression is.
BEYOND_A_SCHEMA = (
    "is used twice",
    "must ask for more points",
    "must ask for more engagement",
    "unknown group",
    "means something else already",
    "half-life of",
    "cannot be searched for",
    "holidays of",
    "behind 'else'",
)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        *[("scoring.json", text) for text, message in SCORING_MISTAKES if not any(each in message for each in BEYOND_A_SCHEMA)],
        *[
            ("sequence.json", f"sequence: s\ntrigger: {{event: x}}\nsteps:\n  {text}")
            for text, message in STEP_MISTAKES
            if not any(each in message for each in BEYOND_A_SCHEMA)
        ],
    ],
)
def test_what_the_loader_refuses_an_editor_underlines(schema: str, text: str) -> None:
    whole = schema_for(SCHEMAS[schema])
    assert faults(parsed(text.replace("»", "").encode()), whole, whole) != []


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"stage": "lead"}, True),
        ({"stage": ["lead", "mql"]}, True),
        ({"fit": {"at_least": 3, "below": 9}}, True),
        ({"any": [{"not": {"all": [{"a": {"exists": False}}]}}]}, True),
        ({"d": {"in": "free_mail_domains"}}, True),
        ({"seen": {"between": [1, 9]}}, True),
        ({}, False),
        ({"any": []}, False),
        ({"any": {"a": 1}}, False),
        ({"not": []}, False),
        ({"a": None}, False),
        ({"a": {"is": 1}}, False),
        ({"a": {}}, False),
        ({"a": {"exists": "yes"}}, False),
        ({"a": {"between": [1]}}, False),
        ({"any": [{"not": {"a": {"is": 1}}}]}, False),
        ({"happened": {"event": "x"}}, True),
        (
            {"any": [{"happened": {"event": ["x", "y"], "where": {"not": {"a": 1}}, "within": "30d", "times": {"at_most": 2}}}]},
            True,
        ),
        ({"happened": {"event": "x", "times": 0}}, True),
        ({"happened": "x"}, True),  # a step; that it must be in a branch is said by `nurture check`
        ({"happened": "x y"}, False),
        ({"happened": {"within": "30d"}}, False),
        ({"happened": {"event": []}}, False),
        ({"happened": {"event": "x", "within": "1 month"}}, False),
        ({"happened": {"event": "x", "times": -1}}, False),
        ({"happened": {"event": "x", "times": {"exists": True}}}, False),
        ({"happened": {"event": "x", "where": {"happened": {"event": "y"}}}}, False),
    ],
)
def test_conditions_nest_in_the_schema(condition: Any, fits: bool) -> None:
    schema = schema_for(SCHEMAS["scoring.json"])
    value = {"fit": [{"id": "a", "points": 1, "when": condition}]}
    assert (faults(value, schema, schema) == []) is fits


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_key_is_explained(name: str) -> None:
    """What an editor shows beside a key: its own description, or that of what it refers to."""
    schema = schema_for(SCHEMAS[name])
    for title, model in [("file", schema), *schema.get("$defs", {}).items()]:
        assert model.get("description"), title
        if model.get("type") == "object" and title != "Condition":
            for key, value in model["properties"].items():
                assert value.get("description") or "$ref" in value, f"{title}.{key}"

"""JSON Schemas of the YAML files, so that an editor completes keys, explains them and underlines slips while one types."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import DictSchema

from nurture.definitions.loader import MODELS
from nurture.domain.cases.case import CasesFile
from nurture.domain.imports.mapping import ImportMapping
from nurture.domain.model import Definition
from nurture.domain.sequence import Sequence

#: The schema's file for each model.
SCHEMAS: Final[Mapping[str, type[Definition]]] = {
    **{file.replace(".yaml", ".json"): model for file, model in MODELS.items()},
    "sequence.json": Sequence,
    "import.json": ImportMapping,
    "test.json": CasesFile,
}


class _Plain(GenerateJsonSchema):
    """As strict about keys as the models are, and without titles made of field names: an editor shows the key anyway."""

    def dict_schema(self, schema: DictSchema) -> dict[str, Any]:
        made = super().dict_schema(schema)
        return made if "patternProperties" not in made else {**made, "additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the signature is Pydantic's
        return False


def schema_for(model: type[Definition]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file that holds `model`."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_Plain, mode="validation")
    return {"$schema": _Plain.schema_dialect, **schema}


def write_schemas(folder: Path) -> list[Path]:
    """Write all schemas into `folder`, which is made if need be; the files written, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in SCHEMAS.items():
        path = folder / name
        path.write_text(json.dumps(schema_for(model), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written

"""JSON Schemas of what commands print with `--json`, and of what hand-offs say, for programs that read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from nurture.reports.doctor.visit import Report
from nurture.reports.handed_over import HandOff
from nurture.reports.printed import PrintedReport
from nurture.reports.status import Status

#: The schema's file of what each command prints, and of what a hand-off says.
PRINTED: Final[Mapping[str, type[BaseModel]]] = {
    "status.json": Status,
    "doctor.json": Report,
    "report.json": PrintedReport,
    "handoff.json": HandOff,
}


class _Plain(GenerateJsonSchema):
    """Without titles made of field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the signature is Pydantic's
        return False


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a report as it is printed. A later version may print more, and nothing less."""
    schema = model.model_json_schema(mode="serialization", schema_generator=_Plain)
    return {"$schema": _Plain.schema_dialect, **schema}


def write_printed(folder: Path) -> list[Path]:
    """Write all schemas into `folder`, which is made if need be; the files written, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in PRINTED.items():
        path = folder / name
        path.write_text(json.dumps(schema_of(model), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written

"""How far an import has come, kept in the data folder, so that the same command goes on where it was interrupted."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class Progress(BaseModel):
    """What has been done with the rows so far, all of which Redis has. `errors_size` belongs to the file of refused rows."""

    model_config = ConfigDict(extra="forbid")

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: int = 0
    warned: int = 0
    finished: bool = False
    errors_file: str | None = None
    errors_size: int = 0


class ProgressFile:
    """Keeps the progress of one import: of one file's content under one mapping."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.json"

    def load(self) -> Progress:
        """The progress kept; nothing done where none is, or where it cannot be read."""
        try:
            return Progress.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return Progress()

    def save(self, progress: Progress) -> None:
        """Keep the progress; whoever reads it sees the old one or the new."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(f".{os.getpid()}")
        draft.write_text(progress.model_dump_json())
        draft.replace(self._path)

    def forget(self) -> None:
        """Begin anew."""
        self._path.unlink(missing_ok=True)

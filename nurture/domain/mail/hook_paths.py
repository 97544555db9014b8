"""How a place in somebody else's JSON is written."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def as_tuple(written: Any) -> Any:
    """One text as several of them; a list as a tuple."""
    return (written,) if isinstance(written, str) else tuple(written) if isinstance(written, list) else written


def in_small_letters(words: dict[str, Any]) -> dict[str, Any]:
    """A table whose words may be written in any case."""
    return {word.lower(): meaning for word, meaning in words.items()}


Path = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S+$")]
_Several = Annotated[tuple[Path, ...], Field(min_length=1)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(as_tuple, json_schema_input_type=Path | _Several)]

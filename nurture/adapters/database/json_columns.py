"""Values put under keys of a JSON column by one UPDATE, for as many rows as there are."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, String, case, cast, func, literal
from sqlalchemy.dialects.postgresql import JSONB


class JsonColumn:
    """An expression for a column's new value. Where it holds no JSON object yet (nothing at all, or `null`), one is begun."""

    def __init__(self, connection: Connection, column: ColumnElement[Any]) -> None:
        self._postgresql = connection.dialect.name == "postgresql"
        kind = func.jsonb_typeof(column) if self._postgresql else func.json_type(column)
        empty: ColumnElement[Any] = cast(literal("{}"), JSONB) if self._postgresql else func.json("{}")
        self._before: ColumnElement[Any] = case((kind == "object", column), else_=empty)
        self.value: ColumnElement[Any] = self._before

    def put(self, key: str, value: ColumnElement[str]) -> None:
        """Keep a text under a key, or nothing if it is NULL."""
        if self._postgresql:
            self._remove(key)
            self._add(key, value)
        else:
            self.value = func.json_patch(self.value, func.json_object(key, value))  # RFC 7396: a null takes the key away

    def rename(self, former: str, key: str) -> None:
        """Keep under a key the text that stood under another one before; if there is none, the key stays as it is."""
        self._remove(former)
        if self._postgresql:
            self._add(key, self._before.op("->>")(literal(former, String())))
        else:
            there = func.json_extract(self._before, f'$."{former}"')
            told = case((there.is_(None), func.json("{}")), else_=func.json_object(key, there))
            self.value = func.json_patch(self.value, told)

    def _remove(self, key: str) -> None:
        if self._postgresql:
            self.value = self.value.op("-")(literal(key, String()))
        else:
            self.value = func.json_remove(self.value, f'$."{key}"')

    def _add(self, key: str, value: ColumnElement[str]) -> None:
        self.value = self.value.op("||")(func.jsonb_strip_nulls(func.jsonb_build_object(key, value)))

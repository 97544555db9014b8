"""Many rows in one statement with one parameter.

PostgreSQL takes all rows as one JSON text (`jsonb_to_recordset`): one plan, one round trip, no parameter per value. SQLite is
fastest with `executemany`. The same holds for asking after many keys: one array, or one JSON text, instead of a list of
placeholders whose length changes with every batch and defeats every statement cache.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Executable,
    Result,
    Table,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)  # fmt: skip
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import ARRAY, TypeEngine

Row = Mapping[str, Any]

_POSTGRESQL: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of `values`, which travel as a single parameter."""
    return _is_in(connection.dialect.name, column, literal(values, _Many(column.type)))


@dataclass(frozen=True)
class Among:
    """Whether a column's value is one of those that come under a name, in a statement that is built once."""

    dialect: str

    def __call__(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        return _is_in(self.dialect, column, _many(column, name))

    def pairs(self, columns: tuple[Column[Any], Column[Any]], names: tuple[str, str]) -> ColumnElement[bool]:
        """Whether the values of two columns stand side by side in what comes under two names."""
        one, other = (_many(column, name) for column, name in zip(columns, names, strict=True))
        if self.dialect == "postgresql":
            return tuple_(*columns).in_(select(func.unnest(one, other).table_valued("one", "other").render_derived()))
        left, right = (func.json_each(many).table_valued("key", "value") for many in (one, other))
        return tuple_(*columns).in_(select(left.c.value, right.c.value).where(left.c.key == right.c.key))


Question = Callable[[Among], Executable]


def ask(connection: Connection, question: Question, **values: Any) -> Result[*tuple[Any, ...]]:
    """Execute the statement that `question`, the same function each time, builds when it is first asked: building one, and looking up
    whether it is known, costs as much as sending it. `values` are those of its parameters.
    """
    return connection.execute(_built(connection.dialect.name, question), values)


@cache
def _built(dialect: str, question: Question) -> Executable:
    return question(Among(dialect))


def _many(column: Column[Any], name: str) -> BindParameter[Any]:
    return bindparam(name, type_=_Many(column.type))


def _is_in(dialect: str, column: Column[Any], many: BindParameter[Any]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column == any_(many)
    return column.in_(select(func.json_each(many).table_valued("value").c.value))


class _Many(TypeDecorator[Collection[Any]]):
    """Many values of a type: an array for PostgreSQL, a JSON text for SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.of) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return list(value or ())
        bind = self.of.bind_processor(dialect)
        return json.dumps([bind(each) if bind else each for each in value])


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row], *, unless_there: bool = False) -> None:
    """Insert rows that all have the same keys; `unless_there` passes over those whose key stands already."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        ending = " ON CONFLICT DO NOTHING" if unless_there else ""
        connection.execute(text(_insert_from_json(table, tuple(rows[0])) + ending), {"rows": _as_json(rows)})
    else:
        statement = sqlite.insert(table)
        connection.execute(statement.on_conflict_do_nothing() if unless_there else statement, list(rows))


def add_to_rows(connection: Connection, table: Table, rows: Sequence[Row], column: str) -> None:
    """Insert rows; where a key stands already, add to its `column` what the row has there."""
    if not rows:
        return
    keys = [key.name for key in table.primary_key]
    if connection.dialect.name == "postgresql":
        ending = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {column} = {table.name}.{column} + excluded.{column}"
        connection.execute(text(_insert_from_json(table, tuple(rows[0])) + ending), {"rows": _as_json(rows)})
    else:
        statement = sqlite.insert(table)
        sums = {column: table.c[column] + statement.excluded[column]}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=sums), list(rows))


def put_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows; where a key stands already, give it the row's values."""
    if not rows:
        return
    keys = [key.name for key in table.primary_key]
    others = [name for name in rows[0] if name not in keys]
    if connection.dialect.name == "postgresql":
        settings = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
        ending = f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {settings}"
        connection.execute(text(_insert_from_json(table, tuple(rows[0])) + ending), {"rows": _as_json(rows)})
    else:
        statement = sqlite.insert(table)
        values = {name: statement.excluded[name] for name in others}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=values), list(rows))


def update_rows(connection: Connection, table: Table, rows: Sequence[Row], *, only: str = "", **named: Any) -> None:
    """Give each row, known by its `id`, the values of its other keys; of those `only` that a condition in SQL holds for, in which
    `named` are the values of its parameters.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        condition = f" AND {only}" if only else ""
        connection.execute(text(_update_from_json(table, tuple(rows[0])) + condition), {"rows": _as_json(rows), **named})
        return
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "id"}
    keyed = [{"key": row["id"], **named, **{name: row[name] for name in values}} for row in rows]
    which = update(table).where(table.c.id == bindparam("key"), *([text(only)] if only else []))
    connection.execute(which.values(values), keyed)


@lru_cache
def _record(table: Table, names: tuple[str, ...]) -> str:
    columns = (f'"{name}" {table.c[name].type.compile(_POSTGRESQL)}' for name in names)
    return f"jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({', '.join(columns)})"


@lru_cache
def _insert_from_json(table: Table, names: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.name} ({quoted}) SELECT {quoted} FROM {_record(table, names)}"  # noqa: S608 - our own names


@lru_cache
def _update_from_json(table: Table, names: tuple[str, ...]) -> str:
    settings = ", ".join(f'"{name}" = r."{name}"' for name in names if name != "id")
    return f"UPDATE {table.name} SET {settings} FROM {_record(table, names)} WHERE {table.name}.id = r.id"  # noqa: S608 - as above


def _as_json(rows: Iterable[Row]) -> str:
    """Rows with instants and UUIDs as PostgreSQL reads them."""
    return to_json(list(rows)).decode()

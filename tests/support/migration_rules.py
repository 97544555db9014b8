"""What a migration may not do while the version before works beside it (docs/upgrades.md)."""

import ast
import re
from collections.abc import Iterator
from typing import Final

#: Operations that take away, rename or narrow what the version before reads or writes.
_FORBIDDEN: Final = frozenset({
    "drop_column", "drop_table", "drop_index", "drop_constraint", "rename_table", "alter_column",
    "create_check_constraint", "create_primary_key", "create_exclude_constraint",
})  # fmt: skip

#: Constraints that hold for no row in which one of their columns is empty, as a new column is in whatever the version before writes.
_UNLESS_EMPTY: Final = frozenset({"create_unique_constraint", "create_foreign_key"})

_WORDS: Final = re.compile(r"\b(DROP|RENAME|ALTER\s+COLUMN|SET\s+NOT\s+NULL|ADD\s+CONSTRAINT)\b", re.IGNORECASE)


def breaches(module: ast.Module) -> Iterator[str]:
    """What a migration does that it may not, with its line."""
    added = _added_columns(module)
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = node.func.attr
        if name in _FORBIDDEN:
            yield f"line {node.lineno}: {name}"
        elif name in _UNLESS_EMPTY and not added & _names_in(node):
            yield f"line {node.lineno}: {name} over columns that the version before fills"
        elif name == "add_column" and not _may_stay_empty(node):
            yield f"line {node.lineno}: a column that is NOT NULL without a default"
        elif name == "create_index" and any(each.arg == "unique" for each in node.keywords):
            yield f"line {node.lineno}: a unique index"
        elif name == "execute":
            yield from _in_sql(node)


def _added_columns(module: ast.Module) -> set[str]:
    added = [node for node in ast.walk(module) if isinstance(node, ast.Call) and "add_column" in ast.unparse(node.func)]
    columns = [each for call in added for each in call.args if isinstance(each, ast.Call)]
    return {str(ast.literal_eval(column.args[0])) for column in columns}


def _names_in(call: ast.Call) -> set[str]:
    """The columns that a constraint is over: the first of its lists."""
    lists = [each for each in call.args if isinstance(each, ast.List)]
    return set(ast.literal_eval(lists[0])) if lists else set()


def _may_stay_empty(call: ast.Call) -> bool:
    [column] = [each for each in call.args if isinstance(each, ast.Call)]
    told = {each.arg: each.value for each in column.keywords}
    nullable = told.get("nullable")
    filled = "server_default" in told
    return filled or nullable is None or (isinstance(nullable, ast.Constant) and nullable.value is True)


def _in_sql(call: ast.Call) -> Iterator[str]:
    texts = [node.value for each in call.args for node in ast.walk(each) if isinstance(node, ast.Constant)]
    if not texts:
        yield f"line {call.lineno}: SQL that cannot be read here"
    for text in texts:
        if found := _WORDS.search(str(text)):
            yield f"line {call.lineno}: {found[0].upper()}"

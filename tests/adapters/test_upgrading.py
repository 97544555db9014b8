"""Upgrades in steps that the version before survives; what takes something away waits until that is gone."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, inspect, text

from nurture.adapters import redis_keys
from nurture.adapters.database import revisions
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.revisions import VERSIONS, Revision, known
from nurture.adapters.database.upgrading import contract, current, expand, require_fit
from nurture.adapters.presence import LIFETIME, Presence, alive, elders
from nurture.errors import Refused
from tests.support.migration_rules import breaches
from tests.support.waiting import free_port

NEWEST = known()[-1].id

#: Before it, no other version was out that could have run beside a new one.
FREE_UNTIL = "0004"

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{id}", "{before}", None, None
phase = "{phase}"


def upgrade() -> None:
    {body}
"""


def plan(*phases: str) -> tuple[Revision, ...]:
    """Revisions 0001, 0002, …"""
    return tuple(Revision(f"{number:04}", phase == "contract") for number, phase in enumerate(phases, 1))


EXPANDING = plan("expand", "expand", "expand")
CONTRACTING = plan("expand", "expand", "contract")
BETWEEN = plan("expand", "contract", "expand")


@pytest.mark.parametrize(
    ("revisions_", "current_", "works"),
    [
        (EXPANDING, "0003", True), (EXPANDING, "0004", True), (EXPANDING, "0005", False), (EXPANDING, "0002", False),
        (EXPANDING, None, False), (EXPANDING, "x", False),
        (CONTRACTING, "0002", True), (CONTRACTING, "0003", True), (CONTRACTING, "0004", True), (CONTRACTING, "0001", False),
        (BETWEEN, "0003", True), (BETWEEN, "0002", False),
    ],
)  # fmt: skip
def test_a_version_works_with_what_it_needs_and_with_one_more(
    revisions_: tuple[Revision, ...], current_: str | None, works: bool
) -> None:
    told = revisions.why_not(revisions_, current_)
    assert (told is None) is works
    if told is not None:
        assert "nurture db upgrade" in told or "install the version" in told


@pytest.mark.parametrize(
    ("revisions_", "current_", "target"),
    [
        (EXPANDING, None, "0003"), (EXPANDING, "0001", "0003"), (EXPANDING, "0003", None), (EXPANDING, "0004", None),
        (CONTRACTING, "0001", "0002"), (CONTRACTING, "0002", None), (CONTRACTING, None, "0003"),
        (BETWEEN, "0001", None), (BETWEEN, "0002", "0003"),
    ],
)  # fmt: skip
def test_an_upgrade_goes_as_far_as_nothing_is_taken_away(
    revisions_: tuple[Revision, ...], current_: str | None, target: str | None
) -> None:
    assert revisions.expandable(revisions_, current_) == target


@pytest.mark.parametrize(
    ("revisions_", "current_", "wanted"),
    [
        (EXPANDING, "0003", "0003"), (EXPANDING, "0002", "0003"), (EXPANDING, "0004", "0003"), (EXPANDING, None, "0003"),
        (CONTRACTING, "0002", "0002"), (CONTRACTING, "0003", "0003"), (CONTRACTING, "0001", "0002"),
    ],
)  # fmt: skip
def test_a_contract_that_waits_is_nothing_to_complain_of(
    revisions_: tuple[Revision, ...], current_: str | None, wanted: str
) -> None:
    assert revisions.wanted(revisions_, current_) == wanted


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("[0-9]*.py")), ids=lambda path: path.stem)
def test_what_is_no_contract_takes_nothing_away(path: Path) -> None:
    number = path.name.partition("_")[0]
    is_contract = dict(known())[number]
    if number > FREE_UNTIL and not is_contract:
        assert list(breaches(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("op.create_table('x', sa.Column('a', sa.Integer(), nullable=False))", ""),
        ("op.add_column('x', sa.Column('a', sa.Integer(), nullable=True))", ""),
        ("op.add_column('x', sa.Column('a', sa.Integer()))", ""),
        ("op.add_column('x', sa.Column('a', sa.Integer(), nullable=False, server_default='0'))", ""),
        ("op.add_column('x', sa.Column('a', sa.Integer(), nullable=False))", "NOT NULL without a default"),
        ("table.add_column(sa.Column('a', sa.Integer(), nullable=False))", "NOT NULL without a default"),
        ("op.drop_column('x', 'a')", "drop_column"),
        ("op.drop_table('x')", "drop_table"),
        ("op.rename_table('x', 'y')", "rename_table"),
        ("op.drop_constraint('c', 'x')", "drop_constraint"),
        ("op.alter_column('x', 'a', new_column_name='b')", "alter_column"),
        ("op.alter_column('x', 'a', type_=sa.Text())", "alter_column"),
        ("op.create_unique_constraint('u', 'x', ['a'])", "create_unique_constraint"),
        ("op.create_foreign_key('f', 'x', 'y', ['a'], ['id'])", "create_foreign_key"),
        ("op.add_column('x', sa.Column('a', sa.Integer())); op.create_unique_constraint('u', 'x', ['a', 'b'])", ""),
        ("op.add_column('x', sa.Column('a', sa.Integer())); op.create_foreign_key('f', 'x', 'y', ['a'], ['id'])", ""),
        (
            "op.add_column('x', sa.Column('id', sa.Integer())); op.create_foreign_key('f', 'x', 'y', ['a'], ['id'])",
            "create_foreign",
        ),
        ("op.create_index('i', 'x', ['a'], unique=True)", "unique"),
        ("op.create_index('i', 'x', ['a'])", ""),
        ("op.create_check_constraint('c', 'x', 'a > 0')", "create_check_constraint"),
        ("op.execute('ALTER TABLE x DROP COLUMN a')", "DROP"),
        ("op.execute('ALTER TABLE x RENAME TO y')", "RENAME"),
        ("op.execute('UPDATE x SET a = 1')", ""),
        ("op.execute(statement)", "cannot be read"),
    ],
)
def test_the_rules_of_expanding(statement: str, told: str) -> None:
    found = list(breaches(ast.parse(statement)))
    assert bool(found) is bool(told), found
    assert told in "".join(found)


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to which a test adds some of its own."""
    folder = tmp_path / "versions"
    shutil.copytree(VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(revisions, "VERSIONS", folder)
    return folder


def add(folder: Path, phase: str, body: str) -> str:
    """Add a migration; its number."""
    before = max(path.name[:4] for path in folder.glob("[0-9]*.py"))
    number = f"{int(before) + 1:04}"
    (folder / f"{number}_of_a_test.py").write_text(MIGRATION.format(id=number, before=before, phase=phase, body=body))
    known.cache_clear()
    return number


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    made = make_engine(empty_database_url)
    yield made
    made.dispose()
    known.cache_clear()


def columns(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(table)}


def test_what_takes_away_waits_until_nobody_of_an_older_version_is_left(engine: Engine, versions: Path) -> None:
    assert expand(engine) is None
    added = add(versions, "expand", "op.add_column('people', sa.Column('nickname', sa.Text()))")
    with pytest.raises(Refused, match="run `nurture db upgrade` with this version"):
        require_fit(engine)
    assert expand(engine) is None
    assert current(engine) == added
    require_fit(engine)
    dropped = add(versions, "contract", "op.drop_column('people', 'nickname')")
    require_fit(engine)
    assert expand(engine) == dropped
    assert "nickname" in columns(engine, "people")
    with pytest.raises(Refused, match=r"worker h:7\. Replace them.*nurture db upgrade --contract"):
        contract(engine, lambda schema: ["worker h:7"] if schema == dropped else [])
    assert "nickname" in columns(engine, "people")
    contract(engine, lambda _: [])
    assert "nickname" not in columns(engine, "people")
    contract(engine, lambda _: ["nothing waits, so nobody is asked"])


def test_what_comes_behind_a_contract_waits_for_it(engine: Engine, versions: Path) -> None:
    expand(engine)
    dropped = add(versions, "contract", "op.drop_column('messages', 'topic')")
    added = add(versions, "expand", "op.add_column('people', sa.Column('nickname', sa.Text()))")
    with pytest.raises(Refused, match=rf"{dropped} takes away.*nurture db upgrade --contract"):
        expand(engine)
    contract(engine, lambda _: [])
    assert current(engine) == added


def test_an_empty_database_takes_everything_at_once(engine: Engine, versions: Path) -> None:
    add(versions, "contract", "op.drop_column('messages', 'topic')")
    added = add(versions, "expand", "op.add_column('people', sa.Column('nickname', sa.Text()))")
    with pytest.raises(Refused, match="nurture db upgrade"):
        require_fit(engine)
    assert expand(engine) is None
    assert current(engine) == added


def test_a_database_too_new_is_refused_and_one_more_is_not(engine: Engine) -> None:
    expand(engine)
    for beyond, fits in ((1, True), (2, False)):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": f"{int(NEWEST) + beyond:04}"})
        if fits:
            require_fit(engine)
            assert expand(engine) is None
        else:
            with pytest.raises(Refused, match="install the version that upgraded it"):
                require_fit(engine)


def test_a_database_that_is_away_is_no_reason_not_to_start() -> None:
    away = make_engine(f"postgresql://postgres@127.0.0.1:{free_port()}/none")
    require_fit(away)
    away.dispose()


def test_processes_tell_their_version_and_older_ones_are_named(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        presence = Presence(client, "web")
        presence.tell()
        [process] = alive(client)
        assert (process.kind, process.schema) == ("web", NEWEST)
        [key] = client.keys(redis_keys.process("*", "*", "*"))
        assert 0 < client.ttl(key) <= LIFETIME
        assert elders(client, NEWEST) == []
        assert len(elders(client, f"{int(NEWEST) + 1:04}")) == 1
        client.hset(redis_keys.worker("mail.9@old"), mapping={"host": "old", "pid": "9"})
        assert elders(client, NEWEST) == ["worker old:9 (unknown version)"]
        presence.stop()
        assert [each.host for each in alive(client)] == ["old"]
    with Redis.from_url(f"redis://127.0.0.1:{free_port()}", retry=None) as nowhere:
        Presence(nowhere, "web").tell()

"""`nurture db upgrade`, and processes that refuse a database they cannot work with."""

import pytest
from sqlalchemy import text

from nurture.adapters.database.revisions import known, newest
from nurture.adapters.redis_keys import worker
from nurture.errors import Refused
from tests.cli.conftest import Command
from tests.support.installation import Installation


def stand_at(installation: Installation, revision: str) -> None:
    with installation.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.mark.parametrize("command", [["web"], ["worker"], ["beat"]])
def test_a_process_does_not_start_on_a_schema_that_it_cannot_work_with(
    nurture: Command, installation: Installation, command: list[str]
) -> None:
    stand_at(installation, "0003")
    told = nurture(*command)
    assert isinstance(told.exception, Refused)
    assert "run `nurture db upgrade` with this version" in str(told.exception)
    stand_at(installation, f"{int(newest(known())) + 2:04}")
    assert "install the version that upgraded it" in str(nurture(*command).exception)


def test_where_nothing_is_to_be_done_nothing_is(nurture: Command, installation: Installation) -> None:
    installation.redis.hset(worker("mail@old"), mapping={"host": "old", "pid": "7"})
    for command in (["db", "upgrade"], ["db", "upgrade", "--contract"]):
        told = nurture(*command)
        assert (told.exit_code, told.stdout) == (0, ""), told.output

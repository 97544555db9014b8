"""What a connection to PostgreSQL is set to before it is used."""

import pytest
from sqlalchemy import text

from nurture.adapters.database.engine import make_engine
from tests.support.servers import PostgresServer

#: Both sides ask after a third of the time, and again; the last word has the time itself, in milliseconds.
ASKED = {"tcp_keepalives_idle": "2", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "2", "tcp_user_timeout": "6000"}


@pytest.mark.parametrize("busy", [False, True])
def test_either_side_notices_when_the_other_is_gone(postgres_server: PostgresServer, busy: bool) -> None:
    engine = make_engine(postgres_server.url(), busy=busy, silence=6)
    with engine.connect() as connection:
        theirs = {name: connection.scalar(text(f"SELECT setting FROM pg_settings WHERE name = '{name}'")) for name in ASKED}
        driver = connection.connection.driver_connection
        assert driver is not None
        ours = driver.info.get_parameters()
    engine.dispose()
    assert theirs == ASKED
    assert {name: ours[name.removeprefix("tcp_") if "keepalives" in name else name] for name in ASKED} == ASKED


def test_a_table_is_not_read_whole_for_the_rows_of_a_batch(postgres_server: PostgresServer) -> None:
    engine = make_engine(postgres_server.url())
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW random_page_cost")) == "1.1"
    engine.dispose()

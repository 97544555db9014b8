"""`nurture metrics` gives what /metrics gives, also where a part is away."""

from nurture.adapters.counters import Counters
from tests.cli.conftest import Command
from tests.support.events import form
from tests.support.exposition import value
from tests.support.installation import Installation


def test_the_figures_are_printed(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    Counters(installation.redis).add("events_stored", 3)
    told = nurture("metrics")
    assert told.exit_code == 0, told.output
    assert value(told.stdout, "nurture_events_stored_total") == 3
    assert value(told.stdout, "nurture_database_up") == 1
    assert value(told.stdout, "nurture_people", stage="audience") == 1


def test_where_nothing_runs_it_says_so(alone: Command) -> None:
    told = alone("metrics")
    assert told.exit_code == 0, told.output
    assert value(told.stdout, "nurture_database_up") == value(told.stdout, "nurture_redis_up") == 0

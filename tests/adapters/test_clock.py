"""Clocks: the machine's, and one that a file moves for every process at once."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nurture.adapters.clock import ShiftedClock, SystemClock, clock_from, set_shift
from nurture.errors import SettingsError
from nurture.settings import Settings

ROOT = Path(__file__).parents[2]


def ahead(clock: ShiftedClock) -> float:
    """Days by which a clock is ahead of the machine's."""
    return round((clock.now() - datetime.now(UTC)) / timedelta(days=1), 3)


def test_the_system_clock_gives_aware_utc() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)
    assert SystemClock().now().tzinfo is UTC


def test_without_its_file_a_shifted_clock_is_the_machines(tmp_path: Path) -> None:
    assert ahead(ShiftedClock(tmp_path / "clock")) == 0


def test_each_shift_is_seen_at_the_next_call(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    clock = ShiftedClock(file)
    for days in (1, 14, 2.5, 0):
        set_shift(file, days * 86_400)
        assert ahead(clock) == days
    file.unlink()
    assert ahead(clock) == 0


_WATCHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from nurture.adapters.clock import ShiftedClock
clock = ShiftedClock(Path(sys.argv[1]))
print("up", flush=True)
seen = set()
while 7 not in seen:
    seen.add(round((clock.now() - datetime.now(UTC)).total_seconds() / 86400))
print(*seen)
"""


def test_another_process_sees_the_shift_and_never_half_of_it(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    set_shift(file, 86_400)
    with subprocess.Popen([sys.executable, "-c", _WATCHER, str(file)], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        for _ in range(200):
            set_shift(file, 86_400)
            set_shift(file, 123_456 * 86_400)
        set_shift(file, 7 * 86_400)
        assert {"7"} <= set(process.stdout.readline().split()) <= {"1", "123456", "7"}
    assert [each.name for each in tmp_path.iterdir()] == ["clock"]


def test_a_file_that_holds_no_number_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("tomorrow")
    with pytest.raises(SettingsError, match="NURTURE_CLOCK_FILE"):
        ShiftedClock(file).now()


def test_the_settings_choose_the_clock(tmp_path: Path) -> None:
    assert isinstance(clock_from(Settings()), SystemClock)
    assert isinstance(clock_from(Settings(clock_file=tmp_path / "clock")), ShiftedClock)

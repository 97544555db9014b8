"""Log files are bounded, for their owner's eyes, and read while they are written."""

from pathlib import Path

import pytest

from nurture.adapters.log_files import NAME, LogFiles, end_of, kept_lines, new_lines


def test_files_are_turned_and_the_oldest_goes(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs", most_bytes=1_000, older=2)
    for number in range(200):
        files.keep(f"line {number:04}")
    files.close()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [NAME, f"{NAME}.1", f"{NAME}.2"]
    assert sum(path.stat().st_size for path in (tmp_path / "logs").iterdir()) <= 3_000
    lines = [line.strip() for line in kept_lines(tmp_path / "logs")]
    assert lines[-1] == "line 0199"
    assert lines == sorted(lines)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "logs").iterdir())


def test_a_line_that_cannot_be_written_is_lost_and_the_next_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = LogFiles(tmp_path)
    files.keep("before \udcff")
    files.close()
    (tmp_path / NAME).rename(tmp_path / "elsewhere")
    (tmp_path / NAME).mkdir()
    files.keep("lost")
    (tmp_path / NAME).rmdir()
    files.keep("after")
    files.close()
    assert (tmp_path / NAME).read_text() == "after\n"
    assert capsys.readouterr() == ("", "")


def test_a_full_disk_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / NAME).symlink_to("/dev/full")
    files = LogFiles(tmp_path)
    for _ in range(3):
        files.keep("lost")
    files.close()
    assert capsys.readouterr() == ("", "")


def test_what_is_kept_and_what_is_new_is_everything_once(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, most_bytes=500, older=9)
    for number in range(30):
        files.keep(f"line {number:04}")
    end = end_of(tmp_path)
    for number in range(30, 32):
        files.keep(f"line {number:04}")
    kept = [line.strip() for line in kept_lines(tmp_path, end)]
    assert kept == [f"line {number:04}" for number in range(30)]
    more, looks = iter(range(32, 100)), 0

    def goes_on() -> bool:
        """Write while it is read, more than a file holds."""
        nonlocal looks
        looks += 1
        if looks % 3 == 0 and (number := next(more, None)) is not None:
            files.keep(f"line {number:04}")
        return looks < 2_000

    read = [line.strip() for line in new_lines(tmp_path, end, goes_on, lambda _: None)]
    files.close()
    assert read == [f"line {number:04}" for number in range(30, 100)]


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / NAME
    steps = iter(["a", "ab\n", None, None, None])

    def goes_on() -> bool:
        step = next(steps, "over")
        if step not in (None, "over"):
            path.write_text(step)
        return step != "over"

    assert list(new_lines(tmp_path, end_of(tmp_path), goes_on, lambda _: None)) == ["ab\n"]

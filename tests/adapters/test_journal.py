"""The journal on a real disk: what was acknowledged is there, whatever becomes of the process, the file and the disk."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters import segments
from nurture.adapters.journal import Journal, JournalledEvents, JournalStanding, somebody_left, standing
from nurture.adapters.segments import MAGIC, Kind, Record, contents, framed
from nurture.domain.erasing import named
from nurture.domain.event import EVENT
from nurture.errors import JournalFull, Unavailable
from tests.support.events import event

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOMY = 1 << 24


def record(number: int, partition: int = 0, kind: Kind = Kind.EVENT, padding: int = 0) -> Record:
    return Record(kind, partition, json.dumps({"n": number, "x": "x" * padding}).encode())


def opened(root: Path, bound: int = ROOMY, at: datetime = AT) -> Journal:
    return Journal(root, bound, lambda: at)


def everything(journal: Journal) -> list[Record]:
    """Take all records out, as whoever passes them on does."""
    found: list[Record] = []
    while segment := journal.next_ahead() or journal.next_events():
        found += journal.read(segment).records
        journal.drop(segment)
    return found


def numbers(records: list[Record]) -> list[int]:
    return [json.loads(each.body)["n"] for each in records]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data/journal"


def test_what_goes_in_comes_out_in_its_order(root: Path) -> None:
    journal = opened(root)
    written = [record(number, number % 4, padding=300) for number in range(9_000)]
    for start in range(0, len(written), 100):
        journal.append(written[start : start + 100])
    assert (journal.count, journal.empty) == (9_000, False)
    assert len(list(journal.folder.glob("events-*"))) > 2
    assert everything(journal) == written
    assert (journal.count, journal.empty, journal.size) == (0, True, 0)
    journal.append([record(1)])
    assert numbers(everything(journal)) == [1]
    journal.close()


def test_whoever_says_no_goes_first(root: Path) -> None:
    journal = opened(root)
    journal.append([record(1)])
    assert not somebody_left(root)
    journal.append([record(2)], [record(2, kind=Kind.AHEAD)])
    assert somebody_left(root)
    assert journal.count == 2
    found = everything(journal)
    assert [(each.kind, json.loads(each.body)["n"]) for each in found] == [(Kind.AHEAD, 2), (Kind.EVENT, 1), (Kind.EVENT, 2)]
    assert not somebody_left(root)
    journal.close()


def test_nobody_else_may_look_into_it(root: Path) -> None:
    before = os.umask(0)
    try:
        journal = opened(root)
        journal.append([record(1)], [record(1)])
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len(modes) == 6
    journal.close()


def test_everything_is_on_the_disk_before_it_is_acknowledged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file after its bytes, and the folder after the file is in it."""
    done: list[str] = []
    real_sync, real_folder = segments._sync, segments.sync_folder
    journal = opened(root)

    def sync(handle: int) -> None:
        real_sync(handle)
        done.append("file")

    def sync_folder(folder: Path) -> None:
        real_folder(folder)
        done.append("folder")

    monkeypatch.setattr(segments, "_sync", sync)
    monkeypatch.setattr(segments, "sync_folder", sync_folder)
    journal.append([record(1), record(2)])
    journal.append([record(3)])
    assert done == ["folder", "file", "file"]
    journal.close()


# ---- bounds and disks that fail ----


def test_a_full_journal_takes_nothing_but_who_says_no(root: Path) -> None:
    journal = opened(root, bound=64 * 1024)
    for count in range(60):
        journal.append([record(count, padding=1_000)])
    with pytest.raises(JournalFull):
        journal.append([record(60, padding=5_000)])
    journal.append([record(9_999, padding=4_000)], [record(9_999)])
    with pytest.raises(JournalFull):
        journal.append([record(0, padding=5_000)], [record(0)])
    room = [journal.has_room]
    assert numbers(everything(journal)) == [9_999, *range(60), 9_999]
    assert [*room, journal.has_room] == [False, True]
    journal.append([record(1, padding=1_000)])
    journal.close()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk is to a file, for this process: a write that goes beyond writes a part, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_refuses_and_loses_nothing(root: Path) -> None:
    journal = opened(root)
    journal.append([record(1), record(2)])
    with files_of_at_most(400):
        with pytest.raises(Unavailable, match="cannot be written"):
            journal.append([record(3, padding=100), record(4, padding=1_000)])
        assert journal.count == 2
        journal.append([record(5)])
    journal.append([record(6)])
    assert numbers(everything(journal)) == [1, 2, 5, 6]
    journal.close()


def test_a_disk_without_any_room_refuses_and_takes_again_when_there_is(root: Path) -> None:
    journal = opened(root)
    with files_of_at_most(0):
        for _ in range(3):
            with pytest.raises(Unavailable):
                journal.append([record(1)])
    assert journal.empty
    assert list(journal.folder.glob("events-*")) == []
    journal.append([record(2)])
    assert numbers(everything(journal)) == [2]
    journal.close()


def test_what_a_failed_fsync_wrote_counts_for_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it a kernel may take lost pages for written ones, so the file is left as it was and not written to again."""
    journal = opened(root)
    journal.append([record(1)])
    (file,) = journal.folder.glob("events-*")

    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "_sync", fail)
        with pytest.raises(Unavailable, match="Input/output error"):
            journal.append([record(2)])
    size = file.stat().st_size
    journal.append([record(3)])
    assert file.stat().st_size == size
    assert numbers(everything(journal)) == [1, 3]
    journal.close()


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(OSError, match="exists"):
        opened(tmp_path / "journal")


# ---- processes that die ----


def test_the_next_process_finds_what_a_dead_one_left(root: Path) -> None:
    first = opened(root)
    first.append([record(1), record(2)], [record(2)])
    os.close(first._lock)  # as the kernel does when a process is killed
    second = opened(root)
    assert second.folder == first.folder
    second.append([record(3)])
    assert numbers(everything(second)) == [2, 1, 2, 3]
    second.close()


def test_processes_have_a_folder_each_and_what_several_left_comes_together(root: Path) -> None:
    journals = [opened(root) for _ in range(3)]
    assert len({journal.folder for journal in journals}) == 3
    for number, journal in enumerate(journals):
        journal.append([record(10 * number), record(10 * number + 1)])
    for journal in journals[:2]:
        os.close(journal._lock)
    heir = opened(root)
    assert numbers(everything(heir)) == [0, 1, 10, 11]
    assert numbers(everything(journals[2])) == [20, 21]
    another = opened(root)
    assert another.folder == journals[1].folder
    for journal in (journals[2], heir, another):
        journal.close()


_DIES = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from nurture.adapters.journal import Journal
from nurture.adapters.segments import Kind, Record
journal = Journal(Path(sys.argv[1]), 1 << 24, lambda: datetime.now(UTC))
for number in range(10**9):
    journal.append([Record(Kind.EVENT, number % 4, b'{"n": %d}' % number)])
    print(number, flush=True)
"""


def test_what_a_killed_process_has_acknowledged_is_there(root: Path) -> None:
    """A real process, killed with -9 in the middle of its work."""
    with subprocess.Popen([sys.executable, "-c", _DIES, str(root)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(300)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout.read().splitlines()]
    heir = opened(root)
    found = numbers(everything(heir))
    assert found[: len(acknowledged)] == acknowledged
    assert found == list(range(len(found)))
    heir.close()


GROUPS = st.lists(st.lists(st.integers(0, 200), min_size=1, max_size=6), min_size=1, max_size=12)


@given(groups=GROUPS, cut=st.data())
def test_a_file_cut_anywhere_holds_all_that_was_acknowledged_before(
    groups: list[list[int]], cut: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A crash leaves any part of what was not synced, or zeros or rubbish in its place: what lies before is read, in its order."""
    file = tmp_path_factory.mktemp("cut") / "events-000000000001"
    blocks = [framed([record(number, padding=padding) for number, padding in enumerate(group)], AT) for group in groups]
    ends = [len(MAGIC)]
    for block in blocks:
        ends.append(ends[-1] + len(block))
    whole = MAGIC + b"".join(blocks)
    at = cut.draw(st.integers(0, len(whole)))
    rest = cut.draw(st.sampled_from([b"", b"\0", b"\xff", b"\x01\x02"])) * cut.draw(st.integers(0, 100))
    file.write_bytes(whole[:at] + rest)
    acknowledged = sum(end <= at for end in ends) - 1
    expected = [each for group in groups[: max(acknowledged, 0)] for each in range(len(group))]
    found = contents(file)
    read = numbers(found.records)
    every = [each for group in groups for each in range(len(group))]
    assert read[: len(expected)] == expected
    assert read == every[: len(read)]
    if at >= len(MAGIC):
        assert found.torn == at + len(rest) - len(MAGIC) - len(framed(found.records, AT))


@given(groups=GROUPS, spoil=st.data())
def test_a_spoilt_byte_never_makes_another_record(
    groups: list[list[int]], spoil: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("spoilt") / "events-000000000001"
    records = [record(number, padding=padding) for number, padding in enumerate(each for group in groups for each in group)]
    data = bytearray(MAGIC + framed(records, AT))
    at = spoil.draw(st.integers(0, len(data) - 1))
    data[at] ^= spoil.draw(st.integers(1, 255))
    file.write_bytes(data)
    found = contents(file).records
    assert found == records[: len(found)]
    before = len(MAGIC)
    for whole, each in enumerate(records):
        before += len(framed([each], AT))
        if before > at:
            assert len(found) == whole or at < len(MAGIC)
            break


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 40)),
        st.tuples(st.just("refused"), st.integers(1, 40)),
        st.tuples(st.just("pass on"), st.integers(1, 3)),
        st.tuples(st.just("die"), st.binary(max_size=60)),
    ),
    max_size=40,
)


@given(deeds=DEEDS)
def test_whatever_happens_what_was_acknowledged_comes_once_and_in_order(
    deeds: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Processes append, are refused by a disk, pass on, and die with something half written, in any order."""
    root = tmp_path_factory.mktemp("journal")
    journal, acknowledged, passed_on = opened(root), 0, list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SEGMENT_BYTES", 2_000)
        for deed, how in deeds:
            records = [record(acknowledged + each, padding=20) for each in range(how)] if deed in {"append", "refused"} else []
            if deed == "append":
                journal.append(records)
                acknowledged += how
            elif deed == "refused":
                size = max((segment.size for segment in journal._events.segments[-1:]), default=0)
                with files_of_at_most(size + 30), suppress(Unavailable):
                    journal.append([record(-1, padding=3_000), *records])
            elif deed == "pass on":
                for _ in range(how):
                    if segment := journal.next_events():
                        passed_on += numbers(journal.read(segment).records)
                        journal.drop(segment)
            else:
                journal.close()  # as the kernel does
                for file in sorted(journal.folder.glob("events-*"))[-1:]:
                    file.write_bytes(file.read_bytes() + how)
                journal = opened(root)
        assert journal.count == acknowledged - len(passed_on)
        assert passed_on + numbers(everything(journal)) == list(range(acknowledged))
    journal.close()


def test_a_journal_whose_end_was_torn_goes_on_behind_it(root: Path) -> None:
    first = opened(root)
    first.append([record(1), record(2)])
    (file,) = first.folder.glob("events-*")
    os.truncate(file, file.stat().st_size - 3)
    os.close(first._lock)
    second = opened(root)
    assert second.count == 1
    second.append([record(3)])
    assert numbers(everything(second)) == [1, 3]
    second.close()


def test_a_file_with_nothing_whole_in_it_is_no_hindrance(root: Path) -> None:
    first = opened(root)
    first.append([record(1)])
    (file,) = first.folder.glob("events-*")
    file.write_bytes(b"")
    os.close(first._lock)
    second = opened(root)
    assert second.empty
    second.append([record(2)])
    assert numbers(everything(second)) == [2]
    second.close()


# ---- what others see ----


def test_without_a_journal_nothing_waits(root: Path) -> None:
    assert standing(root) == JournalStanding(0, 0, None, 0)
    assert not somebody_left(root)


def test_how_a_journal_stands_is_told_to_anybody_on_the_machine(root: Path) -> None:
    one, other = opened(root, bound=2_000_000, at=AT), opened(root, bound=1_000_000, at=AT - timedelta(minutes=5))
    assert standing(root) == JournalStanding(0, 0, None, 3_000_000)
    for number in range(3_000):
        if number % 500 == 0:
            one.append([record(each, padding=400) for each in range(number, number + 500)], [record(number)])
    other.append([record(1)])
    told = standing(root)
    assert (told.events, told.oldest, told.bound) == (3_001, AT - timedelta(minutes=5), 3_000_000)
    assert told.bytes == one.size + other.size > 1_000_000
    assert numbers(everything(other)) == [1]
    assert standing(root).oldest == AT
    one.close()
    other.close()
    assert standing(root).events == 3_000


def test_who_is_erased_waits_until_their_events_are_passed_on(root: Path) -> None:
    journal = opened(root)
    theirs = EVENT.dump_json(event("form_submitted", email="ana@acme.test"), exclude_defaults=True)
    aside = json.dumps({"event": theirs.decode(), "reasons": ["honeypot"], "at": AT.isoformat()}).encode()
    journal.append([Record(Kind.EVENT, 0, theirs), Record(Kind.QUARANTINE, 0, aside), record(1)])
    place = JournalledEvents(root)
    assert place.remove(named("ana@acme.test"), dry_run=True) == {"journalled_events": 2}
    with pytest.raises(Unavailable, match="2 events of theirs"):
        place.remove(named("ana@acme.test"))
    assert place.remove(named("bob@acme.test")) == {}
    everything(journal)
    assert place.remove(named("ana@acme.test")) == {}
    journal.close()

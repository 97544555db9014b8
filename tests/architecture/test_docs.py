"""What the documentation must say, it says."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_help_names_every_target_that_a_person_would_type() -> None:
    makefile = (ROOT / "Makefile").read_text().splitlines()
    (phony,) = (line.removeprefix(".PHONY:").split() for line in makefile if line.startswith(".PHONY:"))
    explained = {line.partition(":")[0] for line in makefile if ":  ## " in line or ("## " in line and line[0].isalpha())}
    assert set(phony) == explained


def test_the_procfile_runs_every_queue() -> None:
    from nurture.adapters.broker import QUEUES

    lines = (ROOT / "Procfile").read_text().splitlines()
    served = [queue for line in lines if "--queues" in line for queue in line.rpartition(" ")[2].split(",")]
    assert sorted(served) == sorted(QUEUES)


def test_nurture_up_runs_what_the_procfile_runs() -> None:
    from nurture.supervisor.engine import PARTS

    lines = (ROOT / "Procfile").read_text().splitlines()
    named = dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    del named["release"]
    supervised = {part.name: " ".join(part.arguments).partition(" --concurrency")[0] for part in PARTS}
    assert {name: command.removeprefix("nurture ") for name, command in named.items()} == supervised

"""Whether something in the lock files has a hole that is publicly known, by pip-audit. Exit code 1 if so.

Where the data about holes cannot be reached (a machine that has nothing but a mirror of packages) this says so loudly and passes:
a network that is away must not stop a change, and silence must not look like safety. What we live with for a while stands in
`advisories.toml`, each with a reason and a day until which it holds.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
LOCKS: Final = ("requirements.lock", "requirements-dev.lock")

#: What pip-audit and the libraries below it say when nobody answers.
_UNREACHED: Final = ("connection", "connect", "timed out", "timeout", "name resolution", "proxy", "ssl", "502", "503", "504")


class Ignored(NamedTuple):
    """A hole that we live with until a day, and why."""

    id: str
    reason: str
    until: date


class Hole(NamedTuple):
    """A known hole in a package: all its names, and the versions that have it no more."""

    package: str
    version: str
    names: frozenset[str]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        remedy = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no version is without it yet"
        return f"{self.package} {self.version}: {', '.join(sorted(self.names))} ({remedy})"


def read_ignored(text: str) -> list[Ignored]:
    """The holes that we live with; raises ValueError for one without a reason or a day."""
    found = []
    for each in tomllib.loads(text).get("ignored", []):
        reason, until = each.get("reason", ""), each.get("until")
        if not each.get("id") or not reason.strip() or not isinstance(until, date) or isinstance(until, datetime):
            raise ValueError(f"{each}: write id, reason, and until as a day such as 2027-01-31")
        found.append(Ignored(each["id"], reason, until))
    return found


def holes_in(report: Mapping[str, Any]) -> list[Hole]:
    """The holes that a report of pip-audit names."""
    return [
        Hole(
            each["name"], each["version"], frozenset({hole["id"], *hole.get("aliases", ())}), tuple(hole.get("fix_versions", ()))
        )
        for each in report["dependencies"]
        for hole in each.get("vulns", ())
    ]


def unasked(report: Mapping[str, Any]) -> list[str]:
    """The packages of which nobody could say anything."""
    return [each["name"] for each in report["dependencies"] if "skip_reason" in each]


def unbearable(holes: Iterable[Hole], ignored: Sequence[Ignored], today: date) -> list[Hole]:
    """The holes that nobody has decided to live with, today."""
    borne = {each.id for each in ignored if each.until >= today}
    return [hole for hole in holes if not hole.names & borne]


def _asked(tool: str, lock: Path) -> dict[str, Any] | None:
    """What pip-audit reports of a lock file; None if it reached nobody. Raises RuntimeError if it failed otherwise."""
    command = [
        tool, "--requirement", str(lock), "--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json",
        "--timeout", "20",
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(answer.stdout)
    except ValueError:
        if any(sign in answer.stderr.lower() for sign in _UNREACHED):
            return None
        raise RuntimeError(f"pip-audit failed: {answer.stderr.strip()[-2_000:]}") from None
    return report


def main() -> int:
    """Ask of each lock file, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", default=str(Path(sys.executable).with_name("pip-audit")))
    parser.add_argument("--ignored", type=Path, default=HERE / "advisories.toml")
    parser.add_argument("locks", nargs="*", type=Path, default=[HERE.parent / lock for lock in LOCKS])
    options = parser.parse_args()
    today = datetime.now(UTC).date()
    ignored = read_ignored(options.ignored.read_text())
    for each in ignored:
        state = "we live with it" if each.until >= today else "THE DAY IS OVER, so it counts again"
        print(f"audit: {each.id} until {each.until}: {state}: {each.reason}")
    bad, silent = False, False
    for lock in options.locks:
        report = _asked(options.tool, lock)
        holes = [] if report is None else unbearable(holes_in(report), ignored, today)
        for hole in holes:
            print(f"audit: {lock.name}: {hole}; `make lock` takes newer versions", file=sys.stderr)
        bad |= bool(holes)
        packages = [] if report is None else unasked(report)
        if report is None or packages:
            silent = True
            which = "all" if report is None else f"{len(packages)} of its {len(report['dependencies'])}"
            print(f"audit: {lock.name}: {which} packages could not be asked about", file=sys.stderr)
    if silent:
        line = "!" * 100
        print(
            f"{line}\naudit: NOT AUDITED in full: the data about known holes could not be reached from here.\n{line}",
            file=sys.stderr,
        )
    if not bad and not silent:
        print("audit: no hole is known in what the lock files name")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())

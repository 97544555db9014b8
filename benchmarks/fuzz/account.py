"""What was counted, as it is printed and as it stands in docs/fuzz.md."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Account:
    """Counts of one run. `failures` say what was wrong, with the number by which the input is made again."""

    seed: int
    inputs: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    stored: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    in_tables: int = 0
    distinct: int = 0
    parked: int = 0
    logged: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.inputs.values())

    @property
    def faults(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def sound(self) -> bool:
        whole = self.distinct == self.in_tables and not self.parked
        return not self.failures and not self.faults and not self.logged and whole

    def summary(self) -> str:
        """One line for all."""
        return (
            f"{self.total:,} inputs (seed {self.seed}): {self.faults} answers of 500 and above, {self.logged} exceptions logged, "
            f"{len(self.failures)} stored or answered wrongly; {sum(self.stored.values()):,} events and posts accepted = as many in the streams, "
            f"{self.distinct:,} different ones = {self.in_tables:,} in the tables, {self.parked} parked"
        )

    def table(self) -> Iterator[str]:
        """By kind of input."""
        yield "| input | sent | the oracle knew | 2xx, 3xx | 4xx | closed | stored |"
        yield "|---|---:|---:|---:|---:|---:|---:|"
        for kind in sorted(self.inputs):
            answered = self.answers[kind]
            counts = (
                self.inputs[kind],
                self.told[kind],
                answered["good"],
                answered["refused"],
                answered["closed"],
                self.stored[kind],
            )
            yield f"| {kind} | " + " | ".join(f"{count:,}" for count in counts) + " |"

    def by_status(self) -> str:
        """How often each status was answered."""
        return ", ".join(f"{status or 'closed'} × {count:,}" for status, count in sorted(self.statuses.items()))


def page(account: Account, facts: str) -> str:
    """docs/fuzz.md."""
    return "\n".join([
        "# Bad input", "",
        "`make fuzz` sends made-up input to a web process on a real Redis, looks after each at what lies in the streams, absorbs it into a",
        "database, and writes this page. An oracle (`benchmarks/fuzz/oracle.py`), written from `docs/http.md` and not from the code, says of",
        "each input whether it must be taken, and as what, or refused; where it does not know (a date in words, a broken multipart body), what",
        "is stored must be sound all the same and a refusal must say why. Every input is made again by the seed and its number:",
        "`python -m benchmarks.fuzz --seed SEED --only NUMBER`. A short form runs with the tests (`tests/web/test_fuzz.py`).", "",
        f"**{account.summary()}.**", "", *account.table(), "",
        f"Answers: {account.by_status()}.", "",
        "*Stored* counts entries of the streams, quarantine and the way ahead included; a right request that is sent again is stored again and",
        "counts once in the tables. *Described* are requests that schemathesis makes of `/openapi.json`, *random JSON* those of hypothesis. Amazon's",
        "hook is not fuzzed here, because it makes the web process visit Amazon; `tests/web/hooks` does that with a stand-in.", "", facts, "",
    ])  # fmt: skip

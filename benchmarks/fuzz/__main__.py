"""`python -m benchmarks.fuzz [--inputs N] [--seed N] [--only NUMBER] [--write FILE]`: the account of docs/fuzz.md."""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.fuzz.account import Account, page
from benchmarks.fuzz.connection import Connection
from benchmarks.fuzz.described import described, random_json
from benchmarks.fuzz.fuzzer import Fuzzer, made, top
from benchmarks.fuzz.inputs import Input
from benchmarks.fuzz.scene import Scene, scene
from benchmarks.fuzz.streams import Streams

#: Shares of all inputs.
_BY_HYPOTHESIS = 0.15
_BY_SCHEMATHESIS = 0.05

#: After so many inputs what lies in the streams is absorbed.
_ABSORB_EVERY = 1_000

_SHOWN = 20


def run(on: Scene, inputs: int, seed: int, only: int | None = None) -> Account:
    """Send `inputs` inputs of a seed, or one of them, and count."""
    account, begun = Account(seed), time.monotonic()
    fuzzer = Fuzzer(Connection("127.0.0.1", on.settings.port), Streams(on.redis, on.settings.partitions), account)
    sent = 0

    def send(each: Input, name: str) -> None:
        nonlocal sent
        wrong = len(account.failures)
        fuzzer.send(each, name)
        sent += 1
        for failure in account.failures[wrong:]:
            print(failure, file=sys.stderr, flush=True)
        if sent % _ABSORB_EVERY == 0:
            on.absorb_all()
            print(
                f"{sent:,} sent in {time.monotonic() - begun:,.0f} s, {len(account.failures)} wrong", file=sys.stderr, flush=True
            )

    if only is not None:
        send(made(on.world, seed, only), str(only))
    else:
        for number in range(int(inputs * (1 - _BY_HYPOTHESIS - _BY_SCHEMATHESIS))):
            send(made(on.world, seed, number), str(number))
        random_json(send, int(inputs * _BY_HYPOTHESIS), seed)
        described(send, int(inputs * _BY_SCHEMATHESIS), seed)
    on.absorb_all()
    stored = on.stored()
    account.distinct, account.in_tables, account.parked = len(fuzzer.keys), len(stored - fuzzer.told), on.parked()
    missing, unknown = fuzzer.keys - stored, stored - fuzzer.keys - fuzzer.told
    if missing or unknown:
        account.failures.append(f"tables: {len(missing)} accepted are not there, {len(unknown)} are there that were not accepted")
    errors = on.errors_logged()
    account.logged = len(errors)
    account.failures += [f"logged: {line}" for line in errors[:_SHOWN]]
    account.seconds = time.monotonic() - begun
    return account


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="make and send one input")
    parser.add_argument("--write", type=Path, metavar="FILE", help="where the page goes; docs/fuzz.md for a whole run")
    options = parser.parse_args()
    with scene() as on:
        account = run(on, options.inputs, options.seed, options.only)
        measured, commit, machine = on.facts["measured"], on.facts["commit"], on.facts["machine"]
    print("\n".join(account.table()))
    for failure in account.failures[:_SHOWN]:
        print(failure)
    for what, count in top(account.failures).most_common(_SHOWN):
        print(f"{count:,} × {what}")
    print(account.summary())
    if options.write is not None:
        options.write.write_text(
            page(account, f"Measured {measured} at {commit} on {machine['cores']} cores, in {account.seconds:,.0f} seconds."),
            encoding="utf-8",
        )
    return 0 if account.sound else 1


if __name__ == "__main__":
    sys.exit(main())

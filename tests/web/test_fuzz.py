"""The short form of `make fuzz`: some hundreds of inputs on a web process of this one, half of them others in every run."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from benchmarks.fuzz.account import Account
from benchmarks.fuzz.connection import Connection
from benchmarks.fuzz.described import random_json
from benchmarks.fuzz.fuzzer import Fuzzer, made
from benchmarks.fuzz.inputs import JSON, Input
from benchmarks.fuzz.oracle import verdict
from benchmarks.fuzz.streams import Streams
from benchmarks.fuzz.world import SECRET_KEY, WRITE_KEY, World, definitions
from nurture.adapters.clock import SystemClock
from nurture.domain.definitions import Definitions
from nurture.keys import WriteKey
from nurture.settings import Settings
from tests.support.definitions import DEFINITIONS
from tests.support.servers import RedisServer
from tests.web.conftest import PARTITIONS, Web, serving
from tests.web.hooks.signing import SECRETS

INPUTS = 900


@pytest.fixture(scope="module")
def fuzzed(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process with the forms, hooks and keys of the fuzzers."""
    redis_server.flush()
    with serving(
        redis_server.url, tmp_path_factory.mktemp("fuzz"), definitions=Definitions.model_validate(definitions(DEFINITIONS)),
        keys={"website": WriteKey(key=WRITE_KEY)}, servers={"crm": SECRET_KEY}, clock=SystemClock(),
        hook_secrets=Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets, body_seconds=2, mode="production", public_url="https://www.example.com",
    ) as served:  # fmt: skip
        (served.folder / "config/assets/guide.txt").write_text("The guide.\n")
        yield served


@contextmanager
def fuzzing(web: Web, seed: int) -> Iterator[Fuzzer]:
    host, port = web.base.removeprefix("http://").split(":")
    with closing(Connection(host, int(port))) as connection:
        yield Fuzzer(connection, Streams(web.redis, PARTITIONS), Account(seed))


@pytest.mark.parametrize("seed", [1, random.SystemRandom().randrange(10**9)], ids=["as always", "fresh"])
def test_nothing_is_a_fault_and_nothing_is_stored_wrongly(fuzzed: Web, seed: int) -> None:
    world = World(fuzzed.tokens, SystemClock().now())
    with fuzzing(fuzzed, seed) as run:
        for number in range(INPUTS):
            run.send(made(world, seed, number), f"--seed {seed} --only {number}")
        random_json(run.send, INPUTS // 6, seed)
    assert not run.account.failures, "\n".join(run.account.failures[:10])
    assert run.account.faults == 0
    assert run.account.total > INPUTS
    assert run.account.stored.total() > INPUTS / 5, "an oracle that sees nothing taken says nothing"


def test_the_oracle_notices(fuzzed: Web) -> None:
    """A check must be able to fail: an oracle that expects something else finds it in the answer and in the stream."""
    right = Input(
        "call: as it should be",
        b"POST",
        b"/v1/track",
        (JSON,),
        b'{"writeKey":"%b","userId":"u","event":"x"}' % WRITE_KEY.encode(),
    )
    assert verdict(right).says == "taken"
    with fuzzing(fuzzed, 0) as run:
        run.send(right, "right")
        assert run.account.failures == []
        run.send(Input("tokens", right.method, right.target, right.headers, right.body, note="refused"), "wrong")
    assert [failure.partition("\n")[0] for failure in run.account.failures] == [
        "wrong (tokens): must be refused, and is answered 200", "wrong (tokens): refused, and 1 stored",
    ]  # fmt: skip

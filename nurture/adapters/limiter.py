"""The limiter that all workers share: a Lua script in Redis, one round trip for a batch of mails.

What it does stands in `domain.mail.rates`, whose `Limiter` is its twin. The instants are those of the caller's clock: the clocks of the
workers' machines must agree (NTP keeps them within a millisecond or two; a permit's time is 20 ms and more).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from nurture.adapters import redis_keys
from nurture.domain.mail.rates import HORIZON, LEAD, UNHURRIED, Lane, Later, Permit, Slot, Ways, instant, micros
from nurture.errors import Unavailable

_SCRIPT: Final = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
_HORIZON: Final = HORIZON // timedelta(microseconds=1)
_UNHURRIED: Final = UNHURRIED // timedelta(microseconds=1)


class RedisLimiter:
    """Fulfils `flow.route.Limits`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @cached_property
    def _script(self) -> Any:
        return self._redis.register_script(_SCRIPT)

    def take(self, mails: Sequence[Ways], at: datetime, used: Mapping[Lane, int] = MappingProxyType({})) -> list[Slot | Later]:
        """A slot or an appointment for each mail, in their order; `used` is what went already through lanes that are `uncounted`.

        Raises Unavailable while Redis is away.
        """
        lanes = _numbered(lane for ways in mails for way in ways for lane in way)
        asked = [[[lanes[lane] for lane in way] for way in ways] for ways in mails]
        answers = iter(self._run(lanes, at, mails=asked, used=used))
        names = [lane.name for lane in lanes]
        return [_read(*answer, names) for answer in zip(answers, answers, answers, answers, strict=True)]

    def give_back(self, permits: Sequence[Permit], at: datetime) -> None:
        """Let others have permits that were not used; raises Unavailable while Redis is away."""
        lanes = _numbered(lane for permit in permits for lane in permit.lanes)
        if lanes:
            back = [[[lanes[lane] for lane in permit.lanes], micros(permit.at)] for permit in permits]
            self._run(lanes, at, back=back)

    def uncounted(self, lanes: Sequence[Lane]) -> list[Lane]:
        """Those of the lanes that nothing is known of: nobody has used them yet, or Redis has lost them."""
        if not lanes:
            return []
        with _translated():
            pipeline = self._redis.pipeline(transaction=False)
            for lane in lanes:
                pipeline.exists(redis_keys.lane(lane.name))
            return [lane for lane, there in zip(lanes, pipeline.execute(), strict=True) if not there]

    def _run(
        self, lanes: Mapping[Lane, int], at: datetime, *, mails: Any = (), back: Any = (),
        used: Mapping[Lane, int] = MappingProxyType({}),
    ) -> list[int]:  # fmt: skip
        asked = {
            "now": micros(at), "horizon": _HORIZON, "unhurried": _UNHURRIED, "mails": mails, "back": back,
            "lanes": [[*lane[1:], used.get(lane, 0)] for lane in lanes],
        }  # fmt: skip
        with _translated():
            answers: list[int] = self._script(keys=[redis_keys.lane(lane.name) for lane in lanes], args=[json.dumps(asked)])
            return answers


def _numbered(lanes: Iterable[Lane]) -> dict[Lane, int]:
    """Each lane once, with its number from 1 on."""
    return {lane: number for number, lane in enumerate(dict.fromkeys(lanes), start=1)}


def _read(way: int, at: int, until: int, lane: int, names: Sequence[str]) -> Slot | Later:
    if until:
        return Slot(way - 1, instant(at), instant(until))
    return Later(way - 1, instant(at) - LEAD, names[lane - 1])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Unavailable(f"Redis does not answer ({type(error).__name__}), so nobody knows how much mail may go") from error

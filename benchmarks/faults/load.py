"""The crowd: forms and events with known ids in an open loop, tried again until they are accepted, as real clients do.

A client that got no answer, or 429 or 5xx, sends the very same thing again; only a 2xx makes an event `accepted`. What was ever
sent is `tried`: it may be stored even if its answer was lost.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import httpx

#: Visitors who come back again and again, so that batches meet at the same people.
_VISITORS: Final = 200

#: Events of one request by a server-side client.
_BATCH: Final = 20

#: Requests under way at most: an open loop that never gives up must have a bound somewhere.
_MOST: Final = 400

#: Seconds until a client takes no answer for a no, and between its tries: it doubles.
_PATIENCE: Final = 5.0
_FIRST, _LONGEST = 0.1, 1.0


class Post(NamedTuple):
    """A request and the ids of what is in it."""

    path: str
    body: dict[str, Any]
    ids: tuple[str, ...]


class Load:
    """Posts `rate` requests a second from a thread of its own, while it is open."""

    def __init__(self, url: str, write_key: str, rate: float, seed: int) -> None:
        self._url, self._key, self._rate = url, write_key, rate
        self._chance = random.Random(seed)
        self._numbers = count()
        self.tried: set[str] = set()
        self.accepted: set[str] = set()
        self.statuses: Counter[str] = Counter()
        self.refused: list[str] = []
        self._running = threading.Event()
        self._closing = False
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._running.set()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing = True
        self._thread.join(30)

    @property
    def under_way(self) -> int:
        """Requests that are not accepted yet."""
        return self._under_way

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing new is sent; what is under way goes on until it is accepted."""
        self._running.clear()
        try:
            yield
        finally:
            self._running.set()

    def stop(self) -> None:
        """Send nothing new any more."""
        self._running.clear()

    def lead(self) -> str:
        """Somebody fills in the form, now; their address. The post is tried until it is accepted."""
        return asyncio.run_coroutine_threadsafe(self._lead(), self._loop).result(30)

    async def _lead(self) -> str:
        post = self._form()
        self._begin(post)
        return str(post.body["email"])

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._send_all())

    async def _send_all(self) -> None:
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        async with httpx.AsyncClient(base_url=self._url, timeout=_PATIENCE, limits=limits) as self._client:
            due = time.monotonic()
            while not self._closing:
                due = max(due + 1 / self._rate, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if self._running.is_set() and self._under_way < _MOST:
                    self._begin(self._next())
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, post: Post) -> None:
        task = asyncio.ensure_future(self._deliver(post))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next(self) -> Post:
        drawn = self._chance.random()
        if drawn < 0.1:
            return self._form()
        if drawn < 0.5:
            events = [self._event() for _ in range(_BATCH)]
            return Post("/v1/batch", {"batch": events}, tuple(each["messageId"] for each in events))
        event = self._event()
        return Post("/v1/" + event["type"], event, (event["messageId"],))

    def _form(self) -> Post:
        number = next(self._numbers)
        email = f"lead-{number}@example.com"
        body = {"email": email, "job_title": self._chance.choice(["Head of Sales", "Student"]), "_id": f"form-{number}"}
        return Post("/f/contact", body, (email,))

    def _event(self) -> dict[str, Any]:
        event = {"messageId": f"act-{next(self._numbers)}", "anonymousId": f"visitor-{self._chance.randrange(_VISITORS)}"}
        if self._chance.random() < 0.3:
            return event | {"type": "track", "event": "video_watched"}
        path = self._chance.choice(["/", "/blog/forms", "/blog/pages", "/pricing"])
        return event | {"type": "page", "properties": {"path": path, "url": f"https://www.example.com{path}"}}

    async def _deliver(self, post: Post) -> None:
        self._under_way += 1
        self.tried.update(post.ids)
        pause = _FIRST
        try:
            while (accepted := await self._answer(post)) is None:
                await asyncio.sleep(pause * self._chance.uniform(0.5, 1))
                pause = min(2 * pause, _LONGEST)
            if accepted:
                self.accepted.update(post.ids)
        finally:
            self._under_way -= 1

    async def _answer(self, post: Post) -> bool | None:
        """Whether all of a post was taken; None when it is to be tried again."""
        try:
            answer = await self._client.post(
                post.path, json=post.body, auth=(self._key, ""), headers={"Accept": "application/json"}
            )
        except httpx.HTTPError:
            self.statuses["no answer"] += 1
            return None
        self.statuses[str(answer.status_code)] += 1
        if answer.status_code == 429 or answer.status_code >= 500:
            return None
        if answer.status_code != 200 or answer.json().get("rejected"):
            self.refused.append(f"{post.path}: {answer.status_code} {answer.text[:300]}")
            return False
        return True

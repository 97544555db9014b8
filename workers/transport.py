"""Kombu's Redis transport, mended where a worker would stand still for ever, or end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis, virtual
from redis.exceptions import ConnectionError  # noqa: A004  # the one that kombu knows


class QoS(redis.QoS):
    """Which messages a worker holds.

    Kombu 5.7.0 forgets a message only once Redis has heard that it is done with. When Redis goes away while every slot is
    taken, all acknowledgements fail, so no slot is ever free again, and a worker without a free slot takes no task any more
    until somebody kills it.
    """

    def ack(self, delivery_tag: Any) -> None:
        """Give the slot back even if Redis does not hear of it: it hands the message out again, and a nudge may come twice."""
        with self._slot_given_back(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  # kombu's signature
        """The same for a message that is not taken."""
        with self._slot_given_back(delivery_tag):
            super().reject(delivery_tag, requeue)

    @contextmanager
    def _slot_given_back(self, delivery_tag: Any) -> Iterator[None]:
        channel: Any = self.channel
        try:
            yield
        except channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel that says so when its connection was given up.

    Kombu 5.7.0 stumbles over it (an AttributeError), which ends the worker and with it the mails that are on their way: when a task
    ends later, and when a channel is closed that still holds messages.
    """

    QoS = QoS

    def _connparams(self, *args: Any, **options: Any) -> Any:
        transport: Any = self.connection
        if transport is None or transport.client is None:
            raise ConnectionError("this connection to Redis was given up")
        return super()._connparams(*args, **options)  # type: ignore[misc]  # its types do not know it


def use() -> None:
    """Let every connection to Redis that kombu makes from now on be a mended one."""
    redis.Transport.Channel = Channel

"""Kombu's Redis transport, mended where a worker would stand still for ever, or end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Which messages a worker holds.

    Kombu 5.7.0 forgets a message only once Redis has heard that it is done with. When Redis goes away while every slot is
    taken, all acknowledgements fail, so no slot is ever free again, and a worker without a free slot takes no task any more
    until somebody kills it. And a task that ends after its connection was given up ends its worker, and with it the mails that are
    on their way.
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
        except AttributeError:
            if channel.connection is not None and channel.connection.client is not None:
                raise
            virtual.QoS.ack(self, delivery_tag)  # its connection was given up: there is nobody to tell


def use() -> None:
    """Let every connection to Redis that kombu makes from now on hold its messages so."""
    redis.Channel.QoS = QoS

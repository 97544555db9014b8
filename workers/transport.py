"""Kombu's Redis transport, mended where a worker would stand still for ever."""

from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES, redis, virtual

_OURS: Final = "workers.transport:Transport"


class QoS(redis.QoS):
    """Which messages a worker holds.

    Kombu 5.7.0 forgets a message only once Redis has heard that it is acknowledged. When Redis goes away while every slot is
    taken, all acknowledgements fail, so no slot is ever free again; and as kombu does not listen to Redis while none is free,
    the worker does not even notice that its connection is gone: it stands still until somebody kills it.
    """

    def ack(self, delivery_tag: Any) -> None:
        """Give the slot back even if Redis does not hear of it: it hands the message out again, and a nudge may come twice."""
        try:
            super().ack(delivery_tag)
        except self.channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    """A channel of the mended transport."""

    QoS = QoS


class Transport(redis.Transport):
    """The mended transport."""

    Channel = Channel


def use() -> None:
    """Let redis:// and rediss:// name the mended transport, for every connection made from now on."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), _OURS))

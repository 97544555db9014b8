"""Kombu's Redis transport, mended where a worker would stand still for ever."""

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Which messages a worker holds.

    Kombu 5.7.0 forgets a message only once Redis has heard that it is acknowledged. When Redis goes away while every slot is
    taken, all acknowledgements fail, so no slot is ever free again; and as kombu does not listen to Redis while none is free,
    the worker does not even notice that its connection is gone: it stands still until somebody kills it.
    """

    def ack(self, delivery_tag: Any) -> None:
        """Give the slot back even if Redis does not hear of it: it hands the message out again, and a nudge may come twice."""
        channel: Any = self.channel
        try:
            super().ack(delivery_tag)
        except channel.connection_errors:
            virtual.QoS.ack(self, delivery_tag)
            raise


def use() -> None:
    """Let every connection to Redis that kombu makes from now on hold its messages so."""
    redis.Channel.QoS = QoS

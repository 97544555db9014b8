"""Whose servers take a domain's mail: asked of the DNS once a day for each domain, and hardly waited for.

A domain whose servers are not known in time is one by itself for this batch; the answer is there for the next one. While the DNS
is slow it is not waited for at all. Answers are kept in Redis for all workers, and remembered by each.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver
from redis import Redis
from redis.exceptions import RedisError

from nurture.adapters.redis_keys import mail_family
from nurture.domain.mail.families import family_by_name, family_by_servers

#: How long an answer holds, and that nobody answered. Seconds.
_KNOWN_FOR: Final = 86_400
_UNKNOWN_FOR: Final = 900

#: How long a batch of mails waits for answers, and how long they are waited for at all. Seconds.
_PATIENCE: Final = 0.2
_LIFETIME: Final = 3.0

#: How many domains are asked for at a time.
_AT_ONCE: Final = 32

#: This process remembers so many domains.
_MOST: Final = 50_000


class MailServers:
    """The families of domains; fulfils `flow.route.Families`. Without `asking`, only those known by name are told."""

    def __init__(self, redis: Redis, *, asking: bool = True, resolver: Resolver | None = None) -> None:
        self._redis = redis
        self._asking = asking
        self._given_resolver = resolver
        self._known: dict[str, str] = {}
        self._asked: dict[str, Future[str | None]] = {}
        self._worth_waiting = True

    def __call__(self, domains: Collection[str]) -> Mapping[str, str]:
        if len(self._known) > _MOST:
            self._known.clear()
        unknown = [domain for domain in domains if domain not in self._known]
        if unknown:
            self._learn(unknown)
        return {domain: self._known.get(domain, domain) for domain in domains}

    def _learn(self, domains: Sequence[str]) -> None:
        by_name = {domain: family_by_name(domain) for domain in domains}
        self._known |= {domain: family for domain, family in by_name.items() if family is not None}
        unknown = [domain for domain, family in by_name.items() if family is None]
        if self._asking and unknown:
            self._ask(self._not_recalled(unknown))

    def _not_recalled(self, domains: Sequence[str]) -> list[str]:
        """The domains that no worker has asked for lately."""
        try:
            kept: list[Any] = self._redis.mget([mail_family(domain) for domain in domains])
        except RedisError:
            return list(domains)
        self._known |= {domain: found.decode() for domain, found in zip(domains, kept, strict=True) if found}
        return [domain for domain, found in zip(domains, kept, strict=True) if found is None]

    def _ask(self, domains: Sequence[str]) -> None:
        for domain in domains:
            if domain not in self._asked:
                self._asked[domain] = self._threads.submit(self._look_up, domain)
        _, silent = wait([self._asked[domain] for domain in domains], _PATIENCE if self._worth_waiting else 0)
        self._worth_waiting = not silent
        answered = {domain: each.result() for domain, each in self._asked.items() if each.done()}
        self._known |= {domain: family for domain, family in answered.items() if family is not None}
        for domain in answered:
            del self._asked[domain]

    def _look_up(self, domain: str) -> str | None:
        """The family of a domain; None, which is asked again before long, when nobody answers."""
        family: str | None
        try:
            answer = self._resolver.resolve(domain, "MX", lifetime=_LIFETIME, search=False)
            servers = sorted((record.preference, record.exchange.to_text()) for record in answer)
            family = family_by_servers(domain, [name for _, name in servers])
        except (NXDOMAIN, NoAnswer):
            family = domain  # mail goes to the domain's own host, if anywhere (RFC 5321, section 5.1)
        except DNSException:
            family = None
        with suppress(RedisError):
            self._redis.set(mail_family(domain), family or "", ex=_KNOWN_FOR if family else _UNKNOWN_FOR)
        return family

    @cached_property
    def _resolver(self) -> Resolver:
        return self._given_resolver or Resolver()

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_AT_ONCE, "mail-servers")

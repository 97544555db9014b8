"""Families are asked of the DNS, of a real one that the test runs; a silent one is not waited for."""

import socket
import threading
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver
from redis import Redis

from nurture.adapters.mail_servers import MailServers
from nurture.adapters.redis_keys import mail_family
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

RECORDS = {
    "acme.com.": ["20 backup.acme.com.", "10 aspmx.l.google.com."],
    "own.com.": ["10 mail.own.com."],
    "null.com.": ["0 ."],
}


class NameServer:
    """Answers for a few domains over UDP; `silent` it answers nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def resolver(self) -> Resolver:
        resolver = Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._socket.getsockname()[1]
        return resolver

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            question = dns.message.from_wire(data)
            name = question.question[0].name.to_text()
            self.asked.append(name)
            if not self.silent.is_set():
                self._socket.sendto(self._answer(question, name).to_wire(), sender)

    def _answer(self, question: dns.message.Message, name: str) -> dns.message.Message:
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if name in RECORDS:
            answer.answer = [dns.rrset.from_text(name, 300, "IN", "MX", *RECORDS[name])]
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer

    def close(self) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def test_a_domain_belongs_to_whoever_runs_its_servers(name_server: NameServer, redis: Redis) -> None:
    families = MailServers(redis, resolver=name_server.resolver())
    asked = ["acme.com", "own.com", "null.com", "nowhere.com", "gmail.com", "a.test"]
    wait_until(lambda: len({*redis.keys(mail_family("*")), *families(asked)}) == len(asked) + 4)
    assert families(asked) == {
        "acme.com": "gmail", "own.com": "own.com", "null.com": "null.com", "nowhere.com": "nowhere.com", "gmail.com": "gmail",
        "a.test": "a.test",
    }  # fmt: skip
    assert sorted(name_server.asked) == ["acme.com.", "nowhere.com.", "null.com.", "own.com."], "each once, the well known never"


def test_another_worker_need_not_ask_again(name_server: NameServer, redis: Redis) -> None:
    redis.set(mail_family("acme.com"), "gmail")
    assert MailServers(redis, resolver=name_server.resolver())(["acme.com"]) == {"acme.com": "gmail"}
    assert name_server.asked == []


def test_a_silent_server_is_not_waited_for(name_server: NameServer, redis: Redis) -> None:
    name_server.silent.set()
    families = MailServers(redis, resolver=name_server.resolver())
    began = time.monotonic()
    assert families(["acme.com"]) == {"acme.com": "acme.com"}
    assert time.monotonic() - began < 2
    wait_until(lambda: redis.get(mail_family("acme.com")) == b"")
    name_server.silent.clear()
    redis.delete(mail_family("acme.com"))  # as it goes by itself after a while
    families(["own.com"])
    assert wait_until(lambda: families(["acme.com"])["acme.com"] == "gmail")


def test_without_redis_it_asks_all_the_same(name_server: NameServer, own_redis: RedisServer) -> None:
    families = MailServers(Redis.from_url(own_redis.url, retry=None), resolver=name_server.resolver())
    own_redis.stop()
    assert wait_until(lambda: families(["acme.com"])["acme.com"] == "gmail")


def test_where_mail_goes_nowhere_nobody_is_asked(name_server: NameServer, redis: Redis) -> None:
    families = MailServers(redis, asking=False, resolver=name_server.resolver())
    assert families(["acme.com", "gmail.com"]) == {"acme.com": "acme.com", "gmail.com": "gmail"}
    assert name_server.asked == []

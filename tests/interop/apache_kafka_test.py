"""Apache Kafka itself is the log of a Tarn: tests/integration/any_kafka.py, and what only it can do."""

import pathlib
import sys

import pytest
from confluent_kafka import Producer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import apache_kafka  # noqa: E402
from any_kafka import *  # noqa: F403,E402
from any_kafka import event, wait_until  # noqa: E402

pytestmark = apache_kafka.needs_kafka


@pytest.fixture(scope="module")
def kafka():
    with apache_kafka.apache_kafka() as server:
        yield server


def test_only_committed_transactions_are_stored(site, kafka):
    """Committed and aborted transactions, plain records between them, and one that stays open: what is behind it waits."""
    site.start()
    producers = {name: Producer({"bootstrap.servers": kafka.address, "transactional.id": f"t-{name}"}) for name in ("ended", "open")}
    plain = Producer({"bootstrap.servers": kafka.address})
    for producer in producers.values():
        producer.init_transactions(60)
    number = 0

    def send(producer, count):
        nonlocal number
        for _ in range(count):
            producer.produce(site.events, event(number), partition=number % 3)
            number += 1
        assert producer.flush(30) == 0

    expected = 0
    for end in ("commit", "abort", "commit", "abort"):
        producers["ended"].begin_transaction()
        send(producers["ended"], 300)
        if end == "commit":
            producers["ended"].commit_transaction(30)
            expected += 300
        else:
            producers["ended"].abort_transaction(30)
        send(plain, 30)
        expected += 30
    wait_until(lambda: site.stored()["n"] == expected, "committed and plain records stored")
    wait_until(lambda: site.stream()["lag"] == 0, "no lag: markers and aborted records are passed")
    producers["open"].begin_transaction()
    send(producers["open"], 300)
    send(plain, 30)
    producers["ended"].begin_transaction()
    send(producers["ended"], 300)
    producers["ended"].commit_transaction(30)
    site.stop()
    site.start()
    assert site.stored()["n"] == expected
    producers["open"].abort_transaction(30)
    expected += 330
    wait_until(lambda: site.stored()["n"] == expected, "what waited behind the open transaction")
    wait_until(lambda: site.stream()["lag"] == 0, "no lag")
    assert site.stored() == {"n": expected, "ids": expected} and site.stream()["dead_letters"] == 0

"""The clickstream example with its log in another Kafka: what must hold whichever Kafka that is.

Imported, with a fixture `kafka` of their own, by other_tarn_test.py (a second Tarn is the Kafka) and by
tests/interop/apache_kafka_test.py (Apache Kafka itself). That fixture gives a server with `address`, `start()`, `stop()`,
`kill()`; it is shared by the tests of a file, so each has topics of its own."""

import json
import signal
import subprocess
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from deltalake import DeltaTable

from tarn_program import ERRORS, PROGRAM, SILVER, Tarn, copy_example, wait_until


class Site(Tarn):
    """A Tarn whose log is `kafka`; its topics carry the test's name."""

    def __init__(self, folder, kafka, name):
        self.events, self.errors, self.log = f"{name}-events", f"{name}-errors", kafka

        def change(text):
            text = text.replace("clickstream-events", self.events).replace("clickstream-errors", self.errors)
            return text.replace("broker: embedded", f"broker: kafka://{kafka.address}")

        super().__init__(folder, copy_example(folder, change))

    def send(self, events, *args):
        return self.generate(events, "--topic", self.events, *args)

    def stored(self) -> dict:
        return self.sql(f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {SILVER}")[0]

    def letters(self) -> list[dict]:
        return [json.loads(value) for value in read_topic(self.log.address, self.errors)]

    def check(self, ledgers: list[dict], produced: int):
        """Each record is a row, a duplicate or a letter, once; letters are in the table and in the topic, once."""
        stream, stored = self.settle(produced), self.stored()
        assert stored["n"] == stored["ids"] == stream["stored"]
        assert stored["n"] + stream["duplicates"] + stream["dead_letters"] == produced
        assert stream["duplicates"] == sum(ledger["duplicates"] for ledger in ledgers)
        assert stream["dead_letters"] == sum(ledger["malformed"] + ledger["too_late"] for ledger in ledgers)
        origins = [(letter["partition"], letter["offset"]) for letter in self.letters()]
        assert len(origins) == len(set(origins)) == stream["dead_letters"]
        table = {(row["partition"], row["offset"]) for row in self.sql(f'SELECT partition, "offset" FROM {ERRORS}')}
        assert table == set(origins)


def read_topic(bootstrap: str, topic: str) -> list[bytes]:
    """The committed records of all partitions, by another client."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.partition.eof": True,
                         "enable.auto.commit": False, "isolation.level": "read_committed"})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    values, ended = [], 0
    while ended < len(partitions):
        message = consumer.poll(20)
        assert message is not None, "the topic gives nothing"
        if message.error():
            ended += 1
        else:
            values.append(message.value())
    consumer.close()
    return values


def event(number: int) -> str:
    return json.dumps({"event_id": f"00000000-0000-4000-8000-{number:012}", "user_id": "u1", "event_type": "page_view",
                       "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})


@pytest.fixture
def site(tmp_path, kafka, request):
    made = Site(tmp_path, kafka, request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").replace("]", ""))
    yield made
    made.end()


def test_the_whole_example(site):
    site.start()
    assert site.status()["kafka"] == {"address": site.log.address, "embedded": False}
    ledger = site.send(20_000, "--seed", "7")
    site.check([ledger], 20_000)
    location = json.loads(site.run("table", "show", SILVER, "--json").stdout)["location"]
    assert DeltaTable(location).to_pyarrow_table().num_rows == site.stored()["n"]
    assert "published" in site.run("build").stdout
    assert site.sql("SELECT sum(total_events)::BIGINT AS n FROM clickstream.daily_user_activity") == [{"n": site.stored()["n"]}]
    topics = {row["name"]: row for row in map(json.loads, site.run("topic", "list", "--json").stdout.splitlines())}
    assert topics[site.events] == {"name": site.events, "partitions": 3, "records": 20_000}
    show = json.loads(site.run("topic", "show", site.errors, "--json").stdout)
    assert sum(p["end_offset"] - p["start_offset"] for p in show["partitions"]) == site.stream()["dead_letters"]
    tail = site.run("topic", "tail", site.events, "-n", "3", "--json").stdout.splitlines()
    # The newest three, wherever the producer put them: each among the last three of its partition.
    ends = {p["partition"]: p["end_offset"] for p in json.loads(site.run("topic", "show", site.events, "--json").stdout)["partitions"]}
    places = {(record["partition"], record["offset"]) for record in map(json.loads, tail)}
    assert len(places) == 3 and all(ends[partition] - 3 <= offset < ends[partition] for partition, offset in places)
    site.run("topic", "create", site.events + "-more", "--partitions", "2")
    assert site.events in site.run("topic", "create", site.events, code=1).stderr
    site.run("topic", "delete", site.events + "-more", "--yes")
    # Nothing of a log of its own was made.
    assert not (site.data / "broker").exists()


def test_a_kill_in_the_middle(site):
    site.start()
    sender = subprocess.Popen([PROGRAM, "generate", "clickstream", "--events", "60000", "--rate", "20000", "--seed", "3", "--topic",
                               site.events, "--bootstrap", site.log.address, "--json"], stdout=subprocess.PIPE, text=True,
                              env=site.environment())
    try:
        for already in (5_000, 20_000, 35_000):
            wait_until(lambda: site.stream()["stored"] > already, f"more than {already} stored")
            site.stop(signal.SIGKILL)
            site.start()
        ledger = json.loads(sender.communicate(timeout=120)[0].splitlines()[-1])
    finally:
        if sender.poll() is None:
            sender.kill()
            sender.wait()
    site.check([ledger], 60_000)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_its_kafka_goes_and_comes_back(site, way):
    site.start()
    first = site.send(3_000, "--seed", "1")
    site.settle(3_000)
    getattr(site.log, way)()
    gone = time.monotonic()
    wait_until(lambda: site.get("/healthz")[0] == 503, "unhealthy", 5)
    problems = json.loads(site.get("/healthz")[1])["problems"]
    assert any("ClickstreamStreaming" in problem for problem in problems)
    site.stored()  # SQL goes on meanwhile
    time.sleep(max(0, 10 - (time.monotonic() - gone)))
    site.log.start()
    wait_until(lambda: site.get("/healthz")[0] == 200, "healthy again", 20)
    second = site.send(3_000, "--seed", "2")
    site.check([first, second], 6_000)


@pytest.mark.parametrize("running", [True, False])
def test_a_recreated_topic_stops_the_stream(site, running):
    """Also one that holds more records by then than the old one did: offsets alone would not tell."""
    site.start()
    site.send(2_000, "--seed", "1")
    site.settle(2_000)
    stored = site.stored()
    if not running:
        site.stop()
    admin = AdminClient({"bootstrap.servers": site.log.address})
    admin.delete_topics([site.events], operation_timeout=30)[site.events].result()
    if running:
        wait_until(lambda: site.get("/healthz")[0] == 503, "unhealthy without its topic", 15)
    wait_until(lambda: site.events not in admin.list_topics(timeout=10).topics, "the topic gone")
    admin.create_topics([NewTopic(site.events, 3, 1)])[site.events].result()
    wait_until(lambda: site.events in admin.list_topics(timeout=10).topics, "the topic back")
    producer = Producer({"bootstrap.servers": site.log.address})
    for i in range(9_000):
        producer.produce(site.events, event(i), partition=i % 3)
    assert producer.flush(60) == 0
    if not running:
        site.start(wait_healthy=False)
    failed = wait_until(lambda: site.get("/healthz")[0] == 503 and site.stream()["state"] == "failed" and site.stream(), "failed")
    assert "created again" in failed["reason"] and "on_lost_offsets" in failed["reason"]
    assert site.stored() == stored
    site.stop()
    # As the message says: on from the oldest record there is.
    config = site.project / "tarn.yml"
    config.write_text(config.read_text().replace("    start: earliest\n", "    start: earliest\n    on_lost_offsets: earliest\n"))
    site.start()
    wait_until(lambda: site.stored()["n"] == stored["n"] + 9_000, "the new topic's records")

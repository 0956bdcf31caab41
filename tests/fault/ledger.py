"""An independent ledger: what was acknowledged, what the topic holds, and what must therefore be in the tables.

Nothing here shares code with Tarn: records are read back with librdkafka, tables with delta-rs, and what a record should have
become is decided by this file's own few lines.
"""

import json
import random
import threading
import time
import uuid
from collections import Counter
from datetime import datetime, timedelta, timezone

import confluent_kafka
from deltalake import DeltaTable

EVENTS, ERRORS = "clickstream-events", "clickstream-errors"
FIELDS = ("product_view", "page_view", "add_to_cart", "checkout", "purchase")


def make_event(rng: random.Random) -> dict:
    now = datetime.now(timezone.utc) - timedelta(seconds=rng.expovariate(1 / 20))
    return {
        "event_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "user_id": str(uuid.UUID(int=rng.getrandbits(16), version=4)),
        "session_id": str(uuid.UUID(int=rng.getrandbits(20), version=4)),
        "event_type": rng.choice(FIELDS),
        "product_id": rng.choice([None, "laptop", "tablet"]),
        "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        "page_url": "https://shop.example.com/" + "x" * rng.randrange(200),
        "time_on_page": rng.randrange(1, 300),
        "scroll_depth": rng.randrange(101),
        "click_coordinates": {"x": rng.randrange(1920), "y": rng.randrange(1080)},
    }


def make_value(rng: random.Random, sent: list[bytes]) -> bytes:
    """Mostly valid events; some earlier ones again, some that can not be stored."""
    draw = rng.random()
    if draw < 0.05 and sent:
        return rng.choice(sent[-2000:])
    event = make_event(rng)
    if draw < 0.06:
        return json.dumps(event).encode()[: rng.randrange(1, 60)]
    if draw < 0.07:
        del event["event_id"]
    elif draw < 0.08:
        event["time_on_page"] = "long"
    elif draw < 0.09:
        event["timestamp"] = "yesterday"
    return json.dumps(event).encode()


def storable_id(value: bytes) -> str | None:
    """The event's id if the scenario says that it is stored, or None when it must become a dead letter."""
    try:
        event = json.loads(value.decode())
        datetime.fromisoformat(event["timestamp"])
        if not isinstance(event["event_id"], str) or not isinstance(event["time_on_page"], int):
            return None
        return event["event_id"]
    except (ValueError, KeyError, TypeError):
        return None


class Producer(threading.Thread):
    """Sends without pause and remembers what was acknowledged, through any number of broker deaths."""

    def __init__(self, bootstrap: str, seed: int, rate: int):
        super().__init__(daemon=True)
        self.bootstrap, self.rng, self.rate = bootstrap, random.Random(seed), rate
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.refused = 0
        self.sent: list[bytes] = []
        self.stopping = threading.Event()
        self.failure: str | None = None

    def client(self) -> confluent_kafka.Producer:
        return confluent_kafka.Producer({
            "bootstrap.servers": self.bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5,
            "compression.type": "lz4", "delivery.timeout.ms": 120_000, "reconnect.backoff.max.ms": 200, "log_level": 0})

    def delivered(self, error, message) -> None:
        if error is not None:
            self.refused += 1
            return
        place = (message.partition(), message.offset())
        if place in self.acknowledged and self.acknowledged[place] != message.value():
            self.failure = f"two different records were acknowledged at partition {place[0]} offset {place[1]}"
        self.acknowledged[place] = message.value()

    def run(self) -> None:
        client = self.client()
        while not self.stopping.is_set():
            begin = time.monotonic()
            for _ in range(max(1, self.rate // 50)):
                value = make_value(self.rng, self.sent)
                try:
                    client.produce(EVENTS, value, on_delivery=self.delivered)
                except BufferError:
                    break
                except confluent_kafka.KafkaException as fatal:  # the producer has failed for good: go on with a new one
                    self.failure = self.failure or f"the idempotent producer failed for good: {fatal}"
                    return
                if storable_id(value):
                    self.sent.append(value)
                    del self.sent[:-4000]
            client.poll(0)
            self.stopping.wait(max(0.0, 0.02 - (time.monotonic() - begin)))
        left = client.flush(60)
        if left:
            self.failure = self.failure or f"{left} records were neither acknowledged nor refused"

    def finish(self) -> None:
        self.stopping.set()
        self.join(90)


def read_topic(bootstrap: str, topic: str) -> dict[tuple[int, int], bytes]:
    """Every record by (partition, offset)."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": f"ledger-{uuid.uuid4()}",
                                         "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0})
    partitions = list(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in partitions])
    records, ended = {}, set()
    deadline = time.monotonic() + 120
    while len(ended) < len(partitions):
        assert time.monotonic() < deadline, f"{topic} could not be read to its end"
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            records[(message.partition(), message.offset())] = message.value()
    consumer.close()
    return records


def differences(acknowledged: dict, topic: dict, silver: str, letters: str, errors: dict, duplicates: int) -> list[str]:
    """What is wrong, in words; empty when every record is in exactly one place."""
    wrong = []
    lost = [place for place, value in acknowledged.items() if topic.get(place) != value]
    if lost:
        wrong.append(f"{len(lost)} acknowledged records are not in the topic, the first at {min(lost)}")
    expected = Counter()
    bad = set()
    for place, value in topic.items():
        event_id = storable_id(value)
        if event_id is None:
            bad.add(place)
        else:
            expected[event_id] += 1
    stored = Counter(DeltaTable(silver).to_pyarrow_table(columns=["event_id"])["event_id"].to_pylist())
    twice = [event_id for event_id, count in stored.items() if count > 1]
    if twice:
        wrong.append(f"{len(twice)} events are stored more than once, {twice[0]} {stored[twice[0]]} times")
    missing, invented = set(expected) - set(stored), set(stored) - set(expected)
    if missing:
        wrong.append(f"{len(missing)} events are in the topic but not in the table, such as {sorted(missing)[0]}")
    if invented:
        wrong.append(f"{len(invented)} events are in the table but not in the topic, such as {sorted(invented)[0]}")
    dropped = sum(expected.values()) - len(expected)
    if duplicates != dropped:
        wrong.append(f"{dropped} duplicates are in the topic, {duplicates} were counted")
    table = DeltaTable(letters).to_pyarrow_table(columns=["partition", "offset", "payload"]).to_pylist()
    places = Counter((row["partition"], row["offset"]) for row in table)
    if any(count > 1 for count in places.values()):
        wrong.append(f"{sum(count > 1 for count in places.values())} dead letters are in the table more than once")
    if set(places) != bad:
        wrong.append(f"dead letters missing {sorted(bad - set(places))[:3]}, unexpected {sorted(set(places) - bad)[:3]}")
    altered = [row for row in table if topic.get((row["partition"], row["offset"])) != row["payload"]]
    if altered:
        wrong.append(f"{len(altered)} dead letters do not carry the record's bytes")
    published = Counter((letter["partition"], letter["offset"]) for letter in map(json.loads, errors.values()))
    if published != places:
        wrong.append(f"{ERRORS} holds {sum(published.values())} letters, the table {sum(places.values())}")
    return wrong

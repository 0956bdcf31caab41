"""Real clients against the broker: kcat, librdkafka (confluent-kafka) and kafka-python with their defaults, and frames by hand."""
import json
import os
import socket
import struct
import subprocess
import threading

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec
from kafka import KafkaConsumer, KafkaProducer

from broker_server import RawConnection, broker_server

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture(scope="module")
def server():
    with broker_server() as server:
        yield server


def producer(server, **config):
    return Producer({"bootstrap.servers": server.address, **{k.replace("_", "."): v for k, v in config.items()}})


def consumer(server, group, **config):
    return Consumer({"bootstrap.servers": server.address, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                     **{k.replace("_", "."): v for k, v in config.items()}})


def create(server, topic, partitions=1, **config):
    admin = AdminClient({"bootstrap.servers": server.address})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(10)
    return admin


def read(consumer, count, timeouts_max=30):
    """That many values; stops after as many empty polls of a second."""
    values, empty = [], 0
    while len(values) < count and empty < timeouts_max:
        message = consumer.poll(1.0)
        if message is None:
            empty += 1
            continue
        if message.error():
            raise KafkaException(message.error())
        values.append(message.value())
    return values


def produce_all(server, topic, values, **config):
    errors = []
    p = producer(server, **config)
    for value in values:
        while True:
            try:
                p.produce(topic, value, on_delivery=lambda error, _: errors.append(error) if error else None)
                break
            except BufferError:
                p.poll(0.1)
    assert p.flush(30) == 0
    assert not errors


@pytest.mark.parametrize("codec", CODECS)
def test_librdkafka_produces_and_consumes_in_every_codec(server, codec):
    topic = f"rdkafka-{codec}"
    values = [f"{codec} {i}".encode() * 10 for i in range(2000)]
    produce_all(server, topic, values, compression_type=codec, enable_idempotence=True)
    c = consumer(server, f"group-{codec}")
    c.subscribe([topic])
    assert read(c, len(values)) == values
    c.close()


@pytest.mark.parametrize("codec", [None, "gzip"])
def test_kafka_python_produces_and_consumes(server, codec):
    topic = f"kafka-python-{codec}"
    p = KafkaProducer(bootstrap_servers=server.address, compression_type=codec)
    sent = [f"value {i}".encode() for i in range(500)]
    for value in sent:
        p.send(topic, value, key=b"k", headers=[("h", b"v")])
    p.flush()
    c = KafkaConsumer(topic, bootstrap_servers=server.address, group_id=f"kp-{codec}", auto_offset_reset="earliest", consumer_timeout_ms=10000)
    got = []
    for record in c:
        got.append(record.value)
        assert record.key == b"k" and record.headers == [("h", b"v")]
        if len(got) == len(sent):
            break
    assert got == sent
    c.close()
    p.close()


def test_kcat_lists_produces_and_consumes(server):
    def kcat(*arguments, text=None):
        return subprocess.run(["kcat", "-b", server.address, *arguments], input=text, capture_output=True, text=True, timeout=60, check=True).stdout
    kcat("-P", "-t", "kcat", "-z", "lz4", text="a\nb\nc\n")
    assert kcat("-C", "-t", "kcat", "-e", "-q") == "a\nb\nc\n"
    assert kcat("-C", "-t", "kcat", "-o", "-1", "-e", "-q") == "c\n"
    listing = json.loads(kcat("-L", "-J"))
    assert listing["brokers"] == [{"id": 1, "name": server.address}]
    assert {"topic": "kcat", "partitions": [{"partition": 0, "leader": 1, "replicas": [{"id": 1}], "isrs": [{"id": 1}]}]} in listing["topics"]


def test_two_members_share_the_partitions_and_take_over(server):
    create(server, "shared", partitions=4)
    a, b = consumer(server, "two"), consumer(server, "two")
    a.subscribe(["shared"])
    b.subscribe(["shared"])

    def settle(done):
        for _ in range(300):
            a.poll(0.1)
            b.poll(0.1)
            if done():
                return
        pytest.fail("the group did not settle")

    settle(lambda: len(a.assignment()) == 2 and len(b.assignment()) == 2)
    owned = {p.partition for c in (a, b) for p in c.assignment()}
    assert owned == {0, 1, 2, 3}
    b.close()
    for _ in range(300):
        a.poll(0.1)
        if len(a.assignment()) == 4:
            break
    assert len(a.assignment()) == 4
    a.close()


def test_cooperative_members_share_the_partitions(server):
    create(server, "cooperative", partitions=4)
    strategy = {"partition_assignment_strategy": "cooperative-sticky"}
    a, b = consumer(server, "coop", **strategy), consumer(server, "coop", **strategy)
    for c in (a, b):
        c.subscribe(["cooperative"])
    for _ in range(300):
        a.poll(0.1)
        b.poll(0.1)
        if len(a.assignment()) == 2 and len(b.assignment()) == 2:
            break
    assert sorted(p.partition for c in (a, b) for p in c.assignment()) == [0, 1, 2, 3]
    a.close()
    b.close()


def test_kcat_reads_in_a_group_and_goes_on_there(server):
    """kcat is librdkafka 2.0.2, the library of Tarn's own streams."""
    produce_all(server, "kcat-group", [f"v{i}" for i in range(10)])

    def kcat(count):
        done = subprocess.run(["kcat", "-b", server.address, "-X", "auto.offset.reset=earliest", "-c", str(count), "-q", "-G", "kcat-members", "kcat-group"],
                              capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.split()

    assert kcat(10) == [f"v{i}" for i in range(10)]
    produce_all(server, "kcat-group", ["more"])
    assert kcat(1) == ["more"]


def test_two_hundred_partitions(server):
    """All of them written, read by one member, and their offsets asked and committed at once."""
    create(server, "wide", partitions=200)
    p = producer(server)
    for i in range(1_000):
        p.produce("wide", str(i), partition=i % 200)
    assert p.flush(60) == 0
    c = consumer(server, "wide", enable_auto_commit="false")
    c.subscribe(["wide"])
    assert sorted(read(c, 1_000), key=int) == [str(i).encode() for i in range(1_000)]
    c.commit(asynchronous=False)
    assert {o.offset for o in c.committed([TopicPartition("wide", i) for i in range(200)], 30)} == {5}
    c.close()


def test_a_batch_larger_than_the_fetch_still_arrives(server):
    """Kafka's rule: the first batch comes whole, else the reader could never go on. Committed-only readers see it, too."""
    create(server, "narrow", partitions=2)
    values = [bytes([65 + i % 26]) * 50_000 for i in range(40)]
    p = producer(server, linger_ms="100", batch_size="1000000")
    for i, value in enumerate(values):
        p.produce("narrow", value, partition=i % 2)
    assert p.flush(30) == 0
    for level in ("read_committed", "read_uncommitted"):
        c = consumer(server, level, isolation_level=level, fetch_message_max_bytes="1000", fetch_max_bytes="1000", receive_message_max_bytes="2000000",
                     message_max_bytes="1000")
        c.subscribe(["narrow"])
        assert sorted(read(c, 40)) == sorted(values)
        c.close()


def test_offsets_and_records_survive_a_kill():
    with broker_server() as server:
        values = [str(i).encode() for i in range(1000)]
        produce_all(server, "t", values)
        c = consumer(server, "g", enable_auto_commit=False)
        c.subscribe(["t"])
        assert read(c, 400) == values[:400]
        c.commit(offsets=[TopicPartition("t", 0, 400)], asynchronous=False)
        server.kill()
        c.close()
        server.start()
        c = consumer(server, "g")
        c.subscribe(["t"])
        assert read(c, 600) == values[400:]
        c.close()


def test_a_recreated_topic_does_not_inherit_offsets(server):
    admin = create(server, "again")
    produce_all(server, "again", [b"old"] * 5)
    c = consumer(server, "again-group")
    c.commit(offsets=[TopicPartition("again", 0, 5)], asynchronous=False)
    assert c.committed([TopicPartition("again", 0)], 10)[0].offset == 5
    admin.delete_topics(["again"])["again"].result(10)
    create(server, "again")
    assert c.committed([TopicPartition("again", 0)], 10)[0].offset < 0
    c.close()


def test_idempotent_producer_survives_a_restart_without_duplicates():
    with broker_server() as server:
        p = producer(server, enable_idempotence=True, linger_ms=1)
        delivered = []
        for i in range(3000):
            p.produce("t", str(i).encode(), on_delivery=lambda error, m: delivered.append(error))
            if i == 1500:
                p.poll(0.1)
                server.kill()
                server.start()
            p.poll(0)
        assert p.flush(60) == 0
        assert delivered == [None] * 3000
        c = consumer(server, "g")
        c.subscribe(["t"])
        assert read(c, 3000) == [str(i).encode() for i in range(3000)]
        assert read(c, 1, timeouts_max=1) == []
        c.close()


def test_admin_calls(server):
    admin = create(server, "admin", partitions=2, **{"retention.ms": "60000"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, "admin")
    configs = admin.describe_configs([resource])[resource].result(10)
    assert configs["retention.ms"].value == "60000" and not configs["retention.ms"].is_default
    assert configs["segment.bytes"].is_default
    change = ConfigResource(ConfigResource.Type.TOPIC, "admin", incremental_configs=[
        ConfigEntry("retention.ms", "70000", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([change])[change].result(10)
    assert admin.describe_configs([resource])[resource].result(10)["retention.ms"].value == "70000"
    wrong = ConfigResource(ConfigResource.Type.TOPIC, "admin", incremental_configs=[
        ConfigEntry("retention.mss", "1", incremental_operation=AlterConfigOpType.SET)])
    with pytest.raises(KafkaException, match="retention.ms"):
        admin.incremental_alter_configs([wrong])[wrong].result(10)
    admin.create_partitions([NewPartitions("admin", 3)])["admin"].result(10)
    assert len(admin.list_topics("admin").topics["admin"].partitions) == 3
    produce_all(server, "admin", [b"x"] * 30)
    broker = ConfigResource(ConfigResource.Type.BROKER, "1")
    assert admin.describe_configs([broker])[broker].result(10)["broker.id"].value == "1"
    assert admin.describe_cluster().result(10).controller.id == 1
    ends = admin.list_offsets({TopicPartition("admin", p): OffsetSpec.latest() for p in range(3)})
    assert sum(f.result(10).offset for f in ends.values()) == 30
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        create(server, "admin")
    with pytest.raises(KafkaException, match="replication factor"):
        admin.create_topics([NewTopic("replicated", 1, 3)])["replicated"].result(10)


def test_groups_are_listed_described_and_deleted(server):
    produce_all(server, "grouped", [b"x"] * 3)
    c = consumer(server, "described")
    c.subscribe(["grouped"])
    read(c, 3)
    admin = AdminClient({"bootstrap.servers": server.address})
    assert "described" in [g.group_id for g in admin.list_consumer_groups().result(10).valid]
    description = admin.describe_consumer_groups(["described"])["described"].result(10)
    assert description.state.name == "STABLE" and len(description.members) == 1
    assert [p.partition for p in description.members[0].assignment.topic_partitions] == [0]
    with pytest.raises(KafkaException, match="NON_EMPTY_GROUP"):
        admin.delete_consumer_groups(["described"])["described"].result(10)
    c.close()
    admin.delete_consumer_groups(["described"])["described"].result(10)
    with pytest.raises(KafkaException, match="GROUP_ID_NOT_FOUND"):
        admin.delete_consumer_groups(["described"])["described"].result(10)


def test_delete_records_moves_the_start(server):
    admin = create(server, "trimmed")
    produce_all(server, "trimmed", [str(i).encode() for i in range(10)])
    deleted = admin.delete_records([TopicPartition("trimmed", 0, 6)])
    assert [f.result(10).low_watermark for f in deleted.values()] == [6]
    c = consumer(server, "trimmed-group")
    c.subscribe(["trimmed"])
    assert read(c, 4) == [b"6", b"7", b"8", b"9"]
    c.close()


def test_offsets_by_time(server):
    create(server, "timed")
    p = producer(server)
    for i in range(10):
        p.produce("timed", b"x", timestamp=1_000_000 + i * 1000)
    assert p.flush(10) == 0
    c = consumer(server, "timed-group")
    at = lambda t: c.offsets_for_times([TopicPartition("timed", 0, t)], 10)[0].offset
    assert at(1_000_000) == 0
    assert at(1_004_500) == 5
    assert c.get_watermark_offsets(TopicPartition("timed", 0), 10) == (0, 10)
    c.close()


def test_auto_creation_only_for_those_who_ask(server):
    c = consumer(server, "nobody")
    c.subscribe(["never-created"])
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"):
        read(c, 1)
    c.close()


def test_too_large_a_batch_is_final(server):
    create(server, "small", **{"max.message.bytes": "1000"})
    errors = []
    p = producer(server)
    p.produce("small", os.urandom(5000), on_delivery=lambda error, _: errors.append(error.name()))
    p.flush(10)
    assert errors == ["MSG_SIZE_TOO_LARGE"]


def test_a_transactional_producer_is_refused_for_good(server):
    p = producer(server, transactional_id="t1")
    with pytest.raises(KafkaException) as refused:
        p.init_transactions(10)
    assert refused.value.args[0].name() == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


# ---- Frames by hand

API_VERSIONS, FETCH, METADATA, PRODUCE, LIST_OFFSETS = 18, 1, 3, 0, 2


def fetch_v4(topic, offset, wait_ms, min_bytes=1):
    name = topic.encode()
    return (struct.pack(">iiiib", -1, wait_ms, min_bytes, 1 << 20, 0) + struct.pack(">ih", 1, len(name)) + name
            + struct.pack(">iiqi", 1, 0, offset, 1 << 20))


def test_unknown_api_versions_version_is_answered(server):
    raw = RawConnection(server)
    raw.send(API_VERSIONS, 77, 5, b"\x01\x02\x03", header_tags=b"\x00")
    answer = raw.receive()
    correlation, error, count = struct.unpack(">ihi", answer[:10])
    assert (correlation, error) == (5, 35) and count > 25
    assert len(answer) == 10 + 6 * count  # a body of version 0
    raw.close()


def test_old_produce_is_refused_with_an_answer(server):
    raw = RawConnection(server)
    raw.send(PRODUCE, 2, 6, struct.pack(">hii", -1, 1000, 1) + struct.pack(">h", 1) + b"t" + struct.pack(">iii", 1, 0, 0))
    answer = raw.receive()
    assert struct.unpack(">h", answer[4 + 4 + 3 + 4 + 4:][:2]) == (35,)
    raw.close()


@pytest.mark.parametrize("frame", [
    struct.pack(">i", 0x7FFFFFFF),                                  # a frame of 2 GiB
    struct.pack(">i", -1),
    struct.pack(">i", 4) + b"\xff\xff\xff\xff",                     # no header
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    struct.pack(">ihhih", 10, METADATA, 1, 1, 0) + b"\x7f\xff\xff\xff"[:0],
    struct.pack(">ihhih", 14, METADATA, 1, 1, 0) + b"\x7f\xff\xff\xff",  # 2^31-1 topics
    struct.pack(">ihhih", 10, 999, 0, 1, 0),                        # no such API
    struct.pack(">ihhih", 10, METADATA, 99, 1, 0),                  # no such version
])
def test_nonsense_closes_that_connection_only(server, frame):
    witness = RawConnection(server)
    raw = RawConnection(server)
    raw.socket.sendall(frame)
    assert raw.receive() is None
    witness.send(API_VERSIONS, 0, 1, b"")
    assert witness.receive() is not None
    assert server.running()


def test_random_bytes_do_not_kill_the_server(server):
    import random
    random.seed(11)
    for _ in range(200):
        body = random.randbytes(random.randrange(60))
        raw = RawConnection(server)
        raw.socket.sendall(struct.pack(">ihh", 4 + len(body), random.randrange(70), random.randrange(13)) + body)
        raw.close()
    raw = RawConnection(server)
    raw.send(API_VERSIONS, 0, 1, b"")
    assert raw.receive() is not None


def test_a_long_poll_is_woken_by_the_append(server):
    """The wait allowed is far longer than the test may take: only the append can end it."""
    create(server, "poll")
    raw = RawConnection(server)
    raw.socket.settimeout(60)
    raw.send(FETCH, 4, 1, fetch_v4("poll", 0, wait_ms=3_600_000))
    answered = []
    thread = threading.Thread(target=lambda: answered.append(raw.receive()))
    thread.start()
    thread.join(0.3)
    assert not answered
    produce_all(server, "poll", [b"wake up"])
    thread.join(30)
    assert answered and b"wake up" in answered[0]
    raw.close()


def test_answers_leave_in_the_order_of_the_requests(server):
    create(server, "ordered")
    raw = RawConnection(server)
    raw.send(FETCH, 4, 1, fetch_v4("ordered", 0, wait_ms=300))
    for correlation in range(2, 6):
        raw.send(API_VERSIONS, 0, correlation, b"")
    assert [struct.unpack(">i", raw.receive()[:4])[0] for _ in range(5)] == [1, 2, 3, 4, 5]
    raw.close()


def test_a_stopping_broker_answers_long_polls_and_lets_go():
    with broker_server() as server:
        create(server, "t")
        raw = RawConnection(server)
        raw.send(FETCH, 4, 9, fetch_v4("t", 0, wait_ms=3_600_000))
        raw.send(API_VERSIONS, 0, 10, b"")  # answered after the poll, hence the poll was read
        probe = RawConnection(server)
        probe.send(API_VERSIONS, 0, 1, b"")
        assert probe.receive() is not None
        assert server.stop() == 0
        assert struct.unpack(">i", raw.receive()[:4])[0] == 9


def test_a_port_in_use_names_its_holder(server):
    result = subprocess.run([server.process.args[0], server.directory + "-other", str(server.port)], capture_output=True, text=True, timeout=30)
    assert result.returncode == 1
    assert f"pid {server.process.pid}" in result.stderr


def test_a_slow_reader_does_not_hold_others(server):
    """A client that asks for much and reads nothing: its connection stops being read, the broker goes on."""
    create(server, "heavy")
    produce_all(server, "heavy", [os.urandom(100_000) for _ in range(20)])
    slow = RawConnection(server)
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for correlation in range(200):
        try:
            slow.socket.settimeout(0.2)
            slow.send(FETCH, 4, correlation, fetch_v4("heavy", 0, wait_ms=0))
        except TimeoutError:
            break
    raw = RawConnection(server)
    raw.send(API_VERSIONS, 0, 1, b"")
    assert raw.receive() is not None
    slow.close()

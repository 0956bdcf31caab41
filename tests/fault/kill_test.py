"""Kills `tarn up` and `tarn build` again and again, at random moments and at every named failpoint, and checks the ledger.

TARN_KILLS says how often (40 by default), TARN_SEED repeats a run. Every failpoint in the sources is found by its name; the
ones that a stream's life passes must really be reached.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import confluent_kafka
import duckdb
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from deltalake import DeltaTable

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]
import ledger  # noqa: E402
from tarn_program import PROGRAM, SOURCE, free_port_offset  # noqa: E402

KILLS = int(os.environ.get("TARN_KILLS", "40"))
SEED = int(os.environ.get("TARN_SEED", "0")) or random.SystemRandom().randrange(1 << 32)

# What happens while a build publishes; everything else happens inside `tarn up`.
BUILD_POINTS = re.compile(r"^(model|lake|catalog\.publish)\.")
# Paths that a life of seconds need not take: deletions, first creations, compaction of files, what only an operator asks for.
UNREACHED = re.compile(r"drop|delete|remove|create|purge|recover|cancel|retention|rename|alter|config|error")
# How the process ends at a failpoint.
FAILPOINT_EXIT = 137


class Bystander(threading.Thread):
    """What else a broker's life holds: committed offsets, new topics, new producers."""

    def __init__(self, bootstrap: str):
        super().__init__(daemon=True)
        self.bootstrap, self.stopping = bootstrap, threading.Event()

    def run(self) -> None:
        settings = {"bootstrap.servers": self.bootstrap, "log_level": 0}
        consumer = confluent_kafka.Consumer(settings | {"group.id": "bystander", "socket.timeout.ms": 2000})
        admin = AdminClient(settings)
        number = 0
        while not self.stopping.wait(0.1):
            number += 1
            try:
                consumer.commit(offsets=[confluent_kafka.TopicPartition(ledger.EVENTS, 0, number)], asynchronous=False)
                for future in admin.create_topics([NewTopic(f"bystander-{uuid.uuid4()}", 1, 1)], operation_timeout=2, request_timeout=2).values():
                    future.result(3)
                producer = confluent_kafka.Producer(settings | {"enable.idempotence": True})
                producer.produce(f"bystander-{number % 3}", b"x")
                producer.flush(2)
            except confluent_kafka.KafkaException:
                pass  # nobody there, again
        consumer.close()


def failpoints() -> list[str]:
    names = set()
    for source in (SOURCE / "src").rglob("*.cc"):
        if not source.stem.endswith(("_test", "_fuzz", "_bench")) and "testing" not in source.parts:
            names.update(re.findall(r'(?:TARN_FAILPOINT|PassFailpoint)\("([a-z_.]+)"\)', source.read_text()))
    return sorted(names)


class World:
    def __init__(self, folder: Path, data: Path | None = None):
        self.folder, self.data, self.project = folder, data or folder / "data", folder / "project"
        shutil.copytree(SOURCE / "examples" / "clickstream", self.project)
        config = (self.project / "tarn.yml").read_text()
        # Small segments and short intervals: rolls, commits and log checkpoints within each short life.
        config, found = re.subn(r"commit_interval: *\S+", "commit_interval: 100ms", config)
        assert found, "tarn.yml of the example names its commit_interval"
        config, found = re.subn(r"(?m)^( *)(clickstream-events:)\n((?:\1 +.*\n)*?)(\1 +)partitions: *3\n",
                                r"\1\2\n\3\4partitions: 3\n\4config: {segment.bytes: 1048576}\n", config)
        assert found, "tarn.yml of the example declares the topic clickstream-events"
        (self.project / "tarn.yml").write_text(config)
        self.offset = free_port_offset()
        self.kafka, self.http = f"127.0.0.1:{9092 + self.offset}", f"http://127.0.0.1:{8080 + self.offset}"
        self.log = open(folder / "up.log", "w")
        self.process: subprocess.Popen | None = None

    def environment(self, failpoint: str = "") -> dict[str, str]:
        return os.environ | {"TARN_PORT_OFFSET": str(self.offset), "TARN_FAILPOINTS": failpoint}

    def arguments(self) -> list[str]:
        return ["--project", str(self.project), "--data-dir", str(self.data)]

    def start(self, failpoint: str = "") -> None:
        self.process = subprocess.Popen([PROGRAM, "up", *self.arguments(), "--no-generators"], env=self.environment(failpoint),
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def status(self) -> dict | None:
        try:
            with urllib.request.urlopen(self.http + "/api/v1/status", timeout=5) as reply:
                return json.load(reply)["streams"][0]
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def health(self) -> tuple[int, str]:
        """What /healthz says; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.http + "/healthz", timeout=2) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except OSError as error:
            return 0, str(error)

    def wait_healthy(self) -> None:
        deadline = time.monotonic() + 60
        while self.health()[0] != 200:
            assert self.process.poll() is None, f"`tarn up` ended with {self.process.returncode}: see {self.log.name}"
            assert time.monotonic() < deadline, f"not healthy within 60 s: {self.status()}"
            time.sleep(0.02)

    def restart(self, failpoint: str = "") -> None:
        """Another life, after the death of the last one."""
        self.kill()
        self.start(failpoint)

    def dies_at(self, failpoint: str, seconds: float) -> bool:
        """A life of at most so long under load, then a drain: whether the process met its failpoint in it."""
        self.restart(failpoint)
        try:
            return self.process.wait(seconds) == FAILPOINT_EXIT
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGTERM)
            return self.process.wait(30) == FAILPOINT_EXIT

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def settle(self) -> dict:
        """Waits until everything in the topic is committed, as the topic itself tells its end."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka, "group.id": "settle", "log_level": 0})
        partitions = consumer.list_topics(ledger.EVENTS, timeout=20).topics[ledger.EVENTS].partitions
        ends = {p: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(ledger.EVENTS, p), timeout=20)[1] for p in partitions}
        consumer.close()
        deadline = time.monotonic() + 90
        while True:
            status = self.status()
            committed = {p["partition"]: p["committed"] for p in status["partitions"]} if status else {}
            if all(committed.get(partition, 0) >= end for partition, end in ends.items()):
                return status
            assert time.monotonic() < deadline, f"the stream does not catch up with {ends}: {status}"
            time.sleep(0.1)

    def build(self, failpoint: str = "") -> int:
        return subprocess.run([PROGRAM, "build", *self.arguments()], env=self.environment(failpoint), stdout=self.log,
                              stderr=subprocess.STDOUT, timeout=120).returncode

    def location(self, table: str) -> str:
        shown = subprocess.run([PROGRAM, "table", "show", f"clickstream.{table}", "--json", *self.arguments()],
                               env=self.environment(), capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)["location"]

    def check(self, producer: ledger.Producer) -> None:
        assert producer.failure is None, producer.failure
        status = self.settle()
        wrong = ledger.differences(producer.acknowledged, ledger.read_topic(self.kafka, ledger.EVENTS),
                                   self.location("clickstream_events_delta"), self.location("clickstream_errors"),
                                   ledger.read_topic(self.kafka, ledger.ERRORS), status["duplicates"])
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def world(tmp_path):
    print(f"seed {SEED} (TARN_SEED={SEED} repeats this run)")
    world = World(tmp_path)
    yield world
    if world.process and world.process.poll() is None:
        world.kill()
    world.log.close()


def test_every_acknowledged_event_is_in_one_place_after_kills(world):
    rng = random.Random(SEED)
    points = [name for name in failpoints() if not BUILD_POINTS.match(name)]
    assert points
    world.start()
    world.wait_healthy()
    producer = ledger.Producer(world.kafka, SEED, rate=3000)
    producer.start()
    bystander = Bystander(world.kafka)
    bystander.start()
    plan = points + ["SIGKILL"] * max(10, KILLS - len(points))
    rng.shuffle(plan)
    reached = set()
    for kill, point in enumerate(plan):
        if point == "SIGKILL":
            world.restart()
            time.sleep(rng.uniform(0.05, 1.0))
        # Early hits are passed while starting, later ones under load; a slow machine gets time for the first one.
        elif world.dies_at(f"{point}=exit@{rng.choice((1, 1, 2, 3, 5))}", 2):
            reached.add(point)
        elif world.dies_at(f"{point}=exit@1", 1 if UNREACHED.search(point) else 20):
            reached.add(point)
        if kill % 20 == 19:
            print(f"{kill + 1} of {len(plan)} kills", flush=True)
    world.restart()
    world.wait_healthy()
    bystander.stopping.set()
    producer.finish()
    assert len(producer.acknowledged) > 50 * len(plan), "hardly anything was acknowledged: the kills prove nothing"
    world.check(producer)
    never = [point for point in points if point not in reached and not UNREACHED.search(point)]
    assert not never, f"no kill at {never}: the points are in the sources, but a life under load and a drain do not reach them"
    print(f"{len(plan)} kills, {len(reached)} of them at failpoints, {len(producer.acknowledged)} events acknowledged")


def test_a_killed_build_leaves_gold_whole_and_the_next_one_finishes_it(world):
    world.start()
    world.wait_healthy()
    producer = ledger.Producer(world.kafka, SEED + 1, rate=1000)
    producer.start()
    deadline = time.monotonic() + 60
    while (world.status() or {"stored": 0})["stored"] < 500:
        assert time.monotonic() < deadline, f"nothing is stored: {world.status()}"
        time.sleep(0.05)
    assert world.build() == 0
    points = [name for name in failpoints() if BUILD_POINTS.match(name)]
    assert points
    reached = []
    for point in points:
        # A second hit is there only where a build passes the point for each table.
        if any(world.build(f"{point}=exit@{hit}") == FAILPOINT_EXIT for hit in (2, 1)):
            reached.append(point)
        # Whatever the dead build left: both gold tables are from one silver version.
        activity, products = gold_sums(world)
        assert activity["purchases"] >= products["purchases"]
        assert world.build() == 0, f"the build after a kill at {point} failed"
    producer.finish()
    world.check(producer)
    assert world.build() == 0
    assert_gold_equals_recomputation(world)
    missed = [p for p in points if p not in reached and not UNREACHED.search(p)]
    assert not missed, f"no build died at {missed}"
    world.process.send_signal(signal.SIGTERM)
    assert world.process.wait(15) == 0


def gold_sums(world) -> tuple[dict, dict]:
    """Sums of both gold tables as one reader of the catalog sees them in one transaction."""
    statement = ("SELECT (SELECT sum(purchases) FROM clickstream.daily_user_activity)::BIGINT AS activity, "
                 "(SELECT sum(purchases) FROM clickstream.product_performance)::BIGINT AS products")
    shown = subprocess.run([PROGRAM, "sql", "--json", statement, *world.arguments()], env=world.environment(), capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    row = json.loads(shown.stdout)
    return {"purchases": row["activity"]}, {"purchases": row["products"]}


def assert_gold_equals_recomputation(world) -> None:
    """Gold against the scenario's definitions, computed from silver by nothing of Tarn's."""
    silver = DeltaTable(world.location("clickstream_events_delta")).to_pyarrow_table()
    activity = DeltaTable(world.location("daily_user_activity")).to_pyarrow_table()
    products = DeltaTable(world.location("product_performance")).to_pyarrow_table()
    database = duckdb.connect()
    for name, table in (("silver", silver), ("activity", activity), ("products", products)):
        database.register(name, table)
    expected_activity = """SELECT date, user_id, count(*) AS total_events, count(DISTINCT session_id) AS sessions,
        count(DISTINCT product_id) AS products_viewed, count(*) FILTER (event_type = 'purchase') AS purchases
        FROM silver GROUP BY ALL"""
    expected_products = """SELECT date, product_id, count(*) AS total_events, count(*) FILTER (event_type = 'product_view') AS total_views,
        count(*) FILTER (event_type = 'add_to_cart') AS cart_adds, count(*) FILTER (event_type = 'purchase') AS purchases,
        count(DISTINCT user_id) AS unique_users FROM silver WHERE product_id IS NOT NULL GROUP BY ALL"""
    for table, expected in (("activity", expected_activity), ("products", expected_products)):
        columns = ", ".join(column[0] for column in database.execute(f"SELECT * FROM ({expected}) LIMIT 0").description)
        different = database.execute(f"(SELECT {columns} FROM {table} EXCEPT ALL {expected}) UNION ALL "
                                     f"({expected} EXCEPT ALL SELECT {columns} FROM {table})").fetchall()
        assert not different, f"{table} differs from its recomputation: {different[:3]}"

"""A real Apache Kafka of a test's own: one node, temp folder, free ports, stopped by pid. Needs its jars: scripts/peers.sh kafka."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / ".deps/peers/kafka"
needs_kafka = pytest.mark.skipif(not JARS.is_dir() or not shutil.which("java"), reason="no Kafka jars or no java: scripts/peers.sh kafka")

PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def version() -> str:
    jar = next(JARS.glob("kafka-clients-*.jar"), None)
    return jar.stem.removeprefix("kafka-clients-") if jar else "absent"


def run_java(program: str, *arguments: str, text: str | None = None, timeout: float = 120) -> str:
    """One of Kafka's own programs; returns what it printed."""
    done = subprocess.run(["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*", program, *arguments], input=text,
                          capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ApacheKafka:
    """Keeps its port and its folder over stop() and start()."""

    def __init__(self, directory: pathlib.Path):
        self.directory, self.port, self.process = directory, free_port(), None
        self.properties = directory / "server.properties"
        self.properties.write_text(PROPERTIES.format(port=self.port, controller=free_port(), directory=directory))
        cluster = run_java("kafka.tools.StorageTool", "random-uuid").strip().splitlines()[-1]
        run_java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.properties))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "ApacheKafka":
        with open(self.directory / "kafka.log", "a") as log:
            self.process = subprocess.Popen(["java", "-Xmx1G", "-Xms256M", "-XX:+UseG1GC", "-cp", f"{JARS}/*", "kafka.Kafka", str(self.properties)],
                                            stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "Kafka ended:\n" + (self.directory / "kafka.log").read_text()[-2000:]
            with contextlib.suppress(KafkaException):
                # Brokers are listed once the broker is unfenced; the port alone opens earlier.
                if self.admin().list_topics(timeout=2).brokers:
                    return self
            time.sleep(0.2)
        raise AssertionError("Kafka is not ready")

    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@contextlib.contextmanager
def apache_kafka():
    with tempfile.TemporaryDirectory(prefix="tarn-kafka-") as directory:
        kafka = ApacheKafka(pathlib.Path(directory))
        try:
            yield kafka.start()
        finally:
            kafka.stop()

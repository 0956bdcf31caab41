"""Kafka's own console programs and franz-go, with their defaults (idempotent producers), against the broker."""
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from apache_kafka import needs_kafka as java, run_java  # noqa: E402
from broker_server import broker_server  # noqa: E402

GO_CLIENT = pathlib.Path(__file__).parent / "franz_go"


@pytest.fixture(scope="module")
def server():
    with broker_server() as server:
        yield server


@java
@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_java_console_producer_and_consumer(server, codec):
    lines = "".join(f"line {i}\n" for i in range(2000))
    topic = f"java-{codec}"
    run_java("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", server.address, "--topic", topic,
             "--compression-codec", codec, text=lines)
    got = run_java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", server.address, "--topic", topic,
                   "--from-beginning", "--max-messages", "2000", "--timeout-ms", "60000", "--group", f"group-{codec}")
    assert got == lines


@java
def test_java_admin_programs(server):
    bootstrap = ("--bootstrap-server", server.address)
    run_java("org.apache.kafka.tools.TopicCommand", *bootstrap, "--create", "--topic", "java-admin", "--partitions", "3")
    described = run_java("org.apache.kafka.tools.TopicCommand", *bootstrap, "--describe", "--topic", "java-admin")
    assert "PartitionCount: 3" in described
    run_java("org.apache.kafka.tools.ConsoleProducer", *bootstrap, "--topic", "java-admin", text="a\nb\n")
    run_java("org.apache.kafka.tools.consumer.ConsoleConsumer", *bootstrap, "--topic", "java-admin", "--from-beginning",
             "--max-messages", "2", "--timeout-ms", "60000", "--group", "java-admin-group")
    groups = run_java("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *bootstrap, "--describe", "--group", "java-admin-group")
    assert "java-admin" in groups


@pytest.mark.skipif(not shutil.which("go"), reason="no go compiler")
def test_franz_go(server, tmp_path):
    """Produces, joins a group, consumes and commits; the program checks its own records."""
    binary = tmp_path / "franz"
    built = subprocess.run(["go", "build", "-mod=mod", "-o", binary, "."], cwd=shutil.copytree(GO_CLIENT, tmp_path / "src"), capture_output=True, text=True, timeout=300)
    if built.returncode != 0 and ("dial tcp" in built.stderr or "no such host" in built.stderr):
        pytest.skip("franz-go cannot be fetched here: " + built.stderr.strip().splitlines()[-1])
    assert built.returncode == 0, built.stderr
    result = subprocess.run([binary, server.address], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr

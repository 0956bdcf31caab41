"""A pytest plug-in: ends the run with one line for each client and feature, and the versions that were there."""

import pathlib
import re
import shutil
import subprocess
from importlib import metadata

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Part of a test's id -> client, feature. The first that fits counts; {} is what the test's id has in brackets.
FEATURES = [
    (r"kafka_messages_test.*\[(.+)\]", "Kafka's definitions", "messages, field by field"),
    (r"test_java_console_producer_and_consumer\[(.+)\]", "Kafka console programs", "produce and consume, {}"),
    (r"test_java_admin_programs", "Kafka console programs", "topics, groups"),
    (r"test_franz_go", "franz-go", "produce, group, commit"),
    (r"test_kcat", "kcat", "list, produce, consume"),
    (r"test_kafka_python.*\[(.+)\]", "kafka-python", "produce and consume, {}"),
    (r"test_librdkafka.*\[(.+)\]", "confluent-kafka", "produce and consume, {}"),
    (r"kafka_clients_test.*test_(.+)", "confluent-kafka", "{}"),
    (r"apache_kafka_test.*test_(.+)", "Tarn on Apache Kafka", "{}"),
    (r"spark.*test_(.+)", "Spark", "{}"),
    (r"([a-z_]+)_test\.py::test_(.+)", "other", "{}"),
]


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    except OSError:
        return ""


def _jar(folder: str, name: str) -> str:
    found = next((ROOT / ".deps/peers" / folder).glob(f"{name}*.jar"), None)
    return found.stem.removeprefix(name) if found else "absent"


def versions() -> dict[str, str]:
    kafka = _jar("kafka", "kafka-clients-")
    go = re.search(r"franz-go v(\S+)", (ROOT / "tests/interop/franz_go/go.mod").read_text())
    kcat = re.search(r"Version (\S+) .*librdkafka (\S+)", _output("kcat", "-V")) if shutil.which("kcat") else None
    spark = next((ROOT / ".deps/peers/spark-venv/lib").glob("*/site-packages/pyspark-*.dist-info"), None)
    return {"Kafka's definitions": kafka, "Kafka console programs": kafka, "Tarn on Apache Kafka": kafka,
            "franz-go": go[1] if go else "?", "kcat": f"{kcat[1]}, librdkafka {kcat[2]}" if kcat else "absent",
            "kafka-python": metadata.version("kafka-python"), "confluent-kafka": metadata.version("confluent-kafka"),
            "Spark": f"{spark.name.removeprefix('pyspark-').removesuffix('.dist-info')}, Delta {_jar('spark', 'delta-spark_4.2_2.13-')}" if spark else "absent"}


class Matrix:
    def __init__(self):
        self.outcomes: dict[tuple[str, str], list[str]] = {}

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.outcome == "passed":
            return
        for pattern, client, feature in FEATURES:
            if fits := re.search(pattern, report.nodeid):
                named = fits[fits.lastindex].replace("_", " ") if fits.lastindex else ""
                self.outcomes.setdefault((client, feature.format(named)), []).append(report.outcome)
                return

    def pytest_terminal_summary(self, terminalreporter):
        known = versions()
        terminalreporter.section("client x feature")
        for client in sorted({client for client, _ in self.outcomes}):
            terminalreporter.write_line(f"{client} {known.get(client, '')}")
            for (of, feature), outcomes in self.outcomes.items():
                if of == client:
                    worst = next((o for o in ("failed", "skipped") if o in outcomes), "passed")
                    count = f" ({len(outcomes)})" if len(outcomes) > 1 else ""
                    terminalreporter.write_line(f"  {worst:8} {feature}{count}")


def pytest_configure(config):
    config.pluginmanager.register(Matrix(), "tarn-interop-matrix")

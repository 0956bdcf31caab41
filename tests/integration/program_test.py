"""The program `tarn` by its commands: start and stop, health, exactly once, SQL, tables, topics, errors."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from deltalake import DeltaTable

from tarn_program import ERRORS, EXAMPLE, PROGRAM, SILVER, Tarn, copy_example, wait_until


@pytest.fixture
def tarn(tmp_path):
    program = Tarn(tmp_path)
    yield program
    program.end()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A running Tarn with 20,000 events in it, for tests that only look."""
    program = Tarn(tmp_path_factory.mktemp("filled"))
    program.start()
    program.ledger = program.generate(20_000, "--seed", "7")
    program.settle(20_000)
    yield program
    program.end()


def read_topic(bootstrap: str, topic: str, partitions: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    values, ended = [], 0
    while ended < partitions:
        message = consumer.poll(10)
        assert message is not None, "the topic gives nothing"
        if message.error():
            ended += 1
        else:
            values.append(message.value())
    consumer.close()
    return values


# --- start, health, stop


def test_version_help_and_wrong_usage():
    run = lambda *args: subprocess.run([PROGRAM, *args], capture_output=True, text=True)
    assert re.match(r"tarn \d+\.\d+\.\d+", run("--version").stdout)
    assert run("--help").returncode == 0
    wrong = run("tabel", "list")
    assert wrong.returncode == 2 and "did you mean table?" in wrong.stderr and wrong.stdout == ""
    wrong = run("generate", "clickstream", "--evnts", "3")
    assert wrong.returncode == 2 and "did you mean --events?" in wrong.stderr
    assert run().returncode == 2


def test_up_tells_its_addresses_and_answers(tarn):
    tarn.start()
    code, body = tarn.get("/healthz")
    assert code == 200 and json.loads(body) == {"status": "healthy", "problems": []}
    assert tarn.kafka in tarn.output.read_text() and tarn.http in tarn.output.read_text()
    status = tarn.status()
    assert status["healthy"] and status["kafka"] == {"address": tarn.kafka, "embedded": True}
    assert status["streams"][0]["name"] == "ClickstreamStreaming" and status["streams"][0]["state"] == "running"
    assert tarn.get("/metrics")[0] == 200
    assert tarn.get("/nowhere")[0] == 404
    assert json.loads(tarn.run("status", "--json").stdout)["pid"] == tarn.process.pid
    assert "healthy" in tarn.run("status").stdout
    assert tarn.stop() == 0
    assert "stopped" in tarn.output.read_text()
    assert "nothing runs" in tarn.run("status", code=1).stderr


def test_up_ends_by_itself(tarn):
    assert tarn.run("up", "--no-generators", "--for", "200ms").returncode == 0


def test_a_locked_data_directory_names_the_holder(tarn):
    tarn.start()
    other = Tarn(tarn.data.parent)
    error = other.run("up", code=1).stderr
    assert f"pid {tarn.process.pid}" in error and " up " in error and "--data-dir" in error
    assert tarn.get("/healthz")[0] == 200


@pytest.mark.parametrize("port", [9092, 8080])
def test_a_port_in_use_names_the_holder(tarn, port):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port + tarn.offset))
        holder.listen()
        error = tarn.run("up", code=1).stderr
    assert str(port + tarn.offset) in error and f"pid {os.getpid()}" in error


def test_a_page_of_another_site_can_not_run_sql(tarn):
    tarn.start()
    call = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "SELECT 1", tarn.http + "/api/v1/sql"]
    assert subprocess.run(call, capture_output=True, text=True).stdout == "200"
    for header in ("Origin: http://evil.example", "Host: evil.example"):
        code = subprocess.run([*call, "-H", header], capture_output=True, text=True).stdout
        assert code in ("403", "421"), header


# --- tarn.yml


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("commit_interval:", "commit_intervall:", r"tarn\.yml:\d+:\d+: .*did you mean 'commit_interval'\?"),
        ("time_on_page: int", "time_on_page: imt", r"tarn\.yml:\d+:\d+: column time_on_page: unknown type 'imt'; did you mean 'int'\?"),
        ("topic: clickstream-errors", "topic: clickstream-error", r"tarn\.yml:\d+:\d+: .*did you mean 'clickstream-errors'\?"),
        ("name: clickstream", "name: [clickstream", r"tarn\.yml:\d+:\d+: "),
        ("CAST(timestamp AS DATE)", "CAST(timestmp AS DATE)", r"stream ClickstreamStreaming: .*timestmp"),
    ],
)
def test_a_wrong_tarn_yml_says_where_and_what(tmp_path, old, new, expected):
    tarn = Tarn(tmp_path, copy_example(tmp_path, lambda text: text.replace(old, new, 1)))
    error = tarn.run("up", "--for", "1s", code=1).stderr
    assert re.search(expected, error, re.S), error


def test_init_makes_a_project_that_runs(tmp_path):
    project = tmp_path / "my-shop"
    subprocess.run([PROGRAM, "init", project], check=True, capture_output=True)
    again = subprocess.run([PROGRAM, "init", project], capture_output=True, text=True)
    assert again.returncode == 1 and "exists" in again.stderr
    tarn = Tarn(tmp_path, project)
    try:
        tarn.start()
        tarn.generate(2_000, "--topic", "events")
        tarn.settle(2_000)
        tarn.run("build")
        stored = tarn.sql("SELECT count(*) AS n FROM events")[0]["n"]
        assert stored > 1_900
        assert tarn.sql("SELECT sum(events)::BIGINT AS n FROM events_by_day") == [{"n": stored}]
    finally:
        tarn.end()


def test_generators_of_the_project_run(tmp_path):
    tarn = Tarn(tmp_path)
    tarn.variables["EVENT_INTERVAL"] = "0.005"
    process = subprocess.Popen([PROGRAM, "up", *tarn.place()], env=tarn.environment(), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: tarn.get("/healthz")[0] == 200, "healthy")
        wait_until(lambda: tarn.stream()["stored"] > 100, "events stored")
        assert tarn.status()["generators"][0]["produced"] > 100
    finally:
        process.terminate()
        assert process.wait(60) == 0


# --- generate, exactly once


def test_the_same_seed_gives_the_same_bytes(tarn):
    tarn.start()
    for topic in ("one", "two", "three"):
        tarn.run("topic", "create", topic)
        seed = "6" if topic == "three" else "5"
        ledger = tarn.generate(3_000, "--seed", seed, "--start", "2026-01-02T03:04:05Z", "--topic", topic)
        assert ledger["produced"] == 3_000 and ledger["seed"] == int(seed) and ledger["start"].startswith("2026-01-02T03:04:05")
    one, two, three = (read_topic(tarn.kafka, topic, 1) for topic in ("one", "two", "three"))
    assert one == two and one != three and len(one) == 3_000


def test_every_record_is_accounted_for(filled):
    ledger, stream = filled.ledger, filled.stream()
    stored = filled.sql(f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {SILVER}")[0]
    assert ledger["produced"] == 20_000
    assert stored["n"] == stored["ids"] == stream["stored"]
    assert stream["duplicates"] == ledger["duplicates"] > 0
    assert stream["dead_letters"] == ledger["malformed"] + ledger["too_late"] > 0
    assert stored["n"] + stream["duplicates"] + stream["dead_letters"] == 20_000
    assert filled.sql(f"SELECT count(*) AS n FROM {ERRORS}") == [{"n": stream["dead_letters"]}]
    topic = json.loads(filled.run("topic", "show", "clickstream-errors", "--json").stdout)
    assert sum(p["end_offset"] - p["start_offset"] for p in topic["partitions"]) == stream["dead_letters"]


def test_other_engines_read_the_same_rows(filled):
    location = json.loads(filled.run("table", "show", SILVER, "--json").stdout)["location"]
    assert location == str(filled.data / "lake" / "clickstream" / "clickstream_events_delta")
    table = DeltaTable(location).to_pyarrow_table()
    assert table.num_rows == filled.stream()["stored"]
    ids = {row["event_id"] for row in filled.sql(f"SELECT event_id FROM {SILVER}")}
    assert set(table["event_id"].to_pylist()) == ids
    assert DeltaTable(location).metadata().partition_columns == ["date"]


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_lost_over_a_stop(tarn, sig):
    tarn.start()
    first = tarn.generate(5_000, "--seed", "1")
    code = tarn.stop(sig)
    assert code == (-9 if sig == signal.SIGKILL else 0)
    tarn.start()
    second = tarn.generate(5_000, "--seed", "2")
    stream = tarn.settle(10_000)
    assert stream["duplicates"] == first["duplicates"] + second["duplicates"]
    assert stream["dead_letters"] == sum(l["malformed"] + l["too_late"] for l in (first, second))
    stored = tarn.sql(f"SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM {SILVER}")[0]
    assert stored["n"] == stored["ids"] == stream["stored"] == 10_000 - stream["duplicates"] - stream["dead_letters"]


def test_a_gone_source_is_unhealthy_and_comes_back(tmp_path):
    """The log is another Kafka by one setting; here it is another Tarn."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tarn.yml").write_text("name: log\n")  # a log and nothing that reads it
    log = Tarn(tmp_path / "log", tmp_path / "log")
    tarn = Tarn(tmp_path, copy_example(tmp_path, lambda text: text.replace("broker: embedded", f"broker: kafka://{log.kafka}")))
    try:
        tarn.start(wait_healthy=False)
        code, body = wait_until(lambda: (reply := tarn.get("/healthz"))[0] == 503 and reply, "unhealthy without its Kafka")
        assert json.loads(body)["problems"]
        log.start()
        wait_until(lambda: tarn.get("/healthz")[0] == 200, "healthy with its Kafka")
        ledger = tarn.generate(5_000, "--bootstrap", log.kafka)
        stream = tarn.settle(5_000)
        assert stream["duplicates"] == ledger["duplicates"]
        assert len(read_topic(log.kafka, "clickstream-errors", 1)) == stream["dead_letters"]
        log.stop()
        wait_until(lambda: tarn.get("/healthz")[0] == 503, "unhealthy after its Kafka has gone")
        log.start()
        wait_until(lambda: tarn.get("/healthz")[0] == 200, "healthy again")
    finally:
        tarn.end()
        log.end()


# --- sql


def test_sql_formats(filled):
    query = "SELECT 1 AS n, 'a,\"b\"' AS word, NULL AS nothing, '' AS empty"
    assert filled.sql(query) == [{"n": 1, "word": 'a,"b"', "nothing": None, "empty": ""}]
    rows = list(csv.reader(io.StringIO(filled.run("sql", "--csv", query).stdout)))
    assert rows == [["n", "word", "nothing", "empty"], ["1", 'a,"b"', "", ""]]
    assert filled.run("sql", "--markdown", query).stdout.splitlines()[2] == '| 1 | a,"b" | NULL |  |'
    assert "nothing  NULL" in filled.run("sql", "--vertical", query).stdout
    box = filled.run("sql", query).stdout
    assert re.search(r'│ +1 │ a,"b" +│ +NULL │ +│', box) and "1 row in" in box
    nested = filled.sql(f"SELECT click_coordinates, timestamp, date FROM {SILVER} WHERE click_coordinates IS NOT NULL LIMIT 1")[0]
    assert set(nested["click_coordinates"]) == {"x", "y"} and nested["timestamp"].startswith(nested["date"])


def test_sql_from_standard_input_keeps_its_session(tarn):
    tarn.start()
    script = "BEGIN; CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2); ROLLBACK;\nCREATE TABLE u AS SELECT 7 AS b;\nSELECT b FROM u"
    assert tarn.run("sql", "--json", stdin=script).stdout.splitlines()[-1] == '{"b":7}'
    assert [row["table_name"] for row in tarn.sql("SELECT table_name FROM information_schema.tables WHERE table_name IN ('t', 'u')")] == ["u"]
    tarn.stop()
    assert tarn.sql("SELECT b FROM clickstream.u") == [{"b": 7}]  # on the files, nobody runs them


def test_sql_errors(filled):
    error = filled.run("sql", "SELECT * FROM clickstream.clickstream_event_delta", code=1).stderr
    assert "clickstream_events_delta" in error
    assert "syntax error" in filled.run("sql", "SELEC 1", code=1).stderr
    assert "SELECT error" not in filled.run("sql", "SELECT 1; SELECT error('stop'); SELECT 2", code=1).stdout
    filled.run("sql", "--mode", "boxes", "SELECT 1", code=2)


def test_time_travel(filled):
    counts = [filled.sql(f"SELECT count(*) AS n FROM {SILVER} AT (VERSION => {v})")[0]["n"] for v in (0, 1)]
    assert counts[0] == 0 and counts[1] > 0


def test_a_client_that_leaves_ends_its_query(filled):
    process = subprocess.Popen([PROGRAM, "sql", "SELECT count(*) FROM range(100000000) a, range(1000000) b", *filled.place()],
                               env=filled.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.kill()
    process.wait()
    # Only four run at a time: were it still there, and three more like it, the fifth would wait.
    for _ in range(6):
        assert filled.sql("SELECT 1 AS n") == [{"n": 1}]


# --- table, topic, build


def test_table_commands(filled):
    tables = {row["name"]: row for row in map(json.loads, filled.run("table", "list", "--json").stdout.splitlines())}
    assert tables["clickstream_events_delta"]["rows"] == filled.stream()["stored"]
    assert "clickstream_events_delta" in filled.run("table", "list").stdout
    show = json.loads(filled.run("table", "show", "clickstream_events_delta", "--json").stdout)
    assert show["format"] == "delta" and show["version"] >= 1 and show["partition_by"] == ["date"]
    assert [c["name"] for c in show["columns"]][-2:] == ["processing_timestamp", "date"]
    assert {c["name"] for c in show["columns"] if not c["nullable"]} == {"event_id", "timestamp", "date"}
    history = [json.loads(line) for line in filled.run("table", "history", SILVER, "--json").stdout.splitlines()]
    assert [entry["version"] for entry in history] == list(range(show["version"], -1, -1))[:20]
    files = [json.loads(line) for line in filled.run("table", "files", SILVER, "--json").stdout.splitlines()]
    assert sum(file["rows"] for file in files) == show["rows"]
    assert all(re.match(r"date=\d{4}-\d\d-\d\d/", file["path"]) for file in files)
    assert "clickstream_events_delta" in filled.run("table", "show", "click_events_delta", code=1).stderr


def test_topic_commands(tarn):
    tarn.start()
    tarn.run("topic", "create", "orders", "--partitions", "2", "--config", "retention.ms=86400000")
    assert "orders" in tarn.run("topic", "create", "orders", code=1).stderr
    producer = Producer({"bootstrap.servers": tarn.kafka})
    for i in range(5):
        producer.produce("orders", key=f"k{i}", value=f"v{i}", partition=i % 2)
    producer.flush()
    names = {row["name"]: row for row in map(json.loads, tarn.run("topic", "list", "--json").stdout.splitlines())}
    assert names["orders"] == {"name": "orders", "partitions": 2, "records": 5} and "clickstream-events" in names
    show = json.loads(tarn.run("topic", "show", "orders", "--json").stdout)
    assert [p["end_offset"] for p in show["partitions"]] == [3, 2] and show["config"]["retention.ms"] == "86400000"
    tail = [json.loads(line) for line in tarn.run("topic", "tail", "orders", "-n", "10", "--json").stdout.splitlines()]
    assert sorted(row["value"] for row in tail) == [f"v{i}" for i in range(5)]
    assert "5 records" in tarn.run("topic", "delete", "orders", code=1).stderr
    tarn.run("topic", "delete", "orders", "--yes")
    assert tarn.run("topic", "show", "orders", code=1).stderr


def test_lag_of_a_group_in_the_metrics(tarn):
    tarn.start()
    tarn.run("topic", "create", "lagging", "--partitions", "2")
    producer = Producer({"bootstrap.servers": tarn.kafka})
    for i in range(30):
        producer.produce("lagging", str(i), partition=i % 3 % 2)  # 20 in the first, 10 in the second
    assert producer.flush(30) == 0
    consumer = Consumer({"bootstrap.servers": tarn.kafka, "group.id": "slow"})
    consumer.commit(offsets=[TopicPartition("lagging", 0, 5), TopicPartition("lagging", 1, 10)], asynchronous=False)

    def lags():
        lines = re.findall(r'kafka_consumergroup_lag\{([^}]*)\} (\d+)', tarn.get("/metrics")[1])
        return {re.search(r'partition="(\d)"', labels)[1]: int(lag) for labels, lag in lines if 'consumergroup="slow"' in labels}

    wait_until(lambda: lags() == {"0": 15, "1": 0}, "lag by partition")
    producer.produce("lagging", "more", partition=1)
    assert producer.flush(30) == 0
    wait_until(lambda: lags() == {"0": 15, "1": 1}, "lag of one more")
    consumer.close()


def test_build_publishes_gold(filled):
    out = filled.run("build").stdout
    assert "published" in out and "daily_user_activity" in out
    stored = filled.stream()["stored"]
    assert filled.sql("SELECT sum(total_events)::BIGINT AS n FROM clickstream.daily_user_activity") == [{"n": stored}]
    assert "PASS" in filled.run("test").stdout
    assert "clickstream_events_delta" in filled.run("compile").stdout


def test_doctor(tarn):
    lines = {row["subject"]: row for row in map(json.loads, tarn.run("doctor", "--json").stdout.splitlines())}
    assert {row["verdict"] for row in lines.values()} <= {"ok", "warning"}
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 8080 + tarn.offset))
        holder.listen()
        lines = {row["subject"]: row for row in map(json.loads, tarn.run("doctor", "--json", code=1).stdout.splitlines())}
        assert lines["http"]["verdict"] == "problem" and f"pid {os.getpid()}" in lines["http"]["text"]

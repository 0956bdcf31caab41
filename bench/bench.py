"""Tarn's figures as ratios to real peers, measured in one run on one machine. `make bench` runs all of it; see README.md.

    bench/run.sh [--events 2000000] [--only ingest,broker,freshness,start,gold,commits] [--without spark,flink]

Each part prints what it measures, and all figures with machine, date and command go to bench/results.md.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
PEERS = SOURCE / ".deps" / "peers"
EVENTS = "clickstream-events"
rows: list[tuple[str, str, str, str]] = []  # what, figure, aim, note


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def record(what: str, figure: str, aim: str = "", note: str = "") -> None:
    rows.append((what, figure, aim, note))
    say(f"{what}: {figure}" + (f" (aim {aim})" if aim else "") + (f" – {note}" if note else ""))


def wait_until(condition, seconds: float, what: str, pause: float = 0.01):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (value := condition()) is not None and value is not False:
            return value
        time.sleep(pause)
    raise RuntimeError(f"{what}: not within {seconds} s")


def process_facts(pid: int) -> tuple[float, float]:
    """Peak resident memory in MB and CPU seconds of a process so far."""
    peak = next(int(line.split()[1]) / 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return peak, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(command: list[str], **arguments) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds of the whole tree, output."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **arguments)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


class Tarn:
    """`tarn up` on a project and a data folder, under ports of its own."""

    def __init__(self, program: Path, project: Path, data: Path, offset: int = 20_000):
        self.program, self.project, self.data = program, project, data
        self.kafka, self.http = f"127.0.0.1:{9092 + offset}", f"http://127.0.0.1:{8080 + offset}"
        self.environment = os.environ | {"TARN_PORT_OFFSET": str(offset)}
        self.process: subprocess.Popen | None = None

    def command(self, *arguments: str) -> list[str]:
        return [str(self.program), *arguments, "--project", str(self.project), "--data-dir", str(self.data)]

    def run(self, *arguments: str) -> str:
        return measured(self.command(*arguments), env=self.environment)[2]

    def up(self) -> float:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.begin = time.monotonic()
        self.process = subprocess.Popen(self.command("up", "--no-generators"), env=self.environment, stdout=open(self.data.parent / "up.log", "a"),
                                        stderr=subprocess.STDOUT)
        wait_until(self.healthy, 60, "tarn up")
        return time.monotonic() - self.begin

    def healthy(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError("tarn up ended:\n" + (self.data.parent / "up.log").read_text()[-3000:])
        try:
            with urllib.request.urlopen(self.http + "/healthz", timeout=1) as reply:
                return reply.status == 200
        except OSError:
            return False

    def stream(self) -> dict:
        with urllib.request.urlopen(self.http + "/api/v1/status", timeout=10) as reply:
            return json.load(reply)["streams"][0]

    def settled(self, produced: int) -> bool:
        stream = self.stream()
        return stream["lag"] == 0 and stream["stored"] + stream["duplicates"] + stream["dead_letters"] >= produced

    def generate(self, events: int, rate: int, seed: int, bootstrap: str = "") -> dict:
        return json.loads(self.run("generate", "clickstream", "--events", str(events), "--rate", str(rate), "--seed", str(seed), "--bootstrap",
                                   bootstrap or self.kafka, "--json").splitlines()[-1])

    def down(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


def project(work: Path, name: str, change=lambda text: text, models: bool = True) -> Path:
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCE / "examples" / "clickstream", folder)
    config = folder / "tarn.yml"
    config.write_text(change(config.read_text()))
    return folder


def without_streams(text: str) -> str:
    """The example's tarn.yml with its topics alone: a log that nobody reads yet."""
    return re.sub(r"(?ms)^streams:\n(?:(?:[ #].*)?\n)+", "", text + "\n")


class Kafka:
    """Apache Kafka with its own start script's settings."""

    def __init__(self, work: Path, port: int = 29_400):
        self.work, self.port = work / "kafka", port
        self.address = f"127.0.0.1:{port}"
        self.jars = str(PEERS / "kafka" / "*")
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        text = (SOURCE / "bench" / "kafka-server.properties").read_text()
        for name, value in (("@PORT@", port), ("@CONTROLLER@", port + 1), ("@DIRECTORY@", self.work / "logs")):
            text = text.replace(name, str(value))
        (self.work / "server.properties").write_text(text)

    def java(self, *arguments: str) -> list[str]:
        return ["java", "-cp", self.jars, *arguments]

    def start(self) -> float:
        identity = measured(self.java("kafka.tools.StorageTool", "random-uuid"))[2].split()[-1]
        measured(self.java("kafka.tools.StorageTool", "format", "-t", identity, "-c", self.work / "server.properties"))
        begin = time.monotonic()
        self.process = subprocess.Popen(["java", "-server", "-Xmx1G", "-Xms1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
                                         "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", "-cp", self.jars, "kafka.Kafka",
                                         str(self.work / "server.properties")], stdout=open(self.work / "log", "w"), stderr=subprocess.STDOUT)
        import confluent_kafka.admin
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        wait_until(lambda: self.answers(admin), 90, "Apache Kafka", 0.1)
        ready = time.monotonic() - begin
        self.create(EVENTS)
        self.create("clickstream-errors", 1)
        return ready

    def create(self, topic: str, partitions: int = 3) -> None:
        import confluent_kafka.admin
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        for future in admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)]).values():
            future.result(30)

    @staticmethod
    def answers(admin) -> bool:
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except Exception:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def backlog(options, work: Path) -> Tarn:
    """A data folder whose topic holds the events, read by nobody; and the same as an NDJSON file."""
    tarn = Tarn(options.tarn, project(work, "log-only", without_streams), work / "backlog" / "data")
    if not (work / "backlog" / "events.ndjson").exists():
        shutil.rmtree(work / "backlog", ignore_errors=True)
        tarn.up()
        begin = time.monotonic()
        tarn.generate(options.events, 0, 42)
        say(f"{options.events:,} events produced by `tarn generate` in {time.monotonic() - begin:.1f} s")
        with open(work / "backlog" / "events.partial", "wb") as out:
            subprocess.run(["kcat", "-b", tarn.kafka, "-C", "-e", "-q", "-o", "beginning", "-t", EVENTS], stdout=out, check=True)
        (work / "backlog" / "events.partial").rename(work / "backlog" / "events.ndjson")
        tarn.down()
    return tarn


DUCKDB = """
import duckdb, json, resource, sys, time
source, target = sys.argv[1:3]
columns = "{" + ", ".join(f"{n}: 'VARCHAR'" for n in "event_id user_id session_id event_type product_id".split()) + ", timestamp: 'TIMESTAMP', " + \\
    ", ".join(f"{n}: 'VARCHAR'" for n in "page_url user_agent ip_address device_type browser os country referrer screen_resolution".split()) + \\
    ", time_on_page: 'INTEGER', scroll_depth: 'INTEGER', click_coordinates: 'MAP(VARCHAR, INTEGER)'}"
database = duckdb.connect(config={"preserve_insertion_order": False, "threads": 2})
database.execute("SET enable_progress_bar = false")
begin = time.monotonic()
database.execute(f"COPY (SELECT * FROM read_json('{source}', format='newline_delimited', columns={columns}, ignore_errors=true)) "
                 f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
print(json.dumps({"seconds": time.monotonic() - begin, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def duckdb_alone(options, work: Path) -> tuple[float, float]:
    results = []
    for _ in range(options.repeat):
        out = measured([sys.executable, "-c", DUCKDB, work / "backlog" / "events.ndjson", work / "duckdb.parquet"])[2]
        results.append(json.loads(out))
    return min(r["seconds"] for r in results), max(r["memory_mb"] for r in results)


def ingest_once(options, source: Tarn, data: Path, change, name: str, work: Path) -> dict:
    """Starts Tarn on a full topic and waits until all of it is committed."""
    tarn = Tarn(options.tarn, project(work, name, change), data)
    ready = tarn.up()
    wait_until(lambda: tarn.settled(options.events), 300, "the backlog")
    wall = time.monotonic() - tarn.begin
    peak, cpu = process_facts(tarn.process.pid)
    stream = tarn.stream()
    tarn.down()
    total = stream["stored"] + stream["duplicates"] + stream["dead_letters"]
    assert total == options.events, f"{total} records settled, {options.events} produced"
    return {"wall": wall, "ready": ready, "cpu": cpu, "peak": peak, "stored": stream["stored"]}


def ingest(options, work: Path) -> None:
    source = backlog(options, work)
    duck, duck_memory = duckdb_alone(options, work)
    record("DuckDB alone, NDJSON to zstd Parquet", f"{duck:.2f} s", note=f"{duck_memory:.0f} MB, best of {options.repeat}")
    runs = []
    for i in range(options.repeat):
        data = work / "ingest" / "data"
        shutil.rmtree(work / "ingest", ignore_errors=True)
        shutil.copytree(work / "backlog" / "data", data)
        os.sync()
        runs.append(ingest_once(options, source, data, lambda text: text, "ingest-project", work))
    best = min(runs, key=lambda run: run["wall"])
    walls = ", ".join(f"{run['wall']:.2f}" for run in runs)
    record("backlog to committed Delta, Tarn's own log", f"{best['wall']:.2f} s = {best['wall'] / duck:.2f} x DuckDB", "<= 0.8 x",
           f"from the start of the process, ready after {best['ready']:.2f} s; {best['cpu']:.1f} CPU-s; all runs {walls} s")
    record("peak resident memory during it", f"{max(run['peak'] for run in runs):.0f} MB", "<= 256 MB")
    tarn_wall, kafka = best["wall"], None
    try:
        kafka = Kafka(work)
        kafka.start()
        source.generate(options.events, 0, 42, kafka.address)
        runs = []
        for _ in range(options.repeat):
            shutil.rmtree(work / "ingest-kafka", ignore_errors=True)
            swap = lambda text: re.sub(r"(?m)^broker:.*(?:\n +.*)*", "", text) + f"\nbroker: kafka://{kafka.address}\n"  # noqa: E731
            # A stream name of its own: progress is kept in the table, which is new each time.
            runs.append(ingest_once(options, source, work / "ingest-kafka" / "data", swap, "ingest-kafka-project", work))
        best = min(runs, key=lambda run: run["wall"])
        record("the same from Apache Kafka", f"{best['wall']:.2f} s = {best['wall'] / duck:.2f} x DuckDB", "<= 1.5 x", f"{best['cpu']:.1f} CPU-s, {best['peak']:.0f} MB")
        if "spark" not in options.without:
            shutil.rmtree(work / "spark-out", ignore_errors=True)
            shutil.rmtree(work / "spark-out-checkpoint", ignore_errors=True)
            wall, _, out = measured([PEERS / "spark-venv" / "bin" / "python", SOURCE / "bench" / "spark_ingest.py", PEERS / "spark", kafka.address, work / "spark-out"])
            spark = json.loads(out.splitlines()[-1])
            record("Spark Structured Streaming to Delta, from Kafka", f"{spark['query_seconds']:.1f} s", note=f"{spark['rows']:,} rows; with its start {wall:.1f} s")
            record("Spark / Tarn, own log; from Kafka", f"{spark['query_seconds'] / tarn_wall:.1f} x; {spark['query_seconds'] / best['wall']:.1f} x", ">= 20 x; >= 10 x")
        if "flink" not in options.without:
            flink = flink_ingest(work, kafka.address)
            record("Flink SQL to Iceberg, from Kafka, v2 sink", f"{flink['seconds']:.1f} s", note=f"{flink['records']:,} rows in the snapshot")
            record("Flink / Tarn, own log", f"{flink['seconds'] / tarn_wall:.1f} x", ">= 5 x")
    finally:
        if kafka:
            kafka.stop()


def flink_ingest(work: Path, bootstrap: str) -> dict:
    home, folder = PEERS / "flink" / "deps", work / "flink"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("conf", "log", "pid", "checkpoints", "warehouse"):
        (folder / name).mkdir(parents=True)
    opens = " ".join(f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in ("java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text",
                                                                          "java.time", "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"))
    (folder / "conf" / "config.yaml").write_text("\n".join([
        f"env.java.opts.all: {opens}", "jobmanager.memory.process.size: 1600m", "taskmanager.memory.process.size: 1728m", "jobmanager.bind-host: 127.0.0.1",
        "taskmanager.bind-host: 127.0.0.1", "rest.bind-address: 127.0.0.1", "rest.address: 127.0.0.1", "rest.port: 28081", "jobmanager.rpc.address: 127.0.0.1", "jobmanager.rpc.port: 26123",
        "taskmanager.host: 127.0.0.1", "taskmanager.numberOfTaskSlots: 2", "parallelism.default: 2", "execution.checkpointing.storage: filesystem",
        f"execution.checkpointing.dir: file://{folder}/checkpoints"]) + "\n")
    environment = os.environ | {"FLINK_HOME": str(home), "FLINK_CONF_DIR": str(folder / "conf"), "FLINK_LOG_DIR": str(folder / "log"), "FLINK_PID_DIR": str(folder / "pid")}
    environment.setdefault("JAVA_HOME", str(Path(shutil.which("java")).resolve().parents[1]))
    script = (SOURCE / "bench" / "flink_ingest.sql").read_text()
    for name, value in (("@V2_SINK@", "true"), ("@WAREHOUSE@", folder / "warehouse"), ("@BOOTSTRAP@", bootstrap)):
        script = script.replace(name, str(value))
    (folder / "job.sql").write_text(script)
    measured(["bash", home / "bin" / "jobmanager.sh", "start"], env=environment)
    measured(["bash", home / "bin" / "taskmanager.sh", "start"], env=environment)
    try:
        def get(path: str) -> dict | None:
            try:
                with urllib.request.urlopen("http://127.0.0.1:28081" + path, timeout=2) as reply:
                    return json.load(reply)
            except OSError:
                return None
        wait_until(lambda: (get("/overview") or {}).get("slots-available"), 60, "Flink", 0.2)
        out = measured(["bash", home / "bin" / "sql-client.sh", "-f", folder / "job.sql"], env=environment)[2]
        jobs = (get("/jobs/overview") or {}).get("jobs", [])
        if not jobs:
            raise RuntimeError("Flink ran no job:\n" + out[-3000:])
        metadata = max((folder / "warehouse" / "web" / "events" / "metadata").glob("v*.metadata.json"), key=lambda path: int(path.name[1:].split(".")[0]))
        snapshot = json.loads(metadata.read_text())["snapshots"][-1]
        return {"seconds": jobs[0]["duration"] / 1000, "records": int(snapshot["summary"]["total-records"])}
    finally:
        subprocess.run(["bash", home / "bin" / "taskmanager.sh", "stop"], env=environment, capture_output=True)
        subprocess.run(["bash", home / "bin" / "jobmanager.sh", "stop"], env=environment, capture_output=True)


def broker(options, work: Path) -> None:
    backlog(options, work)
    events = work / "backlog" / "events.ndjson"
    load = work / "kafka_load"
    measured(["c++", "-std=c++20", "-O2", SOURCE / "bench" / "kafka_load.cc", "-lrdkafka", "-o", load])

    def rate(*arguments: str) -> float:
        return json.loads(measured([load, *arguments])[2])["records_per_second"]

    figures: dict[str, dict[str, float]] = {}
    shutil.rmtree(work / "broker", ignore_errors=True)
    tarn = Tarn(options.tarn, project(work, "log-only", without_streams), work / "broker" / "data")
    kafka = Kafka(work)
    tarn.up()
    kafka.start()
    try:
        for name, address in (("Apache Kafka", kafka.address), ("Tarn", tarn.kafka)):
            rate("produce", address, EVENTS, str(events), "300000", "lz4")  # warm up: a fresh JVM costs twice
        for codec in ("lz4", "none"):
            for round in range(options.repeat):
                for name, address in (("Apache Kafka", kafka.address), ("Tarn", tarn.kafka)):
                    topic = f"load-{codec}-{round}"
                    if name == "Tarn":
                        tarn.run("topic", "create", topic, "--partitions", "3")
                    else:
                        kafka.create(topic)
                    figures.setdefault(f"produce {codec}", {}).setdefault(name, 0)
                    figures[f"produce {codec}"][name] = max(figures[f"produce {codec}"][name], rate("produce", address, topic, str(events), "1000000", codec))
                    if codec == "lz4":
                        figures.setdefault("consume lz4", {}).setdefault(name, 0)
                        figures["consume lz4"][name] = max(figures["consume lz4"][name], rate("consume", address, topic, "1000000"))
    finally:
        tarn.down()
        kafka.stop()
    for what, by in figures.items():
        record(f"{what}, 690-byte events" + (", acks=all" if "produce" in what else ""), f"{by['Tarn']:,.0f} records/s = {by['Tarn'] / by['Apache Kafka']:.2f} x Apache Kafka", ">= 1 x",
               f"Apache Kafka {by['Apache Kafka']:,.0f}; Tarn syncs before it acknowledges, Kafka does not")


def freshness(options, work: Path) -> None:
    for interval, aim in (("500ms", "p50 <= 0.4 s, p99 <= 1 s"), ("100ms", "p50 <= 0.15 s")):
        for rate in (1_000, 20_000):
            shutil.rmtree(work / "fresh", ignore_errors=True)
            tarn = Tarn(options.tarn, project(work, "fresh-project", lambda text: re.sub(r"commit_interval: *\S+", f"commit_interval: {interval}", text)), work / "fresh" / "data")
            tarn.up()
            try:
                tarn.generate(rate * 5, rate, 7)  # warm up
                _, before = process_facts(tarn.process.pid)
                begin = time.monotonic()
                tarn.generate(rate * options.seconds, rate, 8)
                _, after = process_facts(tarn.process.pid)
                share = (after - before) / (time.monotonic() - begin)
                wait_until(lambda: tarn.settled(rate * (options.seconds + 5)), 30, "the stream")
                fresh = tarn.stream()["freshness_seconds"]
            finally:
                tarn.down()
            record(f"produced to visible, {rate:,}/s, commits every {interval}", f"p50 {fresh['p50']:.3f} s, p99 {fresh['p99']:.3f} s; {share:.1%} of one core", aim + ("; <= 5 % of one core" if rate == 1_000 else ""))


def start(options, work: Path) -> None:
    shutil.rmtree(work / "start", ignore_errors=True)
    tarn = Tarn(options.tarn, SOURCE / "examples" / "clickstream", work / "start" / "data")
    ready = tarn.up()
    time.sleep(3)
    resident = next(int(line.split()[1]) / 1024 for line in Path(f"/proc/{tarn.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    tarn.down()
    record("start to ready, empty", f"{ready:.2f} s", "<= 0.5 s")
    record("idle memory", f"{resident:.0f} MB", "<= 100 MB")


def gold(options, work: Path) -> None:
    """10 M silver rows and 1,000 commits, made through the front door; start with them; gold over them."""
    often = project(work, "large-project", lambda text: re.sub(r"commit_interval: *\S+", "commit_interval: 100ms", text))
    tarn = Tarn(options.tarn, often, work / "large" / "data")
    total = options.gold_events
    if not (work / "large" / "complete").exists():
        shutil.rmtree(work / "large", ignore_errors=True)
        tarn.up()
        tarn.generate(total - 200_000, 0, 42)
        wait_until(lambda: tarn.settled(total - 200_000), 600, "the backlog")
        say("100 s of events at a steady rate, for the commits")
        tarn.generate(200_000, 2_000, 43)
        wait_until(lambda: tarn.settled(total), 60, "the stream")
        tarn.down()
        (work / "large" / "complete").touch()
    ready = tarn.up()
    commits = tarn.stream()["last_batch"]["version"]
    record(f"start to ready, {total / 1e6:.0f} M events and {commits:,} commits on disk", f"{ready:.2f} s", "<= 2 s")
    tarn.down()
    walls = [measured(tarn.command("build", "--full-refresh", "--select", "daily_user_activity product_performance"), env=tarn.environment)[0] for _ in range(options.repeat)]
    location = json.loads(tarn.run("table", "show", "clickstream.clickstream_events_delta", "--json"))["location"]
    models = "\n".join(tarn.run("compile", "--select", name).strip() + ";" for name in ("daily_user_activity", "product_performance"))
    script = """
import duckdb, sys, time, os, tempfile
from deltalake import DeltaTable
location, models = sys.argv[1:3]
files = DeltaTable(location).file_uris()
database = duckdb.connect(config={"threads": 2})
database.execute("SET enable_progress_bar = false")
begin = time.monotonic()
database.execute("CREATE SCHEMA clickstream")
database.execute(f"CREATE VIEW clickstream.clickstream_events_delta AS SELECT * FROM read_parquet({files!r}, hive_partitioning=true)")
with tempfile.TemporaryDirectory() as out:
    for i, model in enumerate(models.split(";")[:-1]):
        database.execute(f"COPY ({model}) TO '{out}/{i}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (date))")
print(time.monotonic() - begin)
"""
    bare = min(float(measured([sys.executable, "-c", script, location, models])[2].split()[-1]) for _ in range(options.repeat))
    record(f"gold rebuild over {total / 1e6:.0f} M silver rows, with its tests", f"{min(walls):.2f} s = {min(walls) / bare:.2f} x bare DuckDB", "<= 1.2 x", f"bare DuckDB {bare:.2f} s, the models' SQL alone")


PARTS = {"start": start, "ingest": ingest, "broker": broker, "freshness": freshness, "gold": gold}


def write_results(options) -> None:
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    memory = int(re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())[1]) // (1 << 20)
    commit = subprocess.run(["git", "-C", str(SOURCE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    text = [f"# Figures\n\nMachine: {os.cpu_count()} cores ({cpu}), {memory} GB, Linux {platform.release()}. "
            f"Date: {datetime.now(timezone.utc):%Y-%m-%d}. Source: {commit}.\nCommand: `bench/run.sh {' '.join(sys.argv[1:])}`, "
            f"{options.events:,} events. Ratios are of one run; seconds wander by a third on such machines.\n",
            "| what | reached | aim | note |\n|---|---|---|---|"]
    text += [f"| {what} | {figure} | {aim} | {note} |" for what, figure, aim, note in rows]
    options.results.write_text("\n".join(text) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tarn", type=Path, default=SOURCE / "build" / "tarn")
    parser.add_argument("--work", type=Path, default=SOURCE / "build" / "bench")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--gold-events", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--without", default="")
    parser.add_argument("--results", type=Path, default=SOURCE / "bench" / "results.md")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    failed = False
    for part in options.only.split(","):
        say(f"--- {part}")
        try:
            PARTS[part](options, options.work)
        except Exception as error:  # one part's failure must not hide the others' figures
            failed = True
            record(part, "not measured", note=str(error).splitlines()[0])
            print(error, file=sys.stderr)
    write_results(options)
    say(f"written to {options.results}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

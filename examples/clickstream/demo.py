#!/usr/bin/env python3
"""Tarn's main job on real input, by the commands a user would type, and whether every number reconciles.

    python3 examples/clickstream/demo.py --tarn build/tarn --dir build/demo

Starts `tarn up`, sends seeded events at full speed, builds gold, sends more at a steady rate while gold is rebuilt, and
prints a report. Exits with 1 if anything does not reconcile. Needs nothing but Python's standard library.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
SILVER = "clickstream.clickstream_events_delta"
ERRORS = "clickstream.clickstream_errors"


class Tarn:
    """The program, its running `tarn up`, and the ports that TARN_PORT_OFFSET gives it."""

    def __init__(self, program: Path, data: Path):
        self.program, self.data = program.resolve(), data
        offset = int(os.environ.get("TARN_PORT_OFFSET", "0"))
        self.kafka = f"127.0.0.1:{9092 + offset}"
        self.http = f"http://127.0.0.1:{8080 + offset}"
        self.server: subprocess.Popen | None = None

    def command(self, *args: str) -> list[str]:
        return [str(self.program), *args, "--project", str(PROJECT), "--data-dir", str(self.data)]

    def run(self, *args: str) -> str:
        done = subprocess.run(self.command(*args), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"`tarn {' '.join(args)}` failed with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def sql(self, statement: str) -> list[dict]:
        return [json.loads(line) for line in self.run("sql", "--json", statement).splitlines()]

    def up(self) -> float:
        log = open(self.data.parent / "up.log", "w")
        started = time.monotonic()
        self.server = subprocess.Popen(self.command("up", "--no-generators"), stdout=log, stderr=subprocess.STDOUT)
        while time.monotonic() - started < 30:
            if self.server.poll() is not None:
                raise SystemExit("`tarn up` ended at once:\n" + (self.data.parent / "up.log").read_text())
            try:
                with urllib.request.urlopen(self.http + "/healthz", timeout=1) as reply:
                    if reply.status == 200:
                        return time.monotonic() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        raise SystemExit("`tarn up` was not healthy within 30 s:\n" + (self.data.parent / "up.log").read_text())

    def status(self) -> dict:
        with urllib.request.urlopen(self.http + "/api/v1/status", timeout=10) as reply:
            return json.load(reply)

    def stream(self) -> dict:
        return self.status()["streams"][0]

    def peak_memory_mb(self) -> float:
        text = Path(f"/proc/{self.server.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM"))

    def wait_for(self, produced: int, seconds: float) -> None:
        """Until the stream has settled every one of `produced` records, one way or another."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            stream = self.stream()
            if stream["stored"] + stream["duplicates"] + stream["dead_letters"] >= produced and stream["lag"] == 0:
                return
            time.sleep(0.02)
        raise SystemExit(f"the stream did not settle {produced} records within {seconds} s: {json.dumps(self.stream())}")

    def down(self) -> None:
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(timeout=30)


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def generate(tarn: Tarn, events: int, rate: int, seed: int) -> dict:
    args = ["generate", "clickstream", "--events", str(events), "--rate", str(rate), "--seed", str(seed),
            "--bootstrap", tarn.kafka, "--json"]
    return json.loads(tarn.run(*args).splitlines()[-1])


def table(rows: list[dict]) -> str:
    if not rows:
        return "  (no rows)"
    names = list(rows[0])
    cells = [names] + [[str(row[name]) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tarn", type=Path, default=Path("build/tarn"))
    parser.add_argument("--dir", type=Path, default=Path("build/demo"))
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rate", type=int, default=2_000)
    options = parser.parse_args()

    shutil.rmtree(options.dir, ignore_errors=True)
    options.dir.mkdir(parents=True)
    tarn = Tarn(options.tarn, (options.dir / "data").resolve())
    try:
        return show(tarn, options)
    finally:
        tarn.down()


def show(tarn: Tarn, options: argparse.Namespace) -> int:
    ready = tarn.up()
    say(f"tarn up: healthy after {ready:.2f} s (Kafka on {tarn.kafka}, HTTP on {tarn.http})")

    started = time.monotonic()
    ledgers = [generate(tarn, options.events, 0, 42)]
    produced_after = time.monotonic() - started
    tarn.wait_for(options.events, 120)
    settled_after = time.monotonic() - started
    say(f"{options.events:,} events produced in {produced_after:.1f} s, all committed to Delta {settled_after - produced_after:.1f} s later")

    started = time.monotonic()
    tarn.run("build")
    say(f"tarn build: gold built and tested in {time.monotonic() - started:.1f} s")
    first = tarn.sql("SELECT tarn_table_version('clickstream.product_performance') AS version")[0]["version"]
    top = ("SELECT product_id, sum(total_views)::BIGINT AS views, sum(purchases)::BIGINT AS purchases "
           "FROM clickstream.product_performance{at} GROUP BY ALL ORDER BY views DESC, product_id LIMIT 5")

    say(f"{options.rate:,} events/s for {options.seconds} s, gold rebuilt meanwhile")
    builds, failures = [], []

    def rebuild(done: threading.Event) -> None:
        while not done.wait(1):
            begin = time.monotonic()
            try:
                tarn.run("build")
                builds.append(time.monotonic() - begin)
            except SystemExit as failure:
                failures.append(str(failure))
                return

    done = threading.Event()
    builder = threading.Thread(target=rebuild, args=(done,))
    builder.start()
    try:
        ledgers.append(generate(tarn, options.rate * options.seconds, options.rate, 43))
    finally:
        done.set()
        builder.join()
    if failures:
        raise SystemExit(failures[0])
    produced = sum(ledger["produced"] for ledger in ledgers)
    tarn.wait_for(produced, 60)
    freshness = tarn.stream()["freshness_seconds"]
    tarn.run("build")

    stream = tarn.stream()
    counts = tarn.sql(f"SELECT count(*) AS stored, count(DISTINCT event_id) AS ids FROM {SILVER}")[0]
    reasons = tarn.sql(f"SELECT reason, count(*) AS records FROM {ERRORS} GROUP BY ALL ORDER BY records DESC, reason")
    dead = sum(row["records"] for row in reasons)
    gold = tarn.sql("SELECT sum(total_events)::BIGINT AS events FROM clickstream.daily_user_activity")[0]["events"]
    error_topic = json.loads(tarn.run("topic", "show", "clickstream-errors", "--json"))
    errors_in_topic = sum(p["end_offset"] - p["start_offset"] for p in error_topic["partitions"])
    ledger = {key: sum(each[key] for each in ledgers) for key in ("produced", "duplicates", "malformed", "late", "too_late")}
    location = json.loads(tarn.run("table", "show", SILVER, "--json"))["location"]

    print(f"""
produced            {produced:>9,}
stored              {counts['stored']:>9,}   of these late: {stream['late']:,}
duplicates dropped  {stream['duplicates']:>9,}
dead letters        {dead:>9,}   {', '.join(f"{row['reason']} {row['records']:,}" for row in reasons)}

throughput          {options.events / settled_after:>9,.0f} events/s from the first Produce to the last commit
freshness           {freshness['p50'] * 1000:>9,.0f} ms p50, {freshness['p99'] * 1000:,.0f} ms p99, produced to visible
gold rebuilds       {len(builds):>9,}   median {sorted(builds)[len(builds) // 2] if builds else 0:.2f} s
peak memory         {tarn.peak_memory_mb():>9,.0f} MB, the whole process

The five most viewed products:
{table(tarn.sql(top.format(at='')))}

The same as of the first version of gold (AT (VERSION => {first})):
{table(tarn.sql(top.format(at=f' AT (VERSION => {first})')))}
""")
    checks = [
        ("produced = stored + duplicates dropped + dead letters", produced, counts["stored"] + stream["duplicates"] + dead),
        ("every event id stored once", counts["stored"], counts["ids"]),
        ("duplicates sent = duplicates dropped", ledger["duplicates"], stream["duplicates"]),
        ("malformed + too late sent = dead letters", ledger["malformed"] + ledger["too_late"], dead),
        ("dead letters in the table = records in clickstream-errors", dead, errors_in_topic),
        ("events in gold = rows in silver", counts["stored"], gold),
    ]
    print("Reconciliation:")
    for what, expected, found in checks:
        print(f"  {'ok  ' if expected == found else 'FAIL'}  {what}: {expected:,} = {found:,}" if expected == found
              else f"  FAIL  {what}: {expected:,} and {found:,}")
    print(f"""
The files lie in {location}. Read them elsewhere:
  python3 -c "from deltalake import DeltaTable; print(DeltaTable('{location}').to_pyarrow_table().num_rows)"
  kcat -b {tarn.kafka} -t clickstream-events -C -e -c 3        (while `tarn up` runs)
Start it again: build/tarn up examples/clickstream --data-dir {tarn.data}""")
    return 0 if all(expected == found for _, expected, found in checks) else 1


if __name__ == "__main__":
    sys.exit(main())

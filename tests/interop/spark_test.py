"""Spark reads Tarn's silver table: the same rows as Tarn and delta-rs see, today and at an old version."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fault"))
from kill_test import PROGRAM, SOURCE, World  # noqa: E402

SPARK = SOURCE / ".deps" / "peers" / "spark-venv" / "bin" / "python"
JARS = SOURCE / ".deps" / "peers" / "spark"
SUMS = """SELECT count(*) AS row_count, count(DISTINCT event_id) AS ids, sum(time_on_page) AS time_on_page, sum(epoch_us(timestamp) % 1000000007) AS timestamps,
    sum(click_coordinates['x']) AS x, count(product_id) AS products, min(date) AS first_date, max(date) AS last_date FROM {}"""


@pytest.mark.skipif(not SPARK.exists(), reason="Spark is not fetched: scripts/peers.sh spark")
def test_spark_sees_the_same_rows_as_tarn_and_delta_rs(tmp_path):
    world = World(tmp_path)
    world.start()
    try:
        world.wait_healthy()
        subprocess.run([PROGRAM, "generate", "clickstream", "--events", "50000", "--rate", "0", "--seed", "5", "--bootstrap", world.kafka, *world.arguments()],
                       env=world.environment(), check=True, capture_output=True)
        world.settle()
        location = world.location("clickstream_events_delta")
    finally:
        world.process.terminate()
        world.process.wait(30)
    newest = DeltaTable(location).version()
    for version in (newest, newest // 2):
        spark = subprocess.run([SPARK, Path(__file__).with_name("spark_reads.py"), JARS, location, str(version)], capture_output=True, text=True)
        assert spark.returncode == 0, spark.stderr[-3000:]
        of_spark = json.loads(spark.stdout.splitlines()[-1])
        shown = subprocess.run([PROGRAM, "sql", "--json", SUMS.format(f"clickstream.clickstream_events_delta AT (VERSION => {version})"), *world.arguments()],
                               env=os.environ | {"TARN_PORT_OFFSET": str(world.offset)}, capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        of_tarn = {name: str(value) for name, value in json.loads(shown.stdout).items()}
        t = DeltaTable(location, version=version).to_pyarrow_table()  # noqa: F841: DuckDB finds it by its name
        columns = duckdb.sql(SUMS.format("t")).columns
        of_delta_rs = dict(zip(columns, map(str, duckdb.sql(SUMS.format("t")).fetchone())))
        assert of_spark == of_tarn == of_delta_rs
        assert int(of_spark["ids"]) == int(of_spark["row_count"]) > 0

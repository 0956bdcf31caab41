"""Tables written by Tarn read the same in delta-rs, and the other way round."""

import datetime
import decimal

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lake_sql import run_sql, table_path

UTC = datetime.timezone.utc


def test_every_type_written_by_tarn(tmp_path):
    run_sql(
        tmp_path,
        "CREATE SCHEMA s",
        "CREATE TABLE s.t PARTITIONED BY (day) AS SELECT true AS b, 1::TINYINT AS i8, 2::SMALLINT AS i16, 3::INTEGER AS i32, "
        "4::BIGINT AS i64, 1.5::FLOAT AS f, 2.5::DOUBLE AS d, 12.34::DECIMAL(10,2) AS dec, 'text' AS s, '\\x00\\xff'::BLOB AS bin, "
        "DATE '2026-11-24' AS day, TIMESTAMPTZ '2026-11-24 10:00:00.123456+00' AS happened, TIMESTAMP '2026-11-24 10:00:00.5' AS local, "
        "'0f8fad5b-d9cb-469f-a165-70867728950e'::UUID AS u, {'x': 1, 'y': {'z': 'deep'}} AS st, [1, NULL, 3] AS l, "
        "MAP {'k': 1.5::DOUBLE} AS m",
    )
    [row] = DeltaTable(table_path(tmp_path, "t")).to_pyarrow_table().to_pylist()
    assert row == {
        "b": True, "i8": 1, "i16": 2, "i32": 3, "i64": 4, "f": 1.5, "d": 2.5, "dec": decimal.Decimal("12.34"), "s": "text",
        "bin": b"\x00\xff", "day": datetime.date(2026, 11, 24), "happened": datetime.datetime(2026, 11, 24, 10, 0, 0, 123456, UTC),
        "local": datetime.datetime(2026, 11, 24, 10, 0, 0, 500000), "u": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "st": {"x": 1, "y": {"z": "deep"}}, "l": [1, None, 3], "m": [("k", 1.5)],
    }


def test_statistics_of_tarn_do_not_hide_rows_from_delta_rs(tmp_path):
    run_sql(
        tmp_path,
        "CREATE SCHEMA s",
        "CREATE TABLE s.t AS SELECT range AS id, repeat('n', 40) || range AS name, TIMESTAMPTZ '2026-11-24 10:00:00.000999+00' "
        "+ to_seconds(range) AS happened, -0.0::DOUBLE AS zero FROM range(100)",
        "INSERT INTO s.t SELECT range + 100, NULL, NULL, 'NaN'::DOUBLE FROM range(100)",
    )
    table = DeltaTable(table_path(tmp_path, "t"))
    assert table.to_pyarrow_table(filters=[("name", "=", "n" * 40 + "99")]).num_rows == 1
    moment = datetime.datetime(2026, 11, 24, 10, 1, 39, 999, UTC)
    assert table.to_pyarrow_table(filters=[("happened", "=", pa.scalar(moment, pa.timestamp("us", "UTC")))]).num_rows == 1
    assert table.to_pyarrow_table(filters=[("zero", "=", 0.0)]).num_rows == 100
    assert table.to_pyarrow_table(filters=[("id", ">=", 150)]).num_rows == 50


def test_tarn_reads_what_delta_rs_appends(tmp_path):
    run_sql(tmp_path, "CREATE SCHEMA s", "CREATE TABLE s.t (id BIGINT, day DATE, tags VARCHAR[], props MAP(VARCHAR, BIGINT), "
            "place STRUCT(city VARCHAR, zip INTEGER), amount DOUBLE, happened TIMESTAMPTZ) PARTITIONED BY (day)",
            "INSERT INTO s.t VALUES (1, DATE '2026-11-23', ['a'], MAP {'x': 1}, {'city': 'Bonn', 'zip': 53111}, 1.5, "
            "TIMESTAMPTZ '2026-11-23 01:02:03.004005+00')")
    schema = pa.schema([
        ("id", pa.int64()), ("day", pa.date32()), ("tags", pa.list_(pa.string())), ("props", pa.map_(pa.string(), pa.int64())),
        ("place", pa.struct([("city", pa.string()), ("zip", pa.int32())])), ("amount", pa.float64()),
        ("happened", pa.timestamp("us", "UTC")),
    ])
    moment = datetime.datetime(2026, 11, 24, 10, 0, 0, 999, UTC)
    rows = pa.Table.from_pylist([
        {"id": 2, "day": datetime.date(2026, 11, 24), "tags": ["b", None], "props": [("y", 2)], "place": {"city": "Köln", "zip": 1},
         "amount": float("nan"), "happened": moment},
        {"id": 3, "day": None, "tags": None, "props": None, "place": None, "amount": -0.0, "happened": None},
    ], schema=schema)
    write_deltalake(table_path(tmp_path, "t"), rows, mode="append")
    extra = rows.slice(0, 1).append_column("note", pa.array(["new"]))
    write_deltalake(table_path(tmp_path, "t"), extra, mode="append", schema_mode="merge")
    everything, pruned, nan, moments, counted, null_day = run_sql(
        tmp_path,
        "SELECT id, day, tags, props, place, amount, note FROM s.t ORDER BY id, note NULLS FIRST",
        "SELECT count(*) FROM s.t WHERE day = DATE '2026-11-24'",
        "SELECT count(*) FROM s.t WHERE amount > 1000",
        "SELECT count(*) FROM s.t WHERE happened = TIMESTAMPTZ '2026-11-24 10:00:00.000999+00'",
        "SELECT count(*) FROM s.t",
        "SELECT id FROM s.t WHERE day IS NULL AND place.city IS NULL",
    )
    assert everything == [
        ["1", "2026-11-23", "[a]", "{x=1}", "{'city': Bonn, 'zip': 53111}", "1.5", None],
        ["2", "2026-11-24", "[b, NULL]", "{y=2}", "{'city': Köln, 'zip': 1}", "nan", None],
        ["2", "2026-11-24", "[b, NULL]", "{y=2}", "{'city': Köln, 'zip': 1}", "nan", "new"],
        ["3", None, None, None, None, "-0.0", None],
    ]
    assert (pruned, nan, moments, counted, null_day) == ([["2"]], [["2"]], [["2"]], [["4"]], [["3"]])


@pytest.mark.parametrize("value", ["a/b=c%20ü", "x y", "100%", "'quoted'"])
def test_partition_values_in_both_directions(tmp_path, value):
    literal = value.replace("'", "''")
    run_sql(tmp_path, "CREATE SCHEMA s", f"CREATE TABLE s.t PARTITIONED BY (p) AS SELECT 1 AS id, '{literal}' AS p")
    path = table_path(tmp_path, "t")
    assert DeltaTable(path).to_pyarrow_table(filters=[("p", "=", value)]).num_rows == 1
    write_deltalake(path, pa.table({"id": pa.array([2], pa.int32()), "p": [value]}), mode="append")
    [rows] = run_sql(tmp_path, f"SELECT id FROM s.t WHERE p = '{literal}' ORDER BY id")
    assert rows == [["1"], ["2"]]


def test_time_travel_counts_the_commits_of_both(tmp_path):
    run_sql(tmp_path, "CREATE SCHEMA s", "CREATE TABLE s.t AS SELECT 1 AS id")
    path = table_path(tmp_path, "t")
    write_deltalake(path, pa.table({"id": pa.array([2], pa.int32())}), mode="append")
    write_deltalake(path, pa.table({"id": pa.array([3], pa.int32())}), mode="overwrite")
    newest = DeltaTable(path).version()
    old, new, version = run_sql(
        tmp_path, f"SELECT id FROM s.t AT (VERSION => {newest - 1}) ORDER BY id", "SELECT id FROM s.t",
        "SELECT tarn_table_version('s.t')",
    )
    assert (old, new, version) == ([["1"], ["2"]], [["3"]], [[str(newest)]])


def test_delta_rs_reads_a_table_that_was_replaced_with_another_partitioning(tmp_path):
    run_sql(tmp_path, "CREATE SCHEMA s", "CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS p",
            "CREATE OR REPLACE TABLE s.t PARTITIONED BY (p) AS SELECT id, p, TIMESTAMP '2026-11-24 10:00:00' AS local FROM s.t")
    table = DeltaTable(table_path(tmp_path, "t"))
    assert table.metadata().partition_columns == ["p"]
    assert table.to_pyarrow_table().to_pylist() == [{"id": 1, "p": "x", "local": datetime.datetime(2026, 11, 24, 10)}]
    table.load_as_version(1)
    assert table.to_pyarrow_table().to_pylist() == [{"id": 1, "p": "x"}]

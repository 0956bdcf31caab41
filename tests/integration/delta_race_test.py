"""Tarn and delta-rs write the same Delta tables at the same time: no commit is lost, and both read the same rows."""

import datetime
import threading

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lake_sql import SqlError, parse, run_sql, start, table_path
from tarn_program import SILVER, Tarn

UTC = datetime.timezone.utc


def rows_of(path):
    return sorted((row["writer"], row["id"]) for row in DeltaTable(path).to_pyarrow_table(columns=["writer", "id"]).to_pylist())


def our_rows(folder):
    [rows] = run_sql(folder, "SELECT writer, id FROM s.t")
    return sorted((writer, int(number)) for writer, number in rows)


def in_parallel(*works):
    """Runs all at once from a common start; passes on what one of them raised."""
    barrier, errors = threading.Barrier(len(works)), []

    def guarded(work):
        try:
            barrier.wait()
            work()
        except Exception as error:  # noqa: BLE001: raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def append_with_delta_rs(path, writer, commits):
    for number in range(commits):
        rows = pa.table({"writer": [writer], "id": pa.array([number], pa.int64()), "day": [datetime.date(2026, 11, 1 + number % 3)]})
        write_deltalake(path, rows, mode="append", commit_properties=CommitProperties(max_commit_retries=1000))


def append_with_tarn(folder, writer, commits):
    statements = [f"INSERT INTO s.t VALUES ('{writer}', {i}, DATE '2026-11-01' + {i % 3})" for i in range(commits)]
    with start(folder) as program:
        output, _ = program.communicate("".join(s + "\n" for s in statements))
    failed = [result for result in parse(output, commits) if isinstance(result, SqlError)]
    assert not failed, failed[0]


@pytest.mark.parametrize("partitioned", ["", " PARTITIONED BY (day)"])
def test_no_append_of_either_is_lost(tmp_path, partitioned):
    run_sql(tmp_path, "CREATE SCHEMA s", f"CREATE TABLE s.t (writer VARCHAR, id BIGINT, day DATE){partitioned}")
    path = table_path(tmp_path, "t")
    in_parallel(
        lambda: append_with_tarn(tmp_path, "tarn a", 40),
        lambda: append_with_tarn(tmp_path, "tarn b", 40),
        lambda: append_with_delta_rs(path, "delta-rs", 40),
    )
    expected = sorted((writer, i) for writer in ["tarn a", "tarn b", "delta-rs"] for i in range(40))
    assert rows_of(path) == expected
    assert our_rows(tmp_path) == expected
    # One version a commit, each with one writer.
    history = DeltaTable(path).history()
    assert [entry["version"] for entry in history] == list(range(len(history) - 1, -1, -1))
    engines = [str(entry.get("engineInfo", "")) for entry in history]
    assert sum(engine.startswith("delta-rs") for engine in engines) == 40
    assert sum(engine.startswith("Tarn") for engine in engines) == len(history) - 40
    assert DeltaTable(path).metadata().partition_columns == (["day"] if partitioned else [])


def test_delta_rs_overwrites_and_tarn_goes_on(tmp_path):
    run_sql(tmp_path, "CREATE SCHEMA s", "CREATE TABLE s.t (writer VARCHAR, id BIGINT, day DATE) PARTITIONED BY (day)")
    path = table_path(tmp_path, "t")
    append_with_tarn(tmp_path, "tarn", 15)
    one_day = pa.table({"writer": ["delta-rs"], "id": pa.array([100], pa.int64()), "day": [datetime.date(2026, 11, 2)]})
    write_deltalake(path, one_day, mode="overwrite", predicate="day = '2026-11-02'")
    kept = sorted([("tarn", i) for i in range(15) if i % 3 != 1] + [("delta-rs", 100)])
    assert our_rows(tmp_path) == rows_of(path) == kept
    write_deltalake(path, one_day, mode="overwrite")
    assert our_rows(tmp_path) == rows_of(path) == [("delta-rs", 100)]
    append_with_tarn(tmp_path, "tarn", 12)
    DeltaTable(path).delete("id < 6")
    left = sorted([("tarn", i) for i in range(6, 12)] + [("delta-rs", 100)])
    assert our_rows(tmp_path) == rows_of(path) == left
    DeltaTable(path).optimize.compact()
    DeltaTable(path).create_checkpoint()
    assert our_rows(tmp_path) == rows_of(path) == left


def test_a_table_that_delta_rs_made_is_written_by_tarn(tmp_path):
    run_sql(tmp_path, "CREATE SCHEMA s", "CREATE TABLE s.t (placeholder INTEGER)")
    path = table_path(tmp_path, "t")
    rows = pa.table({"writer": ["delta-rs"], "id": pa.array([1], pa.int64()), "day": [datetime.date(2026, 11, 1)]})
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    append_with_tarn(tmp_path, "tarn", 2)
    assert our_rows(tmp_path) == rows_of(path) == [("delta-rs", 1), ("tarn", 0), ("tarn", 1)]


def test_the_stream_and_delta_rs_append_at_once(tmp_path):
    tarn = Tarn(tmp_path)
    try:
        tarn.start()
        events = 20_000
        tarn.generate(1_000)
        tarn.settle(1_000)
        [path] = {str(p.parent) for p in tarn.data.rglob("_delta_log") if p.parent.name.startswith(SILVER.split(".")[1])}
        table = DeltaTable(path)
        one = table.to_pyarrow_table().slice(0, 1)
        column = one.schema.get_field_index("event_id")

        def append(count):
            for i in range(count):
                row = one.set_column(column, one.schema.field(column), pa.array([f"from-delta-rs-{i}"], one.schema.field(column).type))
                write_deltalake(path, row, mode="append", commit_properties=CommitProperties(max_commit_retries=1000))

        in_parallel(lambda: tarn.generate(events), lambda: append(30))
        stream = tarn.settle(1_000 + events)
        ours = int(tarn.sql(f"SELECT count(*) AS n FROM {SILVER}")[0]["n"])
        theirs = DeltaTable(path).to_pyarrow_table(columns=["event_id"])
        ids = theirs.column("event_id").to_pylist()
        assert ours == len(ids) == stream["stored"] + 30
        assert len(set(ids)) == len(ids)
        assert sum(str(i).startswith("from-delta-rs-") for i in ids) == 30
        assert tarn.stop() == 0
    finally:
        tarn.end()

"""Delta tables of others: each is read with exactly the rows that its writer says, or refused by the name of what we lack or
of what is damaged. Nothing is silently misread."""

import os
import pathlib
import shutil
import subprocess

import pyarrow.parquet
import pytest

from lake_sql import SqlError, run_sql, table_path, try_sql

CORPORA = pathlib.Path(os.environ.get("TARN_CORPORA", pathlib.Path(__file__).resolve().parents[2] / ".." / "shared" / "corpora"))

# What these must be refused for. Tables of the corpus without expected rows are illegal or point outside of themselves.
REFUSED = {
    "canonicalized-paths-normal-a": "outside of the table's folder: /some/unqualified/absolute/path",
    "canonicalized-paths-normal-b": "outside of the table's folder: /some/unqualified/absolute/path",
    "canonicalized-paths-special-a": "outside of the table's folder: /some/unqualified/with%20space/p@%23h",
    "canonicalized-paths-special-b": "outside of the table's folder: /some/unqualified/with%20space/p@%23h",
    "checkpoint": "no object lake/s/checkpoint/15",  # its data files were never written
    "data-reader-absolute-paths-escaped-chars": "00000000000000000000.json, line 3: data file: object key '..",
    "data-reader-timestamp_ntz-id-mode": "table feature columnMapping (mode id)",
    "data-reader-timestamp_ntz-name-mode": "table feature columnMapping (mode name)",
    "data-skipping-basic-stats-all-types-columnmapping-id": "table feature columnMapping (mode id)",
    "data-skipping-basic-stats-all-types-columnmapping-name": "table feature columnMapping (mode name)",
    "delete-re-add-same-file-different-transactions": "no object lake/s/delete-re-add-same-file-different-transactions/bar",
    "deltalog-commit-info": "00000000000000000000.json, line 1: expected a string 'schemaString'",
    "deltalog-invalid-protocol-version": "table feature minReaderVersion 99",
    "deltalog-state-reconstruction-from-checkpoint-missing-metadata": "00000000000000000000.json, line 3: expected a string 'schemaString'",
    "deltalog-state-reconstruction-from-checkpoint-missing-protocol": "00000000000000000000.json, line 3: expected a string 'schemaString'",
    "deltalog-state-reconstruction-without-metadata": "version 0: the log has no metaData action",
    "deltalog-state-reconstruction-without-protocol": "version 0: the log has no protocol action",
    "dv-partitioned-with-checkpoint": "table feature deletionVectors",
    "dv-with-columnmapping": "table feature deletionVectors",
    "hive": "not_found",  # folders without a log
    "log-replay-dv-key-cases": "table feature deletionVectors",
    "log-replay-special-characters-b": "no object lake/s/log-replay-special-characters-b/special p@#h",
    "no-delta-log-folder": "not_found",
    "table-with-columnmapping-mode-id": "table feature columnMapping (mode id)",
    "table-with-columnmapping-mode-name": "table feature columnMapping (mode name)",
    "update-deleted-directory": "00000000000000000000.json, line 3: expected a string 'schemaString'",
    "v2-checkpoint-json": "table feature v2Checkpoint",
    "v2-checkpoint-parquet": "table feature v2Checkpoint",
    "versions-not-contiguous": "00000000000000000000.json, line 3: expected a string 'schemaString'",
}
# Legal without expected rows: the log removes all that it adds.
EMPTY = {"deltalog-getChanges", "log-replay-special-characters", "log-replay-special-characters-a"}
# A timestamp among the partition values has no zone in the log; its writer's was America/Los_Angeles, ours is UTC.
ZONED = {"data-reader-partition-values": {"as_timestamp": "timezone('America/Los_Angeles', as_timestamp::TIMESTAMP)"}}


def corpus(name):
    folder = CORPORA / name
    if not folder.is_dir():
        pytest.skip(f"no corpora: there is no {folder}")
    return folder


def place(folder, tables):
    """Makes each folder of `tables` (name -> path) a table s.<name> of the lake in `folder`."""
    run_sql(folder, "CREATE SCHEMA s", *[f'CREATE TABLE s."{name}" AS SELECT 1 AS placeholder' for name in tables])
    for name, source in tables.items():
        shutil.rmtree(table_path(folder, name))
        shutil.copytree(source, table_path(folder, name))


def comparison(name, expected):
    """Three statements: our rows, the expected rows, and how many are in one of both only."""
    columns = pyarrow.parquet.read_schema(next(expected.rglob("*.parquet"))).names
    theirs = ", ".join(f'"{column}"' for column in columns)
    ours = ", ".join(ZONED.get(name, {}).get(column, f'"{column}"') for column in columns)
    table = f'(SELECT {ours} FROM s."{name}")'
    rows = f"(SELECT {theirs} FROM read_parquet('{expected}/**/*.parquet', hive_partitioning = false))"
    return [
        f"SELECT count(*) FROM {table}",
        f"SELECT count(*) FROM {rows}",
        f"SELECT count(*) FROM (({table} EXCEPT ALL {rows}) UNION ALL ({rows} EXCEPT ALL {table}))",
    ]


def test_golden_tables_are_read_exactly_or_refused_by_name(tmp_path):
    archives = sorted(corpus("delta-golden").glob("*.tar.zst"))
    assert len(archives) == 89
    golden = tmp_path / "golden"
    golden.mkdir()
    for archive in archives:
        subprocess.run(["tar", "--zstd", "-xf", archive, "-C", golden], check=True)
    names = [archive.name.removesuffix(".tar.zst") for archive in archives]
    place(tmp_path, {name: golden / name / "delta" if (golden / name / "delta").is_dir() else golden / name for name in names})

    wrong = []
    for name in names:
        # count(*) alone may be answered from the log; what is refused must be refused on reading rows at the latest.
        if name in REFUSED:
            [result] = try_sql(tmp_path, f'SELECT * FROM s."{name}"')
            if not isinstance(result, SqlError) or REFUSED[name] not in str(result):
                wrong.append(f"{name}: {result}, expected to be refused with '{REFUSED[name]}'")
        elif name in EMPTY:
            [result] = try_sql(tmp_path, f'SELECT count(*) FROM s."{name}"')
            if result != [["0"]]:
                wrong.append(f"{name}: {result}, expected no rows")
        else:
            ours, theirs, different = try_sql(tmp_path, *comparison(name, golden / name / "expected"))
            if ours != theirs or different != [["0"]]:
                wrong.append(f"{name}: {ours} rows of {theirs}, {different} differ")
    assert not wrong, "\n".join(wrong)


def test_damaged_logs_are_refused_and_whole_ones_are_not(tmp_path):
    names = [f"table_{letter}" for letter in "abcdefghi"]
    logs = corpus("delta-bad-logs")
    place(tmp_path, {name: logs / name for name in names})

    def result(name, what="SELECT tarn_table_version('s.{0}'), count(*) FROM s.{0}"):
        [rows] = try_sql(tmp_path, what.format(name))
        return str(rows) if isinstance(rows, SqlError) else rows

    # Whole. In b version 7 is missing before a checkpoint of 10; in g nothing is left between 13 and a checkpoint of 9999.
    # Both are what cleaned logs look like: the newest version is there, and so is none between.
    assert result("table_a") == [["13", "130"]]
    assert result("table_b") == [["13", "130"]]
    assert result("table_g") == [["9999", "100"]]
    assert "00000000000000000007.json is missing" in result("table_b", "SELECT count(*) FROM s.{0} AT (VERSION => 8)")
    assert result("table_b", "SELECT count(*) FROM s.{0} AT (VERSION => 6)") == [["60"]]
    assert "00000000000000000014.json is missing" in result("table_g", "SELECT count(*) FROM s.{0} AT (VERSION => 500)")
    # Damaged, or of a feature that we lack.
    assert "00000000000000000012.json is missing" in result("table_c")
    for name in ["table_d", "table_e", "table_f", "table_h", "table_i"]:
        assert result(name).startswith("unsupported: "), name
        assert "table feature catalogOwned" in result(name), name

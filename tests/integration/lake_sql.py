"""The test program tarn_lake_sql: SQL against a lake in a folder, without the rest of Tarn."""

import os
import pathlib
import subprocess

PROGRAM = pathlib.Path(os.environ["TARN_BUILD_DIR"]) / "tarn_lake_sql"


class SqlError(Exception):
    pass


def parse(output, count):
    """What each of `count` statements gave: rows as lists of texts (None: NULL), or a SqlError."""
    results, rows = [], []
    for line in output.splitlines():
        if line == "":
            results.append(rows)
            rows = []
        elif line.startswith("error "):
            rows = SqlError(line.removeprefix("error "))
        else:
            rows.append([None if cell == "\\N" else cell for cell in line.split("\t")])
    assert len(results) == count, output
    return results


def start(folder):
    """A running program, to be given statements on its stdin."""
    return subprocess.Popen([PROGRAM, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def try_sql(folder, *statements):
    """Runs the statements in one process; errors are results."""
    done = subprocess.run(
        [PROGRAM, str(folder)], input="".join(s + "\n" for s in statements), capture_output=True, text=True, check=True
    )
    return parse(done.stdout, len(statements))


def run_sql(folder, *statements):
    """The same; a statement that fails raises its SqlError."""
    results = try_sql(folder, *statements)
    for result in results:
        if isinstance(result, SqlError):
            raise result
    return results


def table_path(folder, name):
    return str(folder / "store" / "lake" / "s" / name)

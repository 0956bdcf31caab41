"""Runs every tests/sql/*.test against a lake of its own.

A file is a list of cases, separated by empty lines; lines that begin with '#' say what it is about.

    statement ok            statement error not_found         query
    CREATE SCHEMA s         SELECT * FROM s.t                 SELECT 1, NULL
                                                              ----
                                                              1	\\N

A statement may take several lines. The code of an error is its name as in base/result.h; after it may stand a part of the
message. A query's rows are tab-separated, in order.
"""

import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(os.environ["TARN_BUILD_DIR"]) / "tarn_lake_sql"
FOLDER = pathlib.Path(__file__).parent


def parse(path):
    """(line number, kind, SQL on one line, expected rows) of each case."""
    cases, block, start = [], [], 0
    for number, line in enumerate(path.read_text().splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if line:
            start = start if block else number
            block.append(line)
        elif block:
            kind, *rest = block
            cut = rest.index("----") if "----" in rest else len(rest)
            cases.append((start, kind, " ".join(rest[:cut]), rest[cut + 1 :]))
            block = []
    return cases


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.test")), ids=lambda path: path.stem)
def test_sql(path, tmp_path):
    cases = parse(path)
    done = subprocess.run(
        [PROGRAM, str(tmp_path)], input="".join(sql + "\n" for _, _, sql, _ in cases), capture_output=True, text=True, check=True
    )
    answers, lines = [], []
    for line in done.stdout.splitlines():
        if line:
            lines.append(line)
        else:
            answers.append(lines)
            lines = []
    assert len(answers) == len(cases), done.stdout
    for (number, kind, sql, expected), answer in zip(cases, answers):
        where = f"{path.name}:{number}: {sql}"
        failed = bool(answer) and answer[0].startswith("error ")
        if kind == "statement ok":
            assert not failed, f"{where}\n{answer}"
        elif kind == "query":
            assert answer == expected, where
        else:
            _, _, code, *part = kind.split(" ", 3)
            assert failed and answer[0].startswith(f"error {code}: "), f"{where}\n{answer}"
            assert not part or part[0] in answer[0], f"{where}\n{answer}"

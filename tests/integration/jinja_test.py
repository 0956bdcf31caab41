"""Renders jinja_templates.txt with Tarn's engine and with Jinja2: the same text, or both refuse.

Templates are split at lines of '====' in the file. A first line "# differs: why" marks one that may differ, with the reason; the test
then wants it to differ, so that the list stays true.
"""

import os
import pathlib
import subprocess

import jinja2
import pytest

HERE = pathlib.Path(__file__).parent
PROGRAM = pathlib.Path(os.environ["TARN_BUILD_DIR"]) / "tarn_jinja_render"


def test_globals():
    return {
        "user": {"name": "Ada", "age": 36, "tags": ["x", "y"]},
        "users": [
            {"name": "Ada", "age": 36, "city": "London"},
            {"name": "bob", "age": 25, "city": "Paris"},
            {"name": "Cid", "age": 61, "city": "London"},
        ],
        "columns": ["id", "user_id", "amount"],
        "nothing": None,
        "text": "Hello, World",
        "number": 42,
        "real": 3.25,
        "words": ["pear", "Apple", "fig", "apple"],
        "numbers": [3, 1, 2, 3],
        "nested": [[1, 2], [3, [4]]],
        "mixed": {"b": 2, "a": 1, "C": 3},
        "tree": [{"n": "a", "kids": [{"n": "b", "kids": []}]}, {"n": "c", "kids": []}],
        "pair": (1, "two"),
        "empty": [],
        "umlaut": "Größe",
    }


test_globals.__test__ = False


def load_templates():
    cases = []
    for case in (HERE / "jinja_templates.txt").read_text(encoding="utf-8").split("\n====\n"):
        differs = case.startswith("# differs:")
        if differs:
            case = case.split("\n", 1)[1]
        cases.append((case, differs))
    return cases


def render_with_jinja2(text):
    environment = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])
    try:
        return ("ok", environment.from_string(text).render(test_globals()))
    except Exception as error:  # whatever Jinja2 or Python refuses
        return ("error", f"{type(error).__name__}: {error}")


def render_with_tarn(texts):
    """One process for all: each template as its length and bytes, each answer likewise."""
    request = b"".join(b"%d\n%s" % (len(t), t) for t in (text.encode() for text in texts))
    done = subprocess.run([PROGRAM], input=request, stdout=subprocess.PIPE, check=True, timeout=120)
    answers, at = [], 0
    for _ in texts:
        newline = done.stdout.index(b"\n", at)
        how, length = done.stdout[at:newline].split()
        at = newline + 1 + int(length)
        answers.append((how.decode(), done.stdout[newline + 1 : at].decode()))
    return answers


def test_same_text_or_both_refuse():
    cases = load_templates()
    assert len(cases) >= 300
    differences = []
    for (text, differs), ours in zip(cases, render_with_tarn([text for text, _ in cases])):
        theirs = render_with_jinja2(text)
        same = ours[0] == theirs[0] and (ours[0] == "error" or ours[1] == theirs[1])
        if same == differs:
            differences.append(f"{text!r}\n   jinja2: {theirs}\n   tarn:   {ours}")
    assert not differences, f"{len(differences)} of {len(cases)} templates:\n" + "\n".join(differences)


def test_errors_name_file_line_and_column():
    cases = [text for text, differs in load_templates() if not differs]
    for text, (how, message) in zip(cases, render_with_tarn(cases)):
        if how == "error":
            where = message.split(": ")[0].split(":")
            assert where[0] == "t" and where[1].isdigit() and where[2].isdigit(), (text, message)
            assert 1 <= int(where[1]) <= text.count("\n") + 1, (text, message)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))

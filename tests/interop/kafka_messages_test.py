"""Compares the descriptions of Kafka's messages with the definitions that the kafka-clients jar carries, field by field, version by
version. Needs the jar: scripts/peers.sh kafka."""
import json
import pathlib
import re
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src/broker/protocol"))
import generate  # noqa: E402

JARS = sorted((ROOT / ".deps/peers/kafka").glob("kafka-clients-*.jar"))
DESCRIPTIONS = sorted((ROOT / "src/broker/protocol/messages").glob("*.msg"))
MESSAGES = [message for path in DESCRIPTIONS for message in generate.parse(path)]
PRIMITIVES = {"bool", "int8", "int16", "int32", "int64", "uint16", "uint32", "float64", "uuid", "string", "bytes", "records"}
DEFAULTS = {"bool": "false", "string": "", "uuid": "", "float64": "0.0"}

# Versions that the definitions no longer describe: they begin above.
pytestmark = pytest.mark.skipif(not JARS, reason="no kafka-clients jar: scripts/peers.sh kafka fetches it")


def definition(message):
    with zipfile.ZipFile(JARS[-1]) as jar:
        text = jar.read(f"common/message/{message.name}.json").decode()
    return json.loads("\n".join(line for line in text.splitlines() if not line.strip().startswith("//")))


def versions(text):
    if text in (None, "none"):
        return None
    match = re.fullmatch(r"(\d+)(\+|-(\d+))?", text)
    low = int(match[1])
    return low, int(match[3]) if match[3] else (generate.MAX if match[2] else low)


def within(span, version):
    return span is not None and span[0] <= version <= span[1]


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def theirs(fields, structs, version):
    """What stands on the wire in one version: (name, type, null allowed, tag, default, fields below), in order."""
    out = []
    for field in fields:
        if not within(versions(field["versions"]), version):
            continue
        base = field["type"].removeprefix("[]")
        below = () if base in PRIMITIVES else theirs(field.get("fields") or structs[base], structs, version)
        tag = field.get("tag") if within(versions(field.get("taggedVersions")), version) else None
        default = field.get("default")
        if default is None or isinstance(default, bool):
            default = str(default).lower() if default is not None else DEFAULTS.get(field["type"], "0" if base == field["type"] else "")
        out.append((snake(field["name"]), field["type"] if base in PRIMITIVES else field["type"].replace(base, "struct"),
                    within(versions(field.get("nullableVersions")), version), tag, normal(str(default), base), tuple(below)))
    return tuple(out)


def ours(fields, version):
    out = []
    for field in fields:
        if not within(field.versions, version):
            continue
        array = "[]" if field.array else ""
        default = field.default if field.default is not None else DEFAULTS.get(array + field.type, "0" if not array else "")
        out.append((field.name, array + (field.type if field.primitive else "struct"), within(field.nullable, version), field.tag,
                    normal(default, field.type), ours(field.fields, version)))
    return tuple(out)


def normal(default, kind):
    """Numbers by value, and nothing where a default means nothing (bytes, records, structs)."""
    if re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", default):
        return int(default, 0)
    return "" if kind not in PRIMITIVES or (kind in ("bytes", "records") and default == "0") else default


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.name)
def test_every_version_agrees_with_kafkas_definition(message):
    wanted = definition(message)
    assert message.key == wanted["apiKey"]
    structs = {s["name"]: s["fields"] for s in wanted.get("commonStructs", [])}
    valid, flexible = versions(wanted["validVersions"]), versions(wanted["flexibleVersions"])
    compared = [v for v in range(message.first, message.last + 1) if within(valid, v)]
    assert compared, "no version in common"
    for version in compared:
        assert (version >= message.flexible) == within(flexible, version), f"flexible in version {version}"
        assert ours(message.fields, version) == theirs(wanted["fields"], structs, version), f"version {version}"

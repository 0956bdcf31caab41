#!/usr/bin/env python3
"""Writes the C++ structs of the Kafka messages from their descriptions: generate.py messages/*.msg --out FOLDER.

A description is one file an API:

    # ListOffsets: finds offsets by time or position.
    request 2 versions 1-7 flexible 6+        api key, versions that Tarn speaks, first flexible one
      replica_id int32                        name and type; a deeper indent describes an array's or a struct's fields
      isolation_level int8 2+                 only in these versions
      topics []Topic nullable 2-7             null is legal in these versions (no range: in all that have the field)
        cluster_id string 12+ tag 0 = null    a tagged field; a default other than zero or empty

Types: bool int8 int16 uint16 int32 uint32 int64 float64 uuid string bytes records, []T of them, or a struct's name.
Requests view the bytes that they were read from; responses own theirs.
"""
import argparse
import pathlib
import re
import sys

INTEGERS = {"int8": "int8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t", "uint32": "uint32_t", "int64": "int64_t"}
TEXTS = {"string", "bytes", "records"}
MAX = 32767


class DescriptionError(Exception):
    pass


def version_range(text, last):
    match = re.fullmatch(r"(\d+)(\+|-(\d+))", text)
    if not match:
        return None
    return int(match[1]), int(match[3]) if match[3] else last


class Field:
    """One line of a description."""

    LINE = re.compile(r"(?P<name>[a-z][a-z0-9_]*) (?P<type>(\[\])?[A-Za-z0-9]+)(?P<versions> \d+(\+|-\d+))?"
                      r"(?P<nullable> nullable( (?P<nullable_versions>\d+(\+|-\d+)))?)?( tag (?P<tag>\d+))?( = (?P<default>\S+))?")

    def __init__(self, text, message):
        match = self.LINE.fullmatch(text)
        if not match:
            raise DescriptionError(f"not a field: {text!r}")
        self.name = match["name"]
        self.array = match["type"].startswith("[]")
        self.type = match["type"].removeprefix("[]")
        every = (message.first, message.last)
        self.versions = version_range(match["versions"].strip(), message.last) if match["versions"] else every
        self.nullable = None
        if match["nullable"]:
            self.nullable = version_range(match["nullable_versions"], message.last) if match["nullable_versions"] else self.versions
        self.tag = int(match["tag"]) if match["tag"] else None
        self.default = match["default"]
        self.fields = []
        self.owner = message

    @property
    def primitive(self):
        return self.type in INTEGERS or self.type in TEXTS or self.type in ("bool", "float64", "uuid")

    def item_type(self):
        if self.type in INTEGERS:
            return INTEGERS[self.type]
        if self.type in TEXTS:
            return "std::string_view" if self.owner.is_request else "std::string"
        return {"bool": "bool", "float64": "double", "uuid": "Uuid"}.get(self.type, self.type)

    def cpp_type(self):
        kind = f"std::vector<{self.item_type()}>" if self.array else self.item_type()
        return f"std::optional<{kind}>" if self.nullable or self.type == "records" else kind

    def initial(self):
        if self.default == "null":
            return ""
        if self.nullable and (self.array or self.type == "string"):
            return f" = {self.cpp_type().removeprefix('std::optional<')[:-1]}()"
        if self.array or self.type in TEXTS or not self.primitive:
            return ""
        if self.type == "uuid":
            return "{}"
        if self.type == "bool":
            return f" = {self.default or 'false'}"
        value = self.default or "0"
        return " = std::numeric_limits<int32_t>::min()" if value == "-2147483648" else f" = {value}"

    def nullable_now(self):
        return "true" if self.nullable == self.versions else f"c.In({self.nullable[0]}, {self.nullable[1]})"

    def visit(self):
        """The statement that passes this field to the codec."""
        if self.array:
            each = "c.Value(item)" if self.primitive else "item.Visit(c)"
            extra = f", {self.nullable_now()}" if self.nullable else ""
            return f"c.Array({self.name}{extra}, [&]({self.item_type()}& item) {{ {each}; }});"
        if not self.primitive:
            return f"{self.name}.Visit(c);"
        if self.type == "records":
            return f"c.Records({self.name});"
        call = "Bytes" if self.type == "bytes" else "Value"
        return f"c.{call}({self.name}{', ' + self.nullable_now() if self.nullable else ''});"

    def condition(self):
        return None if self.versions == (self.owner.first, self.owner.last) else f"if (c.In({self.versions[0]}, {self.versions[1]})) "


class Message:
    """The request or the response of one API."""

    HEAD = re.compile(r"(request|response) (\d+) versions (\d+)-(\d+)( flexible (\d+)\+)?")

    def __init__(self, api, text):
        match = self.HEAD.fullmatch(text)
        if not match:
            raise DescriptionError(f"not a message: {text!r}")
        self.is_request = match[1] == "request"
        self.name = api + match[1].capitalize()
        self.key, self.first, self.last = int(match[2]), int(match[3]), int(match[4])
        self.flexible = int(match[6]) if match[6] else MAX
        self.fields = []


def parse(path):
    """The messages of one description, in their order."""
    messages, stack = [], []
    api = "".join(word.capitalize() for word in path.stem.split("_"))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.split("#")[0].rstrip()
        if not text.strip():
            continue
        depth = len(text) - len(text.lstrip(" "))
        try:
            if depth == 0:
                messages.append(Message(api, text))
                stack = [messages[-1]]
                continue
            if depth % 2 or depth // 2 > len(stack):
                raise DescriptionError("indented wrongly")
            del stack[depth // 2:]
            field = Field(text.strip(), messages[-1])
            stack[-1].fields.append(field)
            stack.append(field)
        except (DescriptionError, IndexError) as error:
            sys.exit(f"{path}:{number}: {error}")
    return messages


def structs(fields):
    """Struct types below these fields, each before its first use."""
    seen = {}
    for field in fields:
        for name, found in structs(field.fields).items():
            seen.setdefault(name, found)
        if not field.primitive and field.fields:
            seen.setdefault(field.type, field.fields)
    return seen


def declare(name, fields, out, indent, extra=()):
    out.append(f"{indent}struct {name} {{")
    out.extend(f"{indent}  {line}" for line in extra)
    if not extra:
        pass
    else:
        for child, below in structs(fields).items():
            declare(child, below, out, indent + "  ")
    out.extend(f"{indent}  {field.cpp_type()} {field.name}{field.initial()};" for field in fields)
    out.append(f"{indent}  void Visit(Codec& c);")
    out.append(f"{indent}  bool operator==(const {name}&) const = default;")
    out.append(f"{indent}}};")


def define(scope, fields, out):
    out.append(f"void {scope}::Visit(Codec& c) {{")
    for field in (f for f in fields if f.tag is None):
        out.append(f"  {field.condition() or ''}{field.visit()}")
    tagged = sorted((f for f in fields if f.tag is not None), key=lambda f: f.tag)
    if not tagged:
        out.append("  NoTags(c);")
    else:
        out.append("  if (!c.flexible()) return;")
        out.append(f"  static const {scope} defaults;")
        out.append("  c.BeginTags();")
        for field in tagged:
            out.append(f"  {field.condition() or ''}c.Tag({field.tag}, {field.name} != defaults.{field.name}, [&] {{ {field.visit()} }});")
        out.append("  c.EndTags();")
    out.append("}")


def header(messages):
    out = ["#pragma once", "// Generated by protocol/generate.py.", "#include <limits>", '#include "broker/protocol/codec.h"',
           "namespace tarn::broker {"]
    for message in messages:
        declare(message.name, message.fields, out, "", [
            f"static constexpr int16_t kApiKey = {message.key};",
            f"static constexpr int kVersionMin = {message.first}, kVersionMax = {message.last}, kFlexibleFrom = {message.flexible};",
        ])
    return "\n".join(out + ["}", ""])


def source(apis):
    out = ["// Generated by protocol/generate.py."]
    out += [f'#include "kafka_messages/{stem}.h"' for stem in apis]
    out.append("namespace tarn::broker {")
    for messages in apis.values():
        for message in messages:
            for name, fields in structs(message.fields).items():
                define(f"{message.name}::{name}", fields, out)
            define(message.name, message.fields, out)
    return "\n".join(out + ["}", ""])


def listing(apis):
    """All messages as an X macro, for tests that go over all of them."""
    names = [message.name for messages in apis.values() for message in messages]
    out = ["#pragma once", "// Generated by protocol/generate.py."]
    out += [f'#include "kafka_messages/{stem}.h"' for stem in apis]
    return "\n".join(out + ["#define TARN_KAFKA_MESSAGES(X) " + " ".join(f"X({name})" for name in names), ""])


def write(path, text):
    """Leaves an unchanged file alone, so that nothing is compiled for nothing."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("descriptions", nargs="+", type=pathlib.Path)
    arguments.add_argument("--out", required=True, type=pathlib.Path)
    options = arguments.parse_args()
    folder = options.out / "kafka_messages"
    folder.mkdir(parents=True, exist_ok=True)
    apis = {path.stem: parse(path) for path in sorted(options.descriptions)}
    for stem, messages in apis.items():
        write(folder / f"{stem}.h", header(messages))
    write(folder / "all.h", listing(apis))
    write(folder / "messages.cc", source(apis))


if __name__ == "__main__":
    main()

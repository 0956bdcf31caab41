"""The program as a user runs it, for the tests of this folder."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("TARN_BUILD_DIR", SOURCE / "build")) / "tarn"
EXAMPLE = SOURCE / "examples" / "clickstream"
SILVER = "clickstream.clickstream_events_delta"
ERRORS = "clickstream.clickstream_errors"


def free_port_offset() -> int:
    """An offset under which all default ports are free now."""
    while True:
        offset = random.SystemRandom().randrange(1_000, 40_000)
        try:
            for port in (9092, 8080):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return offset
        except OSError:
            continue


def wait_until(condition, what: str, seconds: float = 60):
    """The first true value of condition(); fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


class Tarn:
    """One data directory under `folder`, with ports of its own."""

    def __init__(self, folder: Path, project: Path = EXAMPLE):
        self.project, self.data = project, folder / "data"
        self.output = folder / "up.log"
        self.offset = free_port_offset()
        self.kafka, self.http = f"127.0.0.1:{9092 + self.offset}", f"http://127.0.0.1:{8080 + self.offset}"
        self.process: subprocess.Popen | None = None
        self.variables: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        return os.environ | {"TARN_PORT_OFFSET": str(self.offset)} | self.variables

    def place(self) -> list[str]:
        return ["--project", str(self.project), "--data-dir", str(self.data)]

    def run(self, *args: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([PROGRAM, *args, *self.place()], input=stdin, capture_output=True, text=True, env=self.environment())
        assert done.returncode == code, f"{args} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def sql(self, statement: str) -> list[dict]:
        return [json.loads(line) for line in self.run("sql", "--json", statement).stdout.splitlines()]

    def generate(self, events: int, *args: str) -> dict:
        done = self.run("generate", "clickstream", "--events", str(events), "--json", *args)
        return json.loads(done.stdout.splitlines()[-1])

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def status(self) -> dict:
        return json.loads(self.get("/api/v1/status")[1])

    def stream(self) -> dict:
        return self.status()["streams"][0]

    def start(self, *args: str, wait_healthy: bool = True) -> None:
        with open(self.output, "a") as log:
            self.process = subprocess.Popen([PROGRAM, "up", "--no-generators", *args, *self.place()], stdout=log,
                                            stderr=subprocess.STDOUT, env=self.environment())
        if wait_healthy:
            wait_until(lambda: self.alive() and self.get("/healthz")[0] == 200, "healthy")

    def alive(self) -> bool:
        assert self.process.poll() is None, "tarn up ended:\n" + self.output.read_text()
        return True

    def settle(self, produced: int) -> dict:
        """Waits until each of `produced` records is stored, dropped or dead; returns the stream's status."""

        def settled():
            stream = self.stream()
            done = stream["stored"] + stream["duplicates"] + stream["dead_letters"]
            return stream if done >= produced and stream["lag"] == 0 else None

        return wait_until(settled, f"{produced} records settled")

    def stop(self, sig: int = signal.SIGTERM) -> int:
        self.process.send_signal(sig)
        code = self.process.wait(timeout=60)
        self.process = None
        return code

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def copy_example(folder: Path, change) -> Path:
    """A copy of the example whose tarn.yml went through change(text)."""
    project = folder / "project"
    shutil.copytree(EXAMPLE, project)
    config = project / "tarn.yml"
    changed = change(config.read_text())
    assert changed != config.read_text()
    config.write_text(changed)
    return project

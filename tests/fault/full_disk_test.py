"""A full disk: health says so, nothing is acknowledged that is not there, and all goes on by itself when there is room again."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import ledger  # noqa: E402
from kill_test import SEED, World  # noqa: E402


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def wait_for_health(world: World, status: int) -> str:
    deadline = time.monotonic() + 60
    while True:
        code, body = world.health()
        if code == status:
            return body
        assert time.monotonic() < deadline, f"health is {code}, not {status}: {body}"
        time.sleep(0.05)


def fill(folder: Path) -> Path:
    """Takes all the room that is left."""
    filler = folder / "filler"
    with open(filler, "ab", buffering=0) as out:
        for block in (1 << 20, 4096, 1):
            try:
                while True:
                    out.write(bytes(block))
            except OSError:
                continue
    return filler


def test_a_full_disk_is_reported_and_survived(tmp_path, small_disk):
    print(f"seed {SEED} (TARN_SEED={SEED} repeats this run)")
    rng = random.Random(SEED)
    world = World(tmp_path, small_disk / "data")
    producer = None
    try:
        world.start()
        world.wait_healthy()
        producer = ledger.Producer(world.kafka, SEED, rate=300)
        producer.start()
        for _ in range(3):
            before = len(producer.acknowledged)
            while len(producer.acknowledged) < before + 200:
                time.sleep(0.01)
            filler = fill(small_disk)
            problem = wait_for_health(world, 503)
            assert "space" in problem or "full" in problem, problem
            time.sleep(rng.uniform(0, 1))
            os.truncate(filler, 0)
            wait_for_health(world, 200)
        producer.finish()
        world.check(producer)
    finally:
        if producer:
            producer.stopping.set()
        if world.process and world.process.poll() is None:
            world.kill()
        world.log.close()

"""A second Tarn is the Kafka of the first."""

import signal

import pytest

from any_kafka import *  # noqa: F403
from tarn_program import Tarn


class TarnAsKafka:
    def __init__(self, folder):
        (folder / "tarn.yml").write_text("name: log\n")  # a log and nothing that reads it
        self.tarn = Tarn(folder, folder)
        self.address = self.tarn.kafka

    def start(self):
        self.tarn.start()

    def stop(self):
        self.tarn.stop()

    def kill(self):
        self.tarn.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    server = TarnAsKafka(tmp_path_factory.mktemp("log"))
    server.start()
    yield server
    server.tarn.end()

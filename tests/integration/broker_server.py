"""A broker process of a test's own: temp folder, free port, killed by pid."""
import contextlib
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile

BUILD = pathlib.Path(os.environ.get("TARN_BUILD_DIR", "build"))


class BrokerServer:
    def __init__(self, directory):
        self.directory = directory
        self.process = None
        self.port = 0

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen([BUILD / "tarn_broker_server", self.directory, str(self.port)], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.strip(), "the broker did not start"
        self.port = int(line)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Stops as an operator does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def running(self):
        return self.process.poll() is None


@contextlib.contextmanager
def broker_server():
    with tempfile.TemporaryDirectory(prefix="tarn-broker-") as directory:
        server = BrokerServer(os.path.join(directory, "log")).start()
        try:
            yield server
        finally:
            if server.running():
                server.kill()


class RawConnection:
    """Frames by hand, for what no client library would send."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)

    def send(self, key, version, correlation, body, header_tags=b""):
        client = b"raw"
        frame = struct.pack(">hhih", key, version, correlation, len(client)) + client + header_tags + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self):
        """The next answer, or None when the broker closed the connection."""
        size = self._exactly(4)
        return None if size is None else self._exactly(struct.unpack(">i", size)[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not piece:
                return None
            data += piece
        return data

    def close(self):
        self.socket.close()

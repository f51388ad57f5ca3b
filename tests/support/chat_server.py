"""A chat server in a thread that does what a test has it do, and remembers what it was asked."""

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DROP, NEVER = "drop", "never"
"""What else an answer may be: a connection that ends, and a body that never does."""


def says(text, *, finish="stop", model="tiny", **message):
    """A proper answer; further fields go into its message."""
    choice = {"index": 0, "finish_reason": finish}
    choice["message"] = {"role": "assistant", "content": text, **message}
    return body({"model": model, "choices": [choice], "usage": {"total_tokens": 7}})


def body(found, status=200, **headers):
    """Any object as an answer."""
    return status, {name.replace("_", "-"): v for name, v in headers.items()}, json.dumps(found)


def pools(value, model="tiny"):
    """A score, as vLLM's `/pooling` tells one."""
    return body({"model": model, "data": [{"index": 0, "data": [value]}], "usage": {}})


def fails(status, message="broken", **headers):
    """An error, as servers tell one."""
    return body({"error": {"message": message}}, status, **headers)


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict
    body: dict
    times: int = 1
    """How often this very question has been asked, this time included."""

    @property
    def text(self):
        """The content of the last message."""
        return self.body["messages"][-1]["content"]


@dataclass
class ChatServer:
    """`answer(asked)` gives (status, headers, text), `DROP`, `NEVER`, or bytes to be cut short."""

    answer: object = lambda asked: says(f"re: {asked.text}")
    models: tuple = ("tiny",)
    without_list: int = 404
    """What is answered to who wants the list of no models."""
    seen: list = field(default_factory=list)
    most: int = 0
    """Requests that were under way at once, at most."""

    def __enter__(self):
        self._times, self._lock, self._now = Counter(), threading.Lock(), 0
        self.stopping = threading.Event()
        self._http = Listening(("127.0.0.1", 0), handler(self))
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def texts(self):
        """The questions that were asked, in order."""
        return [asked.text for asked in self.seen]

    def reply(self, path, headers, found):
        """Return what is to be sent."""
        asked = Asked(path, headers, found)
        with self._lock:
            self.seen.append(asked)
            question = json.dumps(found.get("messages") or found)
            self._times[question] += 1
            asked.times = self._times[question]
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            return self.answer(asked)
        finally:
            with self._lock:
                self._now -= 1


class Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # more at once than tests ask


def handler(stub):
    """The class that serves a stub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError):  # who asked may go at any time
                super().handle()

        def do_GET(self):
            listed = {"data": [{"id": name} for name in stub.models]}
            self.send(body(listed) if stub.models else fails(stub.without_list))

        def do_POST(self):
            size = int(self.headers["content-length"])
            found = json.loads(self.rfile.read(size))
            self.send(stub.reply(self.path, dict(self.headers), found))

        def send(self, answer):
            self.close_connection = not isinstance(answer, tuple)
            try:
                if answer == DROP:
                    return
                status, headers, text = answer if isinstance(answer, tuple) else (200, {}, answer)
                data = text.encode() if isinstance(text, str) else text
                whole = answer == NEVER or isinstance(answer, bytes)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data) + (1 << 20) * whole))
                self.end_headers()
                self.wfile.write(data)
                while answer == NEVER and not stub.stopping.is_set():
                    time.sleep(0.02)
                    self.wfile.write(b" ")
            except OSError:
                pass  # who asked has gone

    return Handler

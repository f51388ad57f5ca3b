"""A program that takes the arguments of `vllm serve` and answers as vLLM does, without a model.

It goes on with `<adapter or base>:<last id>` in token ids of the tiny tokenizer, starts a worker,
and writes its own process id and the worker's to $FAKE_VLLM_PIDS. $FAKE_VLLM says what goes wrong:
`dies` at the start, `silent` (never answers), `dies-later` (at the second question), `stubborn`
(ignores SIGTERM).
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tokenizers import Tokenizer

MOOD = os.environ.get("FAKE_VLLM", "")


def option(name, default=None):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def main():
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(os.environ["FAKE_VLLM_PIDS"], "a") as file:
        file.write(f"{os.getpid()}\n{worker.pid}\n")
    with open(os.environ["FAKE_VLLM_PIDS"] + ".argv", "a") as file:
        file.write(json.dumps(sys.argv[1:]) + "\n")
    print("loading weights", flush=True)
    if MOOD == "dies":
        sys.exit("RuntimeError: no room for the key-value cache")
    if MOOD == "silent":
        time.sleep(600)
    if MOOD == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Fake((option("--host"), int(option("--port"))), Handler).serve_forever(0.01)


class Fake(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    asked = 0


ADAPTERS = {}
if "--lora-modules" in sys.argv:
    ADAPTERS.update([option("--lora-modules").split("=", 1)])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/version":
            return self.send({"version": "0.0"})
        base = {"id": option("--served-model-name"), "parent": None, "max_model_len": 512}
        more = [{"id": name, "parent": base["id"]} for name in ADAPTERS]
        return self.send({"data": [base, *more]})

    def do_POST(self):
        found = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked += 1
        if MOOD == "dies-later" and self.server.asked > 1:
            print("EngineDeadError: the engine is gone", flush=True)
            os._exit(1)
        if self.path == "/tokenize":
            tokenizer = Tokenizer.from_file(f"{sys.argv[2]}/tokenizer.json")
            return self.send({"tokens": tokenizer.encode(found["prompt"]).ids})
        if self.path == "/v1/load_lora_adapter":
            ADAPTERS[found["lora_name"]] = found["lora_path"]
            return self.send({})
        if self.path == "/v1/unload_lora_adapter":
            del ADAPTERS[found["lora_name"]]
            return self.send({})
        who = "tuned" if found["model"] in ADAPTERS else "plain"
        words = [b - 33 for b in f"{who}:{found['prompt'][-1]}".encode()]  # ids of the tiny bytes
        choice = {"index": 0, "finish_reason": "stop", "token_ids": words}
        return self.send({"model": found["model"], "choices": [choice]})

    def send(self, found):
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def installed(folder):
    """Write it as a program `vllm` into a folder; returns its path."""
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
    program.chmod(0o755)
    return str(program)


def alive(pids):
    """Which of the processes in a file still run, after they had time to end."""
    for _ in range(100):
        left = [int(line) for line in pids.read_text().split() if running(int(line))]
        if not left:
            break
        time.sleep(0.05)
    return left


def running(pid):
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


if __name__ == "__main__":
    main()

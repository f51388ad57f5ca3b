"""vLLM: which program, with which arguments, on which folder; and the servers it starts."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mods import ModsError, SettingsError
from mods_plugins.hf.adapters import ADAPTER, base_of
from mods_plugins.hf.loading import load_causal_model, load_tokenizer, quiet
from mods_plugins.hf.locate import locate
from mods_plugins.openai.client import Client
from mods_plugins.openai.endpoints import COMPLETIONS, Written
from mods_plugins.openai.server import Server
from mods_plugins.processes import free_port
from mods_plugins.serving.process import HERE, ServerProcess

logger = logging.getLogger(__name__)

PROGRAM = "MODS_VLLM"
"""The variable that names the program. No option does: a recipe of somebody else could run any."""
TAKEN = (
    "max-model-len", "max-num-seqs", "max-num-batched-tokens", "max-loras", "block-size",
    "enforce-eager", "enable-prefix-caching", "no-enable-prefix-caching", "enable-chunked-prefill",
    "no-enable-chunked-prefill", "quantization", "kv-cache-dtype", "gpu-memory-utilization",
    "cpu-offload-gb", "tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size",
)  # fmt: skip
"""Further arguments that may be given: of speed and memory. Others open the server, or run code."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks of adapters that vLLM can make room for."""
ENDING = 5.0
"""Seconds that a server which no longer answers may take to end."""
QUIET = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
"""vLLM would tell its makers how it is used."""


def program() -> str:
    """Return the path of the program `vllm`; `SettingsError` where there is none.

    It is the one that MODS_VLLM names, else one beside this Python, else one where programs are.
    """
    if os.name == "nt":
        raise SettingsError("vLLM does not run on Windows: give a server that runs, server=URL")
    named = os.environ.get(PROGRAM, "")
    beside = Path(sys.executable).with_name("vllm")
    if named:
        found = shutil.which(str(Path(named).expanduser()))
    else:
        found = str(beside) if beside.is_file() else shutil.which("vllm")
    if found is None:
        raise SettingsError(
            f"there is no program {named or 'vllm'!r}: install vLLM into an environment of its own "
            f"and name it with {PROGRAM}=ENVIRONMENT/bin/vllm (an environment variable), or give a "
            "server that runs with server=URL"
        )
    return found


def further(arguments: str) -> list[str]:
    """Return further arguments of vLLM, split as a shell would; refuses those not in `TAKEN`."""
    try:
        found = shlex.split(arguments)
    except ValueError as error:
        raise SettingsError(f"`arguments` {arguments!r}: {error}") from error
    for word in found:
        name = word.partition("=")[0].replace("_", "-")
        if name.startswith("-") and name[2:] not in TAKEN:
            raise SettingsError(
                f"`arguments` cannot hold {name}, only what is of speed and memory: "
                f"{', '.join(TAKEN)}. For others start vLLM yourself and give server=URL"
            )
    return found


def servable(model: str, revision: str | None, dtype: str, folder: Path) -> str:
    """Return what vLLM can load for a model: its name, or `folder`, where it is then saved.

    Hub ids and folders with safetensors go as they are. A GGUF file, a model inside a package, an
    adapter and other weights are written out as a safetensors folder, once.
    """
    found = Path(locate(model))
    plain = found.is_dir() and any(found.glob("*.safetensors")) and base_of(model) is None
    if plain or not found.exists():
        return str(found) if plain else model
    if not folder.exists():
        logger.info("vllm: writing %s as a safetensors folder, which vLLM wants", model)
        draft = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        network = load_causal_model(model, revision=revision, device="cpu", dtype=dtype)
        with quiet():
            network.save_pretrained(draft)
            load_tokenizer(model, revision=revision).save_pretrained(draft)
        draft.rename(folder)
    return str(folder)


def rank_of(adapter: Path) -> int:
    """Return the rank of an adapter; `ModsError` for one that vLLM has no room for."""
    config: dict[str, Any] = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))
    rank = int(config.get("r", 0))
    if not 0 < rank <= RANKS[-1]:
        raise ModsError(f"vLLM loads adapters up to rank {RANKS[-1]}, not {rank}")
    return rank


@dataclass(frozen=True)
class Launch:
    """How vLLM is started."""

    arguments: str
    dtype: str
    revision: str | None
    length: int
    """Tokens of prompt and answer together, at most."""
    seconds: float
    """It must answer within."""

    def start(self, model: str, name: str, adapter: Path | None, asked: Server) -> RunningVLLM:
        """Serve a model, with an adapter or without, under a name; waits until it answers."""
        port = free_port()
        base = f"{name}-base" if adapter else name
        given = further(self.arguments)
        command = [program(), "serve", model, "--host", HERE, "--port", str(port)]
        command += ["--served-model-name", base, "--dtype", self.dtype]
        command += ["--generation-config", "vllm"]  # no decoding but that of the run
        if not any(word.startswith("--max-model-len") for word in given):
            command += ["--max-model-len", str(self.length)]
        if self.revision is not None:
            command += ["--revision", self.revision]
        if adapter is not None:
            room = next(rank for rank in RANKS if rank >= rank_of(adapter))
            command += ["--enable-lora", "--max-lora-rank", str(room)]
            command += ["--lora-modules", f"{name}={adapter}"]
        process = ServerProcess("vllm", [*command, *given], QUIET)
        try:
            process.wait(port, "/health", self.seconds)
            server = Server(
                f"http://{HERE}:{port}/v1", name, "", "", asked.concurrency, asked.retries,
                asked.timeout,
            )  # fmt: skip
            return RunningVLLM(Client(server, COMPLETIONS), process)
        except BaseException:
            process.stop()
            raise


class RunningVLLM:
    """A vLLM that we started, with the one model that it was started for."""

    def __init__(self, client: Client[Written], process: ServerProcess) -> None:
        self.client, self._process = client, process

    def lost(self, error: ModsError) -> ModsError:
        """Say why it no longer answers: with the end of its log, if it has died."""
        try:
            self._process.check(ENDING)
        except ModsError as ended:
            return ended
        return error

    def stop(self) -> None:
        """Stop it."""
        self._process.stop()


class GivenVLLM:
    """A vLLM that somebody else started, and which takes adapters while it runs."""

    def __init__(self, server: Server, adapter: Path | None, name: str) -> None:
        """Load an adapter under a name; without one the served model itself is asked.

        Raises `ModsError` if the server does not take it.
        """
        self._asked = server
        base, _ = served_base(server)
        self._name = name if adapter else ""
        if adapter is not None:
            self._load(adapter, name)
        self.client = Client(_named(server, name if adapter else base), COMPLETIONS)

    def _load(self, adapter: Path, name: str) -> None:
        fields = {"lora_name": name, "lora_path": str(adapter.resolve())}
        status, body, _ = self._other.once("POST", "/load_lora_adapter", fields)
        if status == 200 or b"already been loaded" in body:  # by an earlier run that was killed
            return
        told = body[:300].decode("utf-8", "replace")
        raise self._other.lost(
            f"does not load the adapter {adapter} (HTTP {status}: {told}). It must see this folder "
            "under the same path, and be started with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, "
            "--enable-lora and --max-lora-rank of at least `tuning.lora_rank`"
        )

    @property
    def _other(self) -> Client[Written]:
        return Client(self._asked, COMPLETIONS)

    def lost(self, error: ModsError) -> ModsError:
        """Return what went wrong as it is."""
        return error

    def stop(self) -> None:
        """Have it forget the adapter, if it is still there."""
        if self._name:
            with suppress(ModsError):
                self._other.once("POST", "/unload_lora_adapter", {"lora_name": self._name})


def served_base(server: Server) -> tuple[str, int | None]:
    """Return the name of the one whole model that a vLLM serves, and the tokens it takes."""
    client = Client(server, COMPLETIONS)
    body = client.listed() or b"{}"
    try:
        listed = [one for one in json.loads(body)["data"] if not one.get("parent")]
        (base,) = listed
        length = base.get("max_model_len")
        return str(base["id"]), length if type(length) is int else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise client.lost("has no list of one model and its adapters: is it a vLLM?") from error


def version_of(server: Server) -> str:
    """Return which vLLM answers, `unknown` where it does not say."""
    client = Client(_named(server, server.model, server.root.removesuffix("/v1")), COMPLETIONS)
    status, body, _ = client.once("GET", "/version")
    try:
        return str(json.loads(body)["version"]) if status == 200 else "unknown"
    except (ValueError, TypeError, KeyError):
        return "unknown"


def check_same_tokens(server: Server, base: str, text: str, ids: Sequence[int]) -> None:
    """Refuse a server that cuts a text into other tokens than ours: it has another model."""
    root = _named(server, base, server.root.removesuffix("/v1"))
    client = Client(root, COMPLETIONS)
    fields = {"model": base, "prompt": text, "add_special_tokens": False}
    status, body, _ = client.once("POST", "/tokenize", fields)
    try:
        found = json.loads(body)["tokens"] if status == 200 else None
    except (ValueError, TypeError, KeyError):
        found = None
    if found != list(ids):
        raise client.lost(
            f"the served model {base!r} has another tokenizer than the given model"
            if found is not None
            else f"does not tokenize (HTTP {status}), so it cannot be told which model it serves"
        )


def _named(server: Server, model: str, root: str = "") -> Server:
    """Return a server with another model and address, asked in the same way."""
    return Server(
        root or server.base_url, model, "", server.key_env, server.concurrency, server.retries,
        server.timeout,
    )  # fmt: skip

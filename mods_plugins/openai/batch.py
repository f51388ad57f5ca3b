"""Requests in bulk: written as an OpenAI batch file, answered elsewhere, and read when they come.

A folder holds what was asked (`requests-001.jsonl`, …, in the form that services and `vllm
run-batch` take) and the results that were taken (`results.jsonl`). A request goes by the id of its
record and a digest of its body: other options ask anew, and no result is taken for another.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import orjson

from mods import ModsError, SettingsError, Unscorable, spent
from mods.files import make_folder, write_lines
from mods_plugins.openai.endpoints import CHAT, Done, Fields
from mods_plugins.openai.replies import Denied, Failed, Refused, Reply, failure
from mods_plugins.openai.server import Server

MOST = 50_000
"""Requests in a file, which is what OpenAI takes."""
URL = "/v1/chat/completions"
RESULTS = "results.jsonl"


class Asked(NamedTuple):
    """A request in a file."""

    id: str
    body: dict[str, Any]

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.body.get("model", ""))


@dataclass
class Read:
    """What was found in files of results, by the ids of requests."""

    answered: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that are not answered, however often they are asked, by reason."""
    failed: Counter[str] = field(default_factory=Counter)
    """Requests that are asked again, by reason."""
    foreign: list[str] = field(default_factory=list)
    """Ids that nobody asked for."""
    repeated: int = 0
    """Results that were there already, the same."""
    contradicting: list[str] = field(default_factory=list)
    """Ids with two different results: the first is kept."""
    unread: list[str] = field(default_factory=list)
    """Places of lines that are no results, with the reason."""
    missing: int = 0
    """Requests that still have no result."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**vars(self), "refused": dict(self.refused), "failed": dict(self.failed)}


class BatchFolder:
    """A folder of requests and their results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def files(self) -> list[Path]:
        """The files of requests, oldest first."""
        return sorted(self.folder.glob("requests-*.jsonl"))

    def asked(self) -> dict[str, Asked]:
        """Return all requests that were ever written, by id."""
        return {one.id: one for file in self.files for one in _requests(file)}

    @cached_property
    def results(self) -> dict[str, tuple[int, bytes]]:
        """What was taken, by id: status and body."""
        file = self.folder / RESULTS
        lines = file.read_bytes().splitlines() if file.is_file() else []
        found = [orjson.loads(line) for line in lines]
        return {one["custom_id"]: (one["status"], orjson.dumps(one["body"])) for one in found}

    def write(self, requests: Sequence[tuple[str, bytes]]) -> Path:
        """Write requests, ids and bodies, to a new file, unless the newest holds the very same."""
        requests = requests[:MOST]
        files = self.files
        if files and [one.id for one in _requests(files[-1])] == [name for name, _ in requests]:
            return files[-1]
        make_folder(self.folder)
        file = self.folder / f"requests-{len(files) + 1:03}.jsonl"
        write_lines(file, (_line(name, body) for name, body in requests))
        return file

    def read(self, files: Iterable[Path]) -> Read:
        """Take the results in some files, and say what was in them.

        Raises `SettingsError` if nothing was asked here or a file cannot be read.
        """
        asked, found, uncertain = self.asked(), Read(), dict[str, str]()
        if not asked:
            raise SettingsError(f"{self.folder} holds no requests: a run with batch= writes them")
        kept, failed = dict(self.results), dict[str, str]()
        for place, line in _lines(files):
            self._take(place, line, asked, kept, failed, uncertain, found)
        if all(status != 200 for status, _ in kept.values()):
            # A bad option of ours is refused in the same way as a bad row.
            failed |= uncertain
            kept = {name: result for name, result in kept.items() if name not in uncertain}
            found.refused -= Counter(uncertain.values())
        found.failed = Counter(reason for name, reason in failed.items() if name not in kept)
        found.missing = len(asked.keys() - kept.keys() - failed.keys())
        lines = (_kept(name, *kept[name]) for name in sorted(kept))
        write_lines(self.folder / RESULTS, lines)
        self.__dict__.pop("results", None)
        return found

    def _take(
        self, place: str, line: bytes, asked: Mapping[str, Asked],
        kept: dict[str, tuple[int, bytes]], failed: dict[str, str], uncertain: dict[str, str],
        found: Read,
    ) -> None:  # fmt: skip
        """Take one line of a file of results."""
        try:
            name, status, body = _result(line)
        except ValueError as error:
            found.unread.append(f"{place}: {error}")
            return
        if name not in asked:
            found.foreign.append(name)
            return
        try:
            outcome(Server("http://127.0.0.1/v1", asked[name].model), status, body)
        except Failed as error:
            failed.setdefault(name, error.reason)
            return
        except Refused as error:
            reason = error.reason
            uncertain |= {} if error.certain else {name: reason}
        else:
            reason = ""
        if name not in kept:
            kept[name] = status, body
            found.answered += not reason
            found.refused.update([reason] if reason else [])
        elif _same(kept[name], (status, body)):
            found.repeated += 1
        else:
            found.contradicting.append(name)


class BatchClient:
    """Stands in for a `Client`: takes answers from a folder, and writes the requests of others."""

    def __init__(self, server: Server, folder: str) -> None:
        self.server, self.batch = server, BatchFolder(Path(folder).expanduser())

    def check(self) -> None:
        """Refuse a folder that is a file; no server is asked."""
        if self.batch.folder.exists() and not self.batch.folder.is_dir():
            raise SettingsError(f"`batch` {self.batch.folder} is a file: name a folder")

    def takes(self, common: Fields) -> bool:
        """Say yes: a service that takes batches keeps to a JSON schema."""
        return True

    def ask(
        self,
        requests: Sequence[Fields],
        common: Fields,
        names: Sequence[str],
        done: Done[Reply] | None = None,
    ) -> list[Reply | Unscorable]:
        """Return the answers that the folder holds; `names` are the ids of the records.

        Where some are missing their requests are written, and `ModsError` says where.
        """
        asked = [self._named(*pair, common) for pair in zip(names, requests, strict=True)]
        results = self.batch.results
        missing = {name: body for name, body in asked if name not in results}
        if missing:
            self._stop(self.batch.write(list(missing.items())), len(missing))
        found = [self._outcome(*results[name]) for name, _ in asked]
        spent(sum(reply.tokens for reply in found if isinstance(reply, Reply)))
        return found

    def _named(self, record: str, request: Fields, common: Fields) -> tuple[str, bytes]:
        fields = {"model": self.server.model, **common, **request}
        body = json.dumps({k: v for k, v in fields.items() if v is not None}).encode("ascii")
        return f"{record}-{hashlib.sha256(body).hexdigest()[:12]}", body

    def _outcome(self, status: int, body: bytes) -> Reply | Unscorable:
        try:
            return outcome(self.server, status, body)
        except (Refused, Failed) as error:
            return Unscorable(error.reason, lasting=isinstance(error, Refused))

    def _stop(self, file: Path, number: int) -> NoReturn:
        written = min(number, MOST)
        more = f" of {number:,}" if number > MOST else ""
        raise ModsError(
            f"{written:,}{more} requests wait for answers in {file}: have them answered as an "
            f"OpenAI batch, take the results with `mods batch read {self.batch.folder} FILE`, and "
            "give the same command again"
        )


def outcome(server: Server, status: int, body: bytes) -> Reply:
    """Return what a result says; raises `Refused`, or `Failed` for what is to be asked again."""
    if status != 200:
        error = failure(status, body, None)
        raise Failed(str(error)) if isinstance(error, Denied) else error
    reply = CHAT.read(body)
    if not server.knows(reply.model):
        raise Failed(f"{reply.model!r} answered where {server.model!r} was asked")
    return reply


def _requests(file: Path) -> list[Asked]:
    try:
        lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
        return [Asked(line["custom_id"], line["body"]) for line in lines]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{file} is no file of requests: {error}") from error


def _line(name: str, body: bytes) -> bytes:
    head = orjson.dumps({"custom_id": name, "method": "POST", "url": URL})
    return head[:-1] + b',"body":' + body + b"}"


def _kept(name: str, status: int, body: bytes) -> bytes:
    return orjson.dumps({"custom_id": name, "status": status, "body": orjson.loads(body)})


def _lines(files: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of files with their places, empty ones left out."""
    for file in files:
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            raise SettingsError(f"{file} cannot be read: {error.strerror or error}") from error
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield f"{file}:{number}", line


def _result(line: bytes) -> tuple[str, int, bytes]:
    """Return id, status and body of a line; `ValueError` for what is no result."""
    try:
        found = orjson.loads(line)
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from error
    if not isinstance(found, dict) or not isinstance(found.get("custom_id"), str):
        raise ValueError("no `custom_id`")
    response, told = found.get("response"), found.get("error")
    if isinstance(response, dict):
        status = response.get("status_code")
        if type(status) is int and response.get("body") is not None:
            return found["custom_id"], status, orjson.dumps(response["body"])
    if told:  # the service did not come to it: expired, cancelled
        return found["custom_id"], 500, orjson.dumps({"error": told})
    raise ValueError("neither `response` with `status_code` and `body`, nor `error`")


def _same(one: tuple[int, bytes], other: tuple[int, bytes]) -> bool:
    return one[0] == other[0] and bool(orjson.loads(one[1]) == orjson.loads(other[1]))

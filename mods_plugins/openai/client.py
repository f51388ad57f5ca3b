"""Asks a chat server many requests at once; what fails is asked again, what is lost is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from mods import ModsError, Unscorable, spent
from mods.offline import check_online, is_here
from mods_plugins.openai.endpoints import Done, Endpoint, Fields, Said
from mods_plugins.openai.pace import Pace, asked_to_wait, pause
from mods_plugins.openai.replies import Denied, Failed, Refused, failure
from mods_plugins.openai.server import Server

if TYPE_CHECKING:
    import ssl

    import httpx2

Value = TypeVar("Value")

CONNECT = 30.0
"""Seconds for a connection."""
LISTING = 60.0
"""Seconds for the list of models."""
NO_LIST = (404, 405, 500, 501)
"""Statuses of servers without such a list; `transformers serve` fails on its own without models
in the hub's cache."""
PATIENCE = 900.0
"""A server that wants to be left alone for more seconds ends the run, which goes on later."""
MOST_BYTES = 64 << 20
"""A longer body is no answer."""
TIMED_OUT = 3
"""A request that ran out of time counts as so many tries: each costs that time."""
KEPT = "finished batches are kept, the same command goes on"


class Client(Generic[Said]):
    """One endpoint of a server, asked from this process."""

    def __init__(self, server: Server, endpoint: Endpoint[Said]) -> None:
        self.server, self.endpoint = server, endpoint
        self._pace = Pace(server.concurrency)
        self._limit_name = "max_tokens"
        """Newer endpoints take another name for the same."""

    def ask(
        self,
        requests: Sequence[Fields],
        common: Fields,
        names: Sequence[str] = (),
        done: Done[Said] | None = None,
    ) -> list[Said | Unscorable]:
        """Return the reply to each request, in order; `Unscorable` with the reason without one.

        `common` are fields of all requests; `names`, the ids of the records, matter to batches
        alone; `done` is told each reply as it comes, with its place.

        Failures that pass (no room, no connection, time, a body that is cut) are asked again after
        a pause. A request that fails for good has no answer, this time, if the server still
        answers others; else the run ends.

        Raises `ModsError` if the server is gone, refuses the key, the model or the common fields,
        or another model answers.
        """
        if not requests:
            return []
        found = _run(
            lambda: self._session(lambda http: Asking(self, http, common).all(requests, done))
        )
        spent(sum(reply.tokens for reply in found if not isinstance(reply, Unscorable)))
        return found

    def takes(self, common: Fields) -> bool:
        """Say whether the server answers a request with these fields; raises as `ask` does."""
        return _run(lambda: self._session(lambda http: Asking(self, http, common).probed()))

    def check(self) -> None:
        """Hold the model against the server's list; `ModsError` if nothing answers there."""
        if (body := self.listed()) is not None:
            self.server.check_listed(body)

    def listed(self) -> bytes | None:
        """Return the server's list of models, None if it has none; `ModsError` as `check`."""
        status, body, _ = self.once("GET", "/models")
        if status in (401, 403):
            raise self.lost(str(failure(status, b"", None)))
        if status not in (200, *NO_LIST):
            raise self.lost(str(failure(status, body, None)))
        return body if status == 200 else None

    def once(
        self, method: str, path: str, fields: Fields | None = None, *, seconds: float = LISTING
    ) -> tuple[int, bytes, float | None]:
        """Ask another path of the server, three times if it does not answer; see `_fetch`."""
        body = None if fields is None else json.dumps(fields).encode("ascii")
        return _run(lambda: self._session(lambda h: self._again(h, method, path, body, seconds)))

    def lost(self, reason: str) -> ModsError:
        """Return the error that ends a run."""
        return ModsError(self.server.hiding(f"the server {self.server.root}: {reason}"))

    def body(self, common: Fields, request: Fields) -> bytes:
        """Return a request as JSON in ASCII, in which lone surrogates of a row pass as escapes."""
        fields = {"model": self.server.model, **common, **request}
        fields = {name: value for name, value in fields.items() if value is not None}
        if "max_tokens" in fields:
            fields[self._limit_name] = fields.pop("max_tokens")
        return json.dumps(fields, ensure_ascii=True).encode("ascii")

    def learn(self, refused: Refused) -> bool:
        """Say whether a refusal names a field to be called otherwise; it is from then on."""
        renamed = "max_completion_tokens"
        if renamed not in refused.reason or self._limit_name == renamed:
            return False
        self._limit_name = renamed
        return True

    @property
    def pace(self) -> Pace:
        """How fast the server is asked; it outlives a call."""
        return self._pace

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """Whose certificates are trusted; slow to make, so once."""
        import httpx2

        return httpx2.create_ssl_context()

    async def post(self, http: httpx2.AsyncClient, body: bytes, seconds: float) -> Said:
        """Ask once; raises `Refused`, `Failed` or `Denied`."""
        status, content, wait = await self._fetch(http, "POST", self.endpoint.path, body, seconds)
        if status != 200:
            raise failure(status, content, wait)
        return self.endpoint.read(content)

    async def _again(
        self, http: httpx2.AsyncClient, method: str, path: str, body: bytes | None, seconds: float
    ) -> tuple[int, bytes, float | None]:
        for tried in range(1, 4):
            try:
                return await self._fetch(http, method, path, body, seconds)
            except Failed as error:
                if tried == 3:
                    raise self.lost(f"does not answer ({error.reason})") from None
            await asyncio.sleep(pause(tried))
        raise AssertionError

    async def _fetch(
        self, http: httpx2.AsyncClient, method: str, path: str, body: bytes | None, seconds: float
    ) -> tuple[int, bytes, float | None]:
        """Return status, body, and the seconds that the server asks to wait; within a time."""
        import httpx2

        async def exchange() -> tuple[int, bytes, float | None]:
            content = bytearray()
            url = self.server.root + path
            async with http.stream(method, url, content=body) as response:
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise Failed(f"an answer of more than {MOST_BYTES >> 20} MB")
                return response.status_code, bytes(content), asked_to_wait(response.headers)

        try:
            return await asyncio.wait_for(exchange(), seconds)
        except (asyncio.TimeoutError, httpx2.TimeoutException):
            raise Failed(f"no whole answer within {seconds:g} s", late=True) from None
        except httpx2.InvalidURL as error:
            raise self.lost(str(error)) from None
        except httpx2.RequestError as error:
            raise Failed(f"{type(error).__name__}: {error}".rstrip(": ")) from None

    async def _session(
        self, work: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Value]]
    ) -> Value:
        import httpx2

        check_online(self.server.root)
        async with httpx2.AsyncClient(
            headers=self.server.headers(),
            verify=self._trusted,
            timeout=httpx2.Timeout(None, connect=CONNECT),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            follow_redirects=False,  # to nobody that the user did not name
            # A proxy of the environment cannot reach what listens on this machine alone.
            trust_env=not is_here(urlsplit(self.server.root).hostname or ""),
        ) as http:
            return await work(http)


class Asking(Generic[Said]):
    """Requests under way, with the fields that they have in common."""

    def __init__(self, client: Client[Said], http: httpx2.AsyncClient, common: Fields) -> None:
        self.client, self.server, self.pace = client, client.server, client.pace
        self._http, self._common = http, common
        self._free = asyncio.Condition()
        self._under_way = 0
        self._answered = float("-inf")
        """When the last answer came."""
        self._alive: asyncio.Task[bool] | None = None
        self._tasks: list[asyncio.Future[Said | Unscorable]] = []

    async def all(
        self, requests: Sequence[Fields], done: Done[Said] | None
    ) -> list[Said | Unscorable]:
        """Ask all; the first error that ends the run ends the others, too."""

        async def one(at: int, request: Fields) -> Said | Unscorable:
            found = await self._one(request)
            if done is not None:
                done(at, found)
            return found

        self._tasks = [asyncio.ensure_future(one(*pair)) for pair in enumerate(requests)]
        try:
            return list(await asyncio.gather(*self._tasks))
        finally:
            left: list[asyncio.Future[Any]] = [*self._tasks]
            if self._alive is not None:
                left.append(self._alive)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _one(self, request: Fields) -> Said | Unscorable:
        """Ask one; an error that ends the run lets no other go out any more."""
        try:
            return await self._outcome(request)
        except ModsError:
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            raise

    async def _outcome(self, request: Fields) -> Said | Unscorable:
        """Return the reply, or why there is none; `ModsError` if the server answers nobody."""
        try:
            return await self._patiently(request)
        except Refused as error:
            if not error.certain and not await self._answers_others():
                raise self.client.lost(f"refuses every request: {error.reason}") from None
            return Unscorable(self.server.hiding(error.reason))
        except Failed as error:
            reason = f"no answer after {self.server.retries + 1} tries, at last {error.reason}"
            if error.busy or not await self._answers_others():
                raise self.client.lost(f"{reason}; {KEPT}") from None
            told = self.server.hiding(f"{reason}, while others are answered")
            return Unscorable(told, lasting=False)
        except Denied as error:
            raise self.client.lost(str(error)) from None

    async def _patiently(self, request: Fields) -> Said:
        tried = 0
        while True:
            sent = time.monotonic()
            try:
                async with self._turn():
                    sent = time.monotonic()
                    return await self._once(request, self.server.timeout)
            except Refused as error:
                if not self.client.learn(error):
                    raise
            except Failed as error:
                if error.busy or error.late:
                    self.pace.too_much(sent, error.wait)
                if (error.wait or 0) > PATIENCE:
                    raise self.client.lost(
                        f"asks to come back in {error.wait:.0f} s ({error.reason}); {KEPT}"
                    ) from None
                # A server that answers others meanwhile has only little room, and is not gone.
                if not (error.busy and self._answered > sent):
                    tried += TIMED_OUT if error.late else 1
                if tried > self.server.retries:
                    raise
                if error.wait is None:
                    await asyncio.sleep(pause(tried))

    async def _once(self, request: Fields, seconds: float) -> Said:
        reply = await self.client.post(self._http, self.client.body(self._common, request), seconds)
        if not self.server.knows(reply.model):
            raise self.client.lost(
                f"{reply.model!r} answered where {self.server.model!r} was asked; name that model, "
                "or write served_as=NAME if it is the same"
            )
        self._answered = time.monotonic()
        self.pace.went_well()
        return reply

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until there is room, and until the server wants to be asked again."""
        async with self._free:
            await self._free.wait_for(lambda: self._under_way < self.pace.room)
            self._under_way += 1
        try:
            while (left := self.pace.resume_at - time.monotonic()) > 0:
                await asyncio.sleep(left)
            yield
        finally:
            self._under_way -= 1
            async with self._free:
                self._free.notify_all()

    async def _answers_others(self) -> bool:
        """Say whether the server answers a plain question with the same fields; asked once."""
        if self._alive is None:
            self._alive = asyncio.ensure_future(self.probed())
        return await asyncio.shield(self._alive)

    async def probed(self) -> bool:
        """Say whether the server answers a plain question."""
        for tried in range(1, self.server.retries + 2):
            try:
                await self._once(self.client.endpoint.probe, min(self.server.timeout, LISTING))
            except Refused as error:
                if not self.client.learn(error):
                    return error.certain
            except Denied as error:
                raise self.client.lost(str(error)) from None
            except Failed:
                if tried > self.server.retries:
                    return False
                await asyncio.sleep(pause(tried))
            else:
                return True
        return False


def _run(work: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
    """Run to the end; where a loop runs already, as in a notebook, beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    from anyio.from_thread import start_blocking_portal

    with start_blocking_portal() as portal:
        found: Value = portal.call(work)
    return found

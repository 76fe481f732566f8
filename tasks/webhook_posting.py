"""One attempt to deliver: where the name leads now, a POST to that very address, and what came of it.

The connection goes to an address that was looked up and checked a moment before, by number: a name that answers
otherwise on a second look (DNS rebinding) is not asked a second time. TLS still asks for the name's certificate.
Redirects are not followed, no proxy of the environment is used, and of the answer only the status counts: a little of
its body is read, out of politeness, and nothing of it is kept.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socket import SOCK_STREAM, getaddrinfo

import httpx2

from debrief.addresses import Address, Networks, is_named, may_reach, read_address
from debrief.webhooks import Failure, read_retry_after, signed_headers
from storage.engine import utc_now
from storage.webhook_outbox import Claimed, Ended

CONNECT_S = 5.0
BODY_S = 1.0
BODY_READ_BYTES = 16 * 1024
ADDRESSES_TRIED = 3
GONE = 410
Resolve = Callable[[str, int], Awaitable[list[Address]]]
"""(host, port) -> its addresses. Raises OSError (gaierror): the name is not known."""

_looking_up = ThreadPoolExecutor(4, thread_name_prefix="webhook-names")
"""Of their own, because a name server that does not answer must not hold the threads that the database needs."""


class NotSent(Exception):
    """The attempt failed before, or without, an answer. `args[0]` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure: Failure = failure


async def look_up(host: str, port: int) -> list[Address]:
    """The addresses that the system's resolver gives, in its order."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_looking_up, lambda: getaddrinfo(host, port, type=SOCK_STREAM))
    addresses = [read_address(str(entry[4][0])) for entry in found]
    return list(dict.fromkeys(address for address in addresses if address is not None))


class Poster:
    """Delivers over connections of its own, one for each attempt.

    Args:
        networks: what may be reached though it is not public.
        timeout_s: for the whole attempt, from the name to the status.
        resolve: looks a name up.
        trust: whose certificates count; the system's, if not given.
    """

    def __init__(
        self,
        networks: Networks,
        timeout_s: float,
        *,
        resolve: Resolve = look_up,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._networks = networks
        self._timeout_s = timeout_s
        self._resolve = resolve
        self._trust = trust

    async def post(self, claimed: Claimed) -> Ended:
        """Make one attempt. Never raises but for its own cancellation."""
        if self._trust is None:  # reading the certificates of the world takes a moment, which is not the receiver's
            self._trust = await asyncio.to_thread(httpx2.create_ssl_context)
        began, at = time.monotonic(), utc_now()
        try:
            async with asyncio.timeout(self._timeout_s) as whole:
                status, asked_s = await self._post(claimed, whole)
        except NotSent as error:
            return Ended(at, time.monotonic() - began, failure=error.failure)
        except (TimeoutError, httpx2.TimeoutException):
            return Ended(at, time.monotonic() - began, failure="timed_out")
        except httpx2.ConnectError as error:
            return Ended(at, time.monotonic() - began, failure="untrusted" if _is_tls(error) else "unreachable")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            return Ended(at, time.monotonic() - began, failure="broken_off")
        return Ended(at, time.monotonic() - began, status, _failure_of(status), asked_s)

    async def _post(self, claimed: Claimed, whole: asyncio.Timeout) -> tuple[int, float | None]:
        url = httpx2.URL(claimed.url)
        addresses = await self._addresses(url)
        headers = {
            "content-type": "application/json",
            "user-agent": "Debrief-Webhooks/1",
            "accept-encoding": "identity",
            "host": url.netloc.decode("ascii"),
            **signed_headers(claimed.id, utc_now(), claimed.body, claimed.secrets),
        }
        timeout = httpx2.Timeout(self._timeout_s, connect=min(CONNECT_S, self._timeout_s))
        async with httpx2.AsyncClient(verify=self._trust or True, trust_env=False, timeout=timeout) as client:
            response = await self._first_answer(client, url, addresses, headers, claimed.body)
            whole.reschedule(None)  # the status is there, and it is what counts
            with suppress(TimeoutError, httpx2.HTTPError):
                async with asyncio.timeout(BODY_S):
                    await _read_a_little(response)
            await response.aclose()
            return response.status_code, read_retry_after(response.headers.get("retry-after"), utc_now())

    async def _first_answer(
        self,
        client: httpx2.AsyncClient,
        url: httpx2.URL,
        addresses: list[Address],
        headers: dict[str, str],
        body: str,
    ) -> httpx2.Response:
        """From the first address that takes the connection; only what was never sent is sent to the next one."""
        named = {"sni_hostname": url.raw_host.decode("ascii")} if url.scheme == "https" else {}
        for n, address in enumerate(addresses, 1):
            there = url.copy_with(host=str(address))
            request = client.build_request("POST", there, headers=headers, content=body.encode(), extensions=named)
            try:
                return await client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if n == len(addresses):
                    raise
        raise NotSent("unresolved")

    async def _addresses(self, url: httpx2.URL) -> list[Address]:
        """Those of the host that may be reached. One that may not is left out, and if none is left that is why."""
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        literal = read_address(host)
        try:
            found = [literal] if literal is not None else await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise NotSent("unresolved") from None
        if not found:
            raise NotSent("unresolved")
        allowed = [address for address in found if may_reach(address, self._networks)]
        if not allowed:
            raise NotSent("refused_address")
        if url.scheme != "https":
            allowed = [address for address in allowed if is_named(address, self._networks)]
            if not allowed:
                raise NotSent("not_encrypted")
        return allowed[:ADDRESSES_TRIED]


async def _read_a_little(response: httpx2.Response) -> None:
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read >= BODY_READ_BYTES:
            return


def _failure_of(status: int) -> Failure | None:
    if 200 <= status < 300:
        return None
    if status == GONE:
        return "gone"
    return "redirect" if 300 <= status < 400 else "status"


def _is_tls(error: BaseException | None) -> bool:
    """The client wraps it, and only its causes tell."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False

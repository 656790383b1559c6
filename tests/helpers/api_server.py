"""A server on this machine that speaks OpenAI's chat interface, for lmms-eval's API models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """Answers the n-th request with what `answer(n)` says: text, None for no content, a status for an error."""

    answer: Callable[[int], str | int | None]
    asked = 0
    most = 40  # requests that a test may make


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        number, self.server.asked = self.server.asked, self.server.asked + 1
        assert number < self.server.most
        answer = self.server.answer(number)
        if isinstance(answer, int):
            status, body = answer, {"error": {"message": "no such model", "type": "invalid_request_error"}}
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
            usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100}
            status, body = (
                200,
                {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]},
            )
            body["usage"] = usage
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def serving() -> Iterator[Server]:
    """A server while the block runs."""
    with Server(("127.0.0.1", 0), Handler) as made:
        thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def model_args(server: Server) -> str:
    """What lmms-eval's `openai` has to be given to ask this server, once and one question at a time."""
    return (
        f"model_version=m,base_url=http://127.0.0.1:{server.server_port}/v1,api_key=none,max_retries=1,num_concurrent=1,"
        "httpx_trust_env=false"
    )

"""What the API's description allows an answer to be."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import httpx

from hostile.wire import Answer, Request

PROBLEM = "application/problem+json"
LONGEST_HEAD = 16_384
# Of an address that is not described, or a method that it does not take.
ANYWHERE = {(404, "address-not-found"), (405, "method-not-allowed")}
# The server's own, without a body: it could not read the request (RFC 9110 §15.5, RFC 6585 §5).
UNREADABLE = {400, 414, 431}
TELLTALES = re.compile(
    r"Traceback|site-packages|\.py\b|/usr/|/home/|asyncpg|sqlalchemy|msgspec|litestar|"
    r"\bSELECT\b|\bINSERT\b|\bUPDATE\b|\bsyntax error\b|line \d+, in|0x[0-9a-f]{6,}"
)


@dataclass(frozen=True)
class Description:
    """The OpenAPI document of a running server."""

    document: dict[str, Any]

    @classmethod
    def of(cls, address: str) -> "Description":
        return cls(httpx.get(f"{address}/openapi.json").json())

    @cached_property
    def operations(self) -> dict[str, dict[str, Any]]:
        return {
            f"{method.upper()} {path}": operation
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        }

    @cached_property
    def own_words(self) -> str:
        return json.dumps(self.document, ensure_ascii=False)

    def fields(self, operation: str, media_type: str) -> list[str]:
        """The names of what its body holds."""
        content = self.operations[operation].get("requestBody", {}).get("content", {})
        schema = content.get(media_type, {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self.document["components"]["schemas"].get(name, schema)
        return list(schema.get("properties", {}))

    def parameters(self, operation: str, where: str) -> list[str]:
        given = self.operations[operation].get("parameters", [])
        return [parameter["name"] for parameter in given if parameter["in"] == where]

    def is_protected(self, operation: str) -> bool:
        return "security" in self.operations[operation]

    def reached(self, request: Request) -> str | None:
        """The operation that a request is for; None where nothing is described."""
        path = re.sub("^https?://[^/]*|[?#].*", "", request.target)
        parts = [unquote(part, "latin-1") for part in path.split("/") if part]
        method = "GET" if request.method == "HEAD" else request.method
        fitting = [
            operation
            for operation in self.operations
            if operation.startswith(f"{method} ") and _fits(operation.split("/")[1:], parts)
        ]
        return min(fitting, key=lambda operation: operation.count("{"), default=None)

    def complaint(self, request: Request, answer: Answer) -> str:
        """What is wrong with the answer; empty when it is one that the description promises."""
        if answer.status in UNREADABLE and not answer.headers.get("content-type"):
            return "a body" if answer.body else ""
        operation = self.reached(request)
        if operation is None:
            return self._of_the_unknown(request, answer)
        described = self.operations[operation]["responses"].get(str(answer.status), {})
        if answer.status < 400 and described:
            return ""
        if request.method == "HEAD":
            return "" if described else "an undocumented status"
        kinds = described.get("content", {}).get(PROBLEM, {}).get("examples", {})
        allowed = ANYWHERE | {(answer.status, kind) for kind in kinds}
        private = request.private.strip()
        return problem_complaint(answer, allowed, "" if private in self.own_words else private)

    @staticmethod
    def _of_the_unknown(request: Request, answer: Answer) -> str:
        if request.target.startswith("/api/") and answer.status < 400:
            return "" if request.method == "OPTIONS" and answer.status == 204 else "a success"
        if answer.status < 400 or request.method == "HEAD":
            return ""
        return problem_complaint(answer, ANYWHERE)


def _fits(template: list[str], parts: list[str]) -> bool:
    return len(template) == len(parts) and all(
        wanted == part or wanted.startswith("{")
        for wanted, part in zip(template, parts, strict=True)
    )


def problem_complaint(answer: Answer, allowed: set[tuple[int, str]], private: str = "") -> str:
    """What is wrong with the answer as a problem of RFC 9457, one of those allowed, that says nothing private."""
    if answer.headers.get("content-type") != PROBLEM:
        return "no problem"
    problem = json.loads(answer.body)
    kind = problem["type"].removeprefix("/problems/")
    if (answer.status, kind) not in allowed:
        return f"an undocumented problem: {kind}"
    if problem["status"] != answer.status or not (problem["title"] and problem["detail"]):
        return "an incomplete problem"
    errors = [text for error in problem.get("errors", []) for text in error.values()]
    said = " ".join([problem["title"], problem["detail"], *errors])
    leaks = TELLTALES.search(said) or (private and private in said)
    return f"a leak: {said}" if leaks else ""

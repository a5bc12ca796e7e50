"""Reading a request's body: strictly, and telling everything that is wrong with it at once."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from referral.domain.errors import Checks, InvalidInput, Violation, one_step
from referral.entrypoints.http.problems.types import MalformedRequest, UnsupportedMediaType

MAX_BODY = 64 * 1024
MAX_BATCH = 1024 * 1024
MAX_PARAMETERS = 100  # of a form: OAuth knows a dozen, and each costs time
MAX_NAMED = 20  # fields that do not exist; an answer has to stay small, whatever the body
FORM = "application/x-www-form-urlencoded"
NDJSON = "application/x-ndjson"

Rules = Mapping[str, Callable[[Any, Mapping[str, Any]], object]]
"""For some fields of a body, what raises InvalidInput when the value, beside the others, breaks a rule."""

M = TypeVar("M", bound=msgspec.Struct)
T = TypeVar("T")


class StrictBody(AbstractDTO[Any]):
    """Has Litestar read each handler's `data` with `read_json` or, for a handler with `opt={"form": True}`, `read_form`."""

    def decode_bytes(self, value: bytes) -> msgspec.Struct:
        request = self.asgi_connection
        handler = request.route_handler
        model: type[msgspec.Struct] = handler.parsed_data_field.annotation
        kind = media_type(request)
        if kind == "application/json":
            return read_json(value, model, request.app.state.rules.get(model, {}))
        if kind == FORM and handler.opt.get("form"):
            return read_form(value, model)
        raise UnsupportedMediaType

    @classmethod
    def create_for_field_definition(cls, *_: object, **__: object) -> None:
        """Nothing is to be prepared: msgspec does that by itself."""

    @classmethod
    def create_openapi_schema(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,  # noqa: ARG003
        schema_creator: Any,
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return schema


def media_type(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    """What the body is said to be; "" when that is said twice, or it may be compressed or not in UTF-8."""
    headers = request.scope["headers"]
    given = [value for name, value in headers if name == b"content-type"]
    if len(given) != 1 or any(name == b"content-encoding" for name, _ in headers):
        return ""
    kind, _, parameter = given[0].decode("latin-1").lower().partition(";")
    readable = parameter.strip().replace('"', "") in {"", "charset=utf-8"}
    return kind.strip() if readable else ""


def read_json(body: bytes, model: type[M], rules: Rules) -> M:
    """The model that the body spells out, with no value coerced.

    Raises MalformedRequest when it is no JSON object, repeats a key, or any value has the wrong type; else
    InvalidInput when a field is missing or unknown. Both tell all that is wrong, broken rules included.
    """
    try:
        return _strictly(body, model)
    except msgspec.ValidationError:
        raise _everything_wrong(body, model, rules) from None


def _strictly(body: bytes, kind: type[T]) -> T:
    """The JSON as `kind`. Raises msgspec.ValidationError when it is of another, else MalformedRequest."""
    try:
        read = msgspec.json.decode(body, type=kind)
        _no_repeats(body.decode())
    except msgspec.ValidationError:
        raise
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedRequest("The body is not valid JSON.") from None
    return read


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise MalformedRequest(
                "The body repeats a field.", Violation("This field is repeated.", one_step(name))
            )
        seen.add(name)


# Numbers are left alone: Python raises an error at the 4,301st digit, and the value is not used.
_no_repeats = json.JSONDecoder(
    object_pairs_hook=_refuse_repeats, parse_int=len, parse_float=len, parse_constant=len
).decode


def _everything_wrong(
    body: bytes, model: type[msgspec.Struct], rules: Rules
) -> MalformedRequest | InvalidInput:
    try:
        given = _strictly(body, dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return MalformedRequest("The body is not a JSON object.")
    if not hasattr(model, "__struct_fields__"):  # a body whose members are read elsewhere
        return MalformedRequest(
            "Values have the wrong type.", *_mistyped(given, dict.fromkeys(given, Any), {})
        )
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    others = [
        Violation("This field is required.", name)
        for name, field in fields.items()
        if field.required and name not in given
    ]
    values: dict[str, Any] = {}
    mistyped = [*_mistyped(given, {n: f.type for n, f in fields.items()}, values)]
    others += _broken(rules, values)
    others += _unknown([name for name in given if name not in fields])
    if mistyped:
        return MalformedRequest("Values have the wrong type.", *mistyped, *others)
    return InvalidInput(*others)


def _mistyped(
    given: Mapping[str, msgspec.Raw], kinds: Mapping[str, Any], values: dict[str, Any]
) -> Iterator[Violation]:
    """What cannot be read as what it should be; the other values are added to `values`."""
    for name in filter(given.__contains__, kinds):
        try:
            values[name] = msgspec.json.decode(given[name], type=kinds[name])
        except msgspec.DecodeError as error:
            yield Violation(f"{error}.", name)


def _broken(rules: Rules, values: Mapping[str, Any]) -> list[Violation]:
    checks = Checks()
    for name in filter(rules.__contains__, values):
        if values[name] is not None:
            with checks.of(name):
                rules[name](values[name], values)
    return checks.violations


def _unknown(names: list[str]) -> Iterator[Violation]:
    for name in names[:MAX_NAMED]:
        yield Violation("There is no such field.", one_step(name))
    if len(names) > MAX_NAMED:
        yield Violation(f"There are no such fields: {len(names) - MAX_NAMED} more.")


def read_form(body: bytes, model: type[M]) -> M:
    """The model that the form spells out; parameters it does not know are ignored (RFC 6749 §3.2).

    Raises MalformedRequest when the form is not valid UTF-8, or repeats or lacks a parameter.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise MalformedRequest("The form is not valid.") from None
    _refuse_repeats(pairs)
    given = dict(pairs)
    fields = msgspec.structs.fields(model)
    missing = [f.encode_name for f in fields if f.required and f.encode_name not in given]
    if missing:
        raise missing_parameters(*missing)
    known = {field.encode_name for field in fields}
    return msgspec.convert({name: given[name] for name in known & given.keys()}, model)


def missing_parameters(*names: str) -> MalformedRequest:
    return MalformedRequest(
        "A parameter is missing.", *(Violation("This field is required.", name) for name in names)
    )

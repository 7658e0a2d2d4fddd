"""What a body asks for: from JSON to a checked request, and back to the vendor's words if it is none."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec

from bxml._declare import Attribute, describe, vendor_name
from bxml._kinds import Fault, Number
from bxml.errors import Problem
from bxml.types import AbsoluteUrl, Assumes, Method
from calls.errors import InvalidRequest
from calls.models import (
    CreateCall,
    MachineDetection,
    Model,
    Password,
    State,
    UpdateCall,
    Username,
    needs_https,
)
from calls.simulator.rest.message import invalid

M = TypeVar("M", bound=Model)


class UpdateConference(Model, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """A change to a conference: another document for it from ``redirect_url``, or its end."""

    status: Annotated[State, Assumes("active")] | None = None
    redirect_url: AbsoluteUrl | None = None
    redirect_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    redirect_fallback_url: AbsoluteUrl | None = None
    redirect_fallback_method: Method | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None

    def across(self) -> Iterable[Fault]:
        """The rules of ``UpdateCall`` (documented)."""
        if self.status == "completed":
            return []
        if self.redirect_url is None:
            return [Fault("redirect-url-required", "is required", "redirect_url")]
        return [
            *needs_https(self, "redirect_url", "username", "password"),
            *needs_https(self, "redirect_fallback_url", "fallback_username", "fallback_password"),
        ]


# With any other property, null counts as absent (tested by the vendor).
_NEVER_NULL: Mapping[type[Model], frozenset[str]] = {
    CreateCall: frozenset({"machineDetection"}),
    MachineDetection: frozenset({"mode"}),
    UpdateCall: frozenset({"state"}),
    UpdateConference: frozenset({"status"}),
}
_COMMANDS: Mapping[type[Model], str] = {UpdateCall: "state", UpdateConference: "status"}

# Documented as not allowed along with the command to end.
_NOT_WITH_COMPLETED = ("redirectUrl", "redirectMethod", "tag")

# The vendor's texts, by the model, the rule and the property; other words are ours.
_MISSING = (
    "Missing at least one required field. Required fields are [from, to, answerUrl, applicationId]"
)
_VENDOR_WORDS: tuple[tuple[str, str], ...] = (
    (r"CreateCall attribute-required \w+", _MISSING),
    (
        r"\w+ attribute-(?:format|type) (?:to|from)",
        "Invalid {name}: must be an E164 telephone number",
    ),
    (r"\w+ attribute-format \w+Url", "Invalid {name}: only http and https are allowed"),
    (
        r"\w+ attribute-value \w+Method",
        "Invalid {stem}Url method. Supported methods: [POST, GET]",
    ),
    (
        r"CreateCall length tag",
        "Could not create call: sendCallback tag must contain at most {longest} characters",
    ),
    (r"\w+ redirect-url-required \w+", "redirectUrl is required when {command} is active"),
)


def order_of(body: bytes) -> CreateCall:
    """The call that a body asks for.

    Raises:
        Refusal: It asks for none.
    """
    fields = _object(body)
    detection = fields.get("machineDetection")
    if detection is not None:
        if not isinstance(detection, dict):
            raise invalid("machineDetection must be an object")
        fields["machineDetection"] = _built(MachineDetection, detection)
    return _built(CreateCall, fields)


def change_of(model: type[M], body: bytes, *, strict: bool) -> M:
    """The change that a body asks for.

    ``strict``: what is documented as not allowed along with the command to end is refused. The
    vendor's live tests send it, and get 200.

    Raises:
        Refusal: It asks for none.
    """
    fields = _object(body)
    command = _COMMANDS[model]
    if fields.get(command) != "completed":
        return _built(model, fields)
    for name in _NOT_WITH_COMPLETED if strict else ():
        if fields.get(name) is not None:
            raise invalid(f"{name} is not allowed when {command} is completed")
    _each_alone(model, fields)
    return _built(model, {command: "completed"})


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise invalid("Bad Request") from None
    if not isinstance(fields, dict):
        raise invalid("Bad Request")
    return fields


@cache
def _known(model: type[Model]) -> Mapping[str, str]:
    """The fields of a model by the vendor's names."""
    return {vendor_name(name): name for name in model.__struct_fields__}


@cache
def _attributes(model: type[Model]) -> Mapping[str, Attribute]:
    return {each.name: each for each in describe(model).attributes}


def _built(model: type[M], fields: Mapping[str, Any]) -> M:
    """A request from JSON. Properties that are not known are ignored."""
    known, never_null = _known(model), _NEVER_NULL[model]
    values = {}
    for name, value in fields.items():
        if value is not None and name in known:
            values[known[name]] = value
        elif name in never_null:
            raise invalid(f"{name} must not be null")
    try:
        return model(**values)
    except InvalidRequest as error:
        raise invalid(_words(model, error.problems[0])) from None


def _each_alone(model: type[Model], fields: Mapping[str, Any]) -> None:
    """Refuse values that are wrong by themselves, whatever they stand beside."""
    for known in describe(model).attributes:
        value = known.kind.settle(fields.get(known.vendor_name))
        if value is not None and (fault := known.kind.fault(value)):
            words = f"{known.name} {fault.message}"
            raise invalid(
                _words(model, Problem(fault.rule, "error", "", words, None, None, known.name))
            )


def _words(model: type[Model], problem: Problem) -> str:
    """What is wrong, in the vendor's words where they are known, under the vendor's names always."""
    known = _attributes(model).get(problem.attribute or "")
    if known is None:
        return problem.message
    name = known.vendor_name
    for pattern, words in _VENDOR_WORDS:
        if re.fullmatch(pattern, f"{model.__name__} {problem.rule} {name}"):
            return words.format(
                name=name,
                stem=name.removesuffix("Method"),
                longest=getattr(known.kind, "max_length", None),
                command=_COMMANDS.get(model),
            )
    if problem.rule == "attribute-range" and isinstance(known.kind, Number):
        return _out_of_range(name, known.kind, problem.message)
    sentence, got, rest = problem.message.partition(" (got ")
    spelled = re.sub(r"\w+", lambda word: _spelled(model, word[0]), sentence)
    return spelled + got + rest


def _spelled(model: type[Model], word: str) -> str:
    known = _attributes(model).get(word)
    return known.vendor_name if known else word


def _out_of_range(name: str, kind: Number, message: str) -> str:
    if kind.least is None or kind.most is None:
        return f"{name} is out of range"
    got = message.rpartition("(got ")[2].rstrip(")")
    return f"{name} must be within the range [{kind.least:g}, {kind.most:g}], but was {got}"

"""What exploring has found, as text for people, as JSON, and as SARIF for code hosts."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

import msgspec

from bxml._kinds import safe
from calls.explore.graph import Code, Finding, Graph, Level
from calls.explore.rules import RULES


def text_of(graph: Graph) -> str:
    """The findings with their conversations, and what was explored, for people."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    for finding in graph.findings:
        yield f"{finding.level} {finding.rule}: {safe(finding.message)}"
        if finding.code is not None:
            yield f"  at {finding.code}"
        if finding.node is not None:
            yield f"  in document {finding.node}: {safe(graph.node(finding.node).title)}"
        yield from (f"    {safe(line)}" for line in finding.conversation)
        yield f"  {RULES[finding.rule].advice}"
        yield ""
    ends = sum(edge.target is None for edge in graph.edges)
    yield (
        f"{_count(len(graph.nodes), 'document')}, {_count(len(graph.edges) - ends, 'way')} between"
        f" them, {_count(ends, 'end')}: {_count(len(graph.findings), 'finding')}"
        f" ({summary_of(graph)})"
    )
    spent = graph.spent
    yield (
        f"{_count(spent.webhooks, 'webhook')} in {_count(spent.calls, 'call')} and parts of calls,"
        f" {spent.seconds:.1f} s"
    )
    yield from (f"note: {safe(remark)}" for remark in graph.remarks)
    yield from (f"not all of it, a limit was met: {limit}" for limit in graph.limits)


def summary_of(graph: Graph) -> str:
    """How many findings there are of each level."""
    levels: dict[Level, int] = {"error": 0, "warning": 0, "note": 0}
    for finding in graph.findings:
        levels[finding.level] += 1
    return ", ".join(_count(number, level) for level, number in levels.items())


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def json_of(graph: Graph) -> str:
    """The graph as JSON, with its fields as they are named in Python."""
    return msgspec.json.format(msgspec.json.encode(graph), indent=2).decode() + "\n"


# SARIF


def sarif_of(graph: Graph) -> str:
    """The findings as SARIF 2.1.0, as code hosts read it: a place in the code where one is known."""
    rules = list(RULES.values())
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "calls explore",
                "semanticVersion": version("bxml-calls"),
                "rules": [
                    {
                        "id": rule.id,
                        "shortDescription": {"text": rule.summary},
                        "help": {"text": rule.advice},
                        "defaultConfiguration": {"level": rule.level},
                    }
                    for rule in rules
                ],
            }
        },
        "results": [_result(graph, each, list(RULES).index(each.rule)) for each in graph.findings],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": f"a limit was met: {limit}"}}
                    for limit in graph.limits
                ]
                + [{"level": "note", "message": {"text": remark}} for remark in graph.remarks],
            }
        ],
        "columnKind": "unicodeCodePoints",
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _result(graph: Graph, finding: Finding, index: int) -> dict[str, Any]:
    said = "\n".join(f"  {line}" for line in finding.conversation)
    place = _place(finding.code)
    document = f"document {finding.node}" if finding.node is not None else "the first webhook"
    place["logicalLocations"] = [{"name": document, "fullyQualifiedName": graph.title}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": f"{finding.message}\n\n{said}"},
        "locations": [place],
        "codeFlows": [
            {
                "threadFlows": [
                    {
                        "locations": [
                            {"location": {"message": {"text": line}}}
                            for line in finding.conversation
                        ]
                    }
                ]
            }
        ],
        # The same finding in a later run, whatever has moved meanwhile.
        "partialFingerprints": {
            "flow/v1": "|".join((finding.rule, *finding.way, finding.choice or ""))
        },
    }


def _place(code: Code | None) -> dict[str, Any]:
    if code is None:
        return {}
    path = PurePath(code.file)
    uri: dict[str, Any] = {"uri": path.as_uri() if path.is_absolute() else path.as_posix()}
    if not path.is_absolute():
        uri["uriBaseId"] = "%SRCROOT%"
    return {
        "physicalLocation": {"artifactLocation": uri, "region": {"startLine": max(code.line, 1)}}
    }

"""Exploring as its users see it. Read by mypy and pyright, never run.

Each ``type: ignore`` is a claim that both find the error in it.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, assert_type

from calls.explore import (
    RULES,
    Code,
    Edge,
    Finding,
    Graph,
    Limits,
    Node,
    Report,
    Rule,
    Watcher,
    explore,
    html_of,
    save_tests,
    text_of,
)
from calls.webhooks import VoiceApp


def explores(app: VoiceApp) -> None:
    graph = explore(app, keys=["123456"], says=["yes"], limits=Limits(depth=3))
    assert_type(graph, Graph)
    assert_type(graph.nodes, tuple[Node, ...])
    assert_type(graph.edges, tuple[Edge, ...])
    assert_type(graph.findings, tuple[Finding, ...])
    for finding in graph.findings:
        assert_type(finding.level, Literal["error", "warning", "note"])
        assert_type(finding.code, Code | None)
        assert_type(finding.way, tuple[str, ...])
    assert_type(text_of(graph), str)
    assert_type(html_of(graph, covered={0: frozenset({"1"})}), str)
    assert_type(save_tests(graph, "found", app="acme:app"), list[Path])
    assert_type(RULES, Mapping[str, Rule])
    assert_type(Watcher().against(graph).report, Report)


def goes_wrong(app: VoiceApp, graph: Graph) -> None:
    explore(app, depth=3)  # type: ignore[call-arg]
    Limits(depth="3")  # type: ignore[arg-type]
    graph.nodes = ()  # type: ignore[misc]

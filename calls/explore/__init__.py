"""See the whole call flow: every path explored, drawn and measured.

    graph = explore(app)
    print(text_of(graph))
    assert not graph.findings

``text_of``, ``json_of``, ``sarif_of``, ``mermaid_of``, ``dot_of``, ``svg_of`` and ``html_of`` show a
graph; the last two need the ``draw`` extra. ``save_tests`` makes tests of findings, and ``Watcher``
measures what a test run has covered of a graph.
"""

from calls.explore.coverage import Report, Watcher, coverage_text
from calls.explore.drawing import dot_of, mermaid_of
from calls.explore.explore import explore
from calls.explore.graph import Code, Edge, Finding, Graph, Node, Spent
from calls.explore.layout import svg_of
from calls.explore.load import load
from calls.explore.page import html_of
from calls.explore.report import json_of, sarif_of, text_of
from calls.explore.rules import RULES, Rule
from calls.explore.saving import save_tests
from calls.explore.search import Limits, WayLost

__all__ = [
    "RULES",
    "Code",
    "Edge",
    "Finding",
    "Graph",
    "Limits",
    "Node",
    "Report",
    "Rule",
    "Spent",
    "Watcher",
    "WayLost",
    "coverage_text",
    "dot_of",
    "explore",
    "html_of",
    "json_of",
    "load",
    "mermaid_of",
    "sarif_of",
    "save_tests",
    "svg_of",
    "text_of",
]

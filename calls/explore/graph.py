"""The graph of a call flow: documents, and what leads from one to the next. Plain data."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from msgspec import Struct

Kind = Literal["key", "speech", "silence", "outcome", "hang-up", "failure", "goes on"]
"""What makes a call go on: a key or several, words, nothing in time; what became of a leg, a bridge, a
recording or a conference; the caller who leaves; a webhook that fails; or nobody, as with ``Redirect``."""

Level: TypeAlias = Literal["error", "warning", "note"]

LEVELS: tuple[Level, ...] = ("note", "warning", "error")
"""From the least to the worst."""


class Code(Struct, frozen=True):
    """A place in the application's code."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.name})"


class Node(Struct, frozen=True, kw_only=True):
    """A state of a call: a document that it performs, and whatever else decides how it goes on.

    Attributes:
        id: 1 for the first one, then in the order in which they were found: the nearest first.
        title: A few words for it.
        says: What the caller hears in it, in order; an audio file as ``[its URL]``.
        bxml: The document.
        url: Where it came from.
        code: The function that answered with it, if that is known; of a script, the line that waits.
        is_menu: Whether it asks the caller for keys or words, and somebody is told of them.
        promises: The keys that what it says offers, such as ``1`` in "press 1".
        is_explored: Whether everything was tried that can happen in it; not, where a limit was met.
        key: What it has in common with the same document, said to somebody else.
    """

    id: int
    title: str
    says: tuple[str, ...] = ()
    bxml: str = ""
    url: str = ""
    code: Code | None = None
    is_menu: bool = False
    promises: tuple[str, ...] = ()
    is_explored: bool = True
    key: str = ""


class Edge(Struct, frozen=True, kw_only=True):
    """What leads from a document to the next one, or to the end of the call.

    Attributes:
        source: The id of the node that it leaves.
        target: That of the node that it leads to; None where the call ends.
        kind: What makes the call go on.
        choices: The ways in which it comes about, in words: ``1``, ``silence``, ``+1919… is busy``.
        event: The type of the event that fetched the next document; of the last one, at an end.
        cause: Why the call ends, if it does, as the ``disconnect`` event says it.
    """

    source: int
    target: int | None = None
    kind: Kind = "goes on"
    choices: tuple[str, ...] = ()
    event: str = ""
    cause: str | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """Something that is wrong with a call flow.

    Attributes:
        rule: Which rule it breaks: one of ``calls.explore.RULES``.
        level: How bad it is.
        message: What is wrong, and where.
        node: The id of the node where it is; None for one that is at no document.
        choice: What the caller or the world does there to see it, if something.
        way: What is done at each document from the first one on to come to the node.
        conversation: The shortest call that shows it, line by line.
        code: Where in the application's code.
    """

    rule: str
    level: Level
    message: str
    node: int | None = None
    choice: str | None = None
    way: tuple[str, ...] = ()
    conversation: tuple[str, ...] = ()
    code: Code | None = None


class Spent(Struct, frozen=True, kw_only=True):
    """What exploring has cost.

    Attributes:
        calls: How often a call, or a part of one, was played.
        webhooks: How many webhooks the application was sent.
        seconds: How long it took.
    """

    calls: int = 0
    webhooks: int = 0
    seconds: float = 0.0


class Graph(Struct, frozen=True, kw_only=True):
    """All that can happen on a call to an application.

    Attributes:
        title: What was explored.
        nodes: The documents, the first one first.
        edges: What leads from one to the next.
        findings: What is wrong, the worst first.
        limits: The limits that were met: where there are some, there may be more of everything.
        remarks: What else one should know of how this was found out.
        spent: What it cost.
    """

    title: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    findings: tuple[Finding, ...] = ()
    limits: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    spent: Spent = Spent()

    def node(self, node_id: int) -> Node:
        """The node of an id.

        Raises:
            KeyError: There is none.
        """
        if not 1 <= node_id <= len(self.nodes):
            raise KeyError(node_id)
        return self.nodes[node_id - 1]

    def leaving(self, node_id: int) -> Iterator[Edge]:
        """The edges that leave a node."""
        return (edge for edge in self.edges if edge.source == node_id)

    def of_rule(
        self, rule: str, *, node: int | None = None, choice: str | None = None
    ) -> tuple[Finding, ...]:
        """The findings of one rule; of one node, or with one choice, if that is said."""
        return tuple(
            each
            for each in self.findings
            if each.rule == rule
            and (node is None or each.node == node)
            and (choice is None or each.choice == choice)
        )

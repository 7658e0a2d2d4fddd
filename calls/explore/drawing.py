"""A graph as text that others draw: for Mermaid, and for Graphviz.

Whatever stands in a graph was said by somebody else: an application's prompts, a caller's name. None
of it is ever anything but the text of a label.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import ceil
from textwrap import wrap
from typing import Literal, NamedTuple, TypeAlias

from calls.explore.covered import Covered, reached_of, shares_of, total
from calls.explore.graph import LEVELS, Edge, Graph, Level, Node

State = Literal["covered", "partly", "uncovered"]
"""How much of what an edge stands for was done: all, something, nothing."""

WIDEST = 36
"""Characters in a line of a box."""

MOST_LINES = 4
"""Lines of what is said in a box, and of its title half as many."""

LONGEST_LABEL = 40
"""Characters of the choices at an arrow."""

ONE_GROUP = 25
"""Nodes that are drawn together without groups."""

LARGEST_GROUP = 20
"""Nodes of a group where there are several."""

_LEAST_GROUP = LARGEST_GROUP // 2 + 1
"""Nodes that are enough for a group: two that are not enough are never too many."""

_KEYS = "0123456789*#ABCD"
"""The keys of a telephone, as they are sorted."""

_JOINERS = "\u200c\u200d"
"""What cannot be seen by itself, and belongs to scripts and to emoji."""

FILLS: Mapping[str, tuple[str, str]] = {
    "error": ("#f8b9b9", "#a31515"),
    "warning": ("#fcd9a4", "#9a5b00"),
    "menu": ("#d5e8fb", "#3b6ea5"),
    "plain": ("#ffffff", "#555555"),
    "group": ("#eeeeee", "#777777"),
    "stop": ("#444444", "#444444"),  # not end, which is a word of Mermaid's
    "unreached": ("#d9d9d9", "#888888"),
}
"""What a box is filled with, and its border."""

STROKES: Mapping[State | None, tuple[str, str]] = {
    None: ("#555555", "solid"),
    "covered": ("#2e7d32", "solid"),
    "partly": ("#c77700", "solid"),
    "uncovered": ("#c62828", "dashed"),
}
"""The colour and the style of an arrow."""


class Box(NamedTuple):
    """Something with a border: a node, an end of the call, or a group of nodes.

    Attributes:
        name: By which arrows find it, and programs in what is drawn.
        lines: Its label.
        look: One of ``FILLS``.
        is_dashed: Whether there may be more behind it.
        marks: What else it is, for whoever styles it: the worst level of its findings, for instance.
    """

    name: str
    lines: tuple[str, ...]
    look: str = "plain"
    is_dashed: bool = False
    marks: tuple[str, ...] = ()


class Arrow(NamedTuple):
    """What leads from one box to another.

    Attributes:
        name: By which programs find it in what is drawn; none where it stands for many.
        source: The name of the box that it leaves.
        target: That of the box that it leads to.
        label: The choices.
        state: How much of it was done, if that is known.
        is_first: Whether the target was found by it first.
    """

    name: str
    source: str
    target: str
    label: str = ""
    state: State | None = None
    is_first: bool = False


class Picture(NamedTuple):
    """What is drawn, whoever draws it."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def worst_of(graph: Graph) -> Mapping[int, Level]:
    """The worst level of the findings at each node that has some."""
    worst: dict[int, Level] = {}
    for finding in graph.findings:
        if finding.node is not None:
            known = worst.get(finding.node, "note")
            worse = LEVELS.index(finding.level) > LEVELS.index(known)
            worst[finding.node] = finding.level if worse else known
    return worst


# Texts of labels.


def _seen(text: str) -> str:
    """Text on one line, without anything that cannot be seen or turns the direction of what follows."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() or each in _JOINERS else "�" for each in line)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def _wrapped(text: str, most: int) -> list[str]:
    """Text in at most so many lines."""
    excerpt = text[: 2 * most * WIDEST]  # more than is shown; a prompt may be long
    lines = wrap(_seen(excerpt), WIDEST, max_lines=most, placeholder="…", break_on_hyphens=False)
    if lines and len(excerpt) < len(text) and not lines[-1].endswith("…"):
        lines[-1] = _cut(f"{lines[-1]} …", WIDEST)
    return lines


def _lines_of(node: Node) -> tuple[str, ...]:
    """What a box says of a node: its title, and what is said unless that begins with it."""
    says = " ".join(node.says)
    if says.startswith(node.title.removesuffix("…")):
        return tuple(_wrapped(f"{node.id}. {says}", MOST_LINES))
    title = _wrapped(f"{node.id}. {node.title}", MOST_LINES // 2)
    return (*title, *_wrapped(says, MOST_LINES))


def _pieces(choices: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The choices in the order of a label, runs of keys as one; each with how many it stands for."""
    known = dict.fromkeys(choices)
    run: list[str] = []
    digits = sorted(each for each in known if len(each) == 1 and each in _KEYS[:10])
    for digit, following in pairwise((*digits, "")):
        run.append(digit)
        if following and int(following) == int(digit) + 1:
            continue
        if len(run) > 2:
            yield f"{run[0]}–{run[-1]}", len(run)  # noqa: RUF001  # from this to that
        else:
            yield from ((each, 1) for each in run)
        run.clear()
    others = [each for each in known if len(each) == 1 and each in _KEYS[10:]]
    yield from ((each, 1) for each in sorted(others, key=_KEYS.index))
    yield from ((_seen(each), 1) for each in known if len(each) != 1 or each not in _KEYS)


def label_of(choices: Sequence[str]) -> str:
    """Choices at an arrow, such as ``0, 3–9, *``; where they are many, the first ones."""  # noqa: RUF002  # as it is shown
    label = ""
    pieces = list(_pieces(choices))
    for at, (piece, _) in enumerate(pieces):
        longer = f"{label}, {piece}" if label else _cut(piece, LONGEST_LABEL)
        if len(longer) > LONGEST_LABEL:
            return f"{label} … and {sum(number for _, number in pieces[at:])} more"
        label = longer
    return label


# What is drawn.


class _Looks:
    """How nodes and edges of a graph look: by what is wrong, and by what was done."""

    def __init__(self, graph: Graph, covered: Covered | None) -> None:
        self.graph = graph
        self.worst = worst_of(graph)
        self.shares = None if covered is None else shares_of(graph, covered)
        self.reached = None if covered is None else reached_of(graph, covered)
        self.first = frozenset(_tree(graph).values())

    def box(self, node: Node) -> Box:
        look = "menu" if node.is_menu else "plain"
        worst = self.worst.get(node.id)
        if worst in {"error", "warning"}:
            look = worst or look
        if self.reached is not None and node.id not in self.reached:
            look = "unreached"
        marks = ("node", *(() if worst is None else (worst,)))
        return Box(f"n{node.id}", _lines_of(node), look, not node.is_explored, marks)

    def state(self, indices: Iterable[int]) -> State | None:
        if self.shares is None:
            return None
        share = total(self.shares[index] for index in indices)
        if share.taken == share.all:
            return "covered"
        return "partly" if share.taken else "uncovered"

    def arrow(self, index: int, target: str) -> Arrow:
        edge = self.graph.edges[index]
        label = label_of(edge.choices) or ("" if edge.kind == "goes on" else edge.kind)
        return Arrow(
            f"e{index}", f"n{edge.source}", target, label, self.state((index,)), index in self.first
        )

    def between(self) -> Iterator[tuple[int, Edge, int]]:
        """The edges that are drawn from one node to another, each with its index and its target.

        A webhook that fails and leads where the call goes anyway is no news.
        """
        anyway = {(edge.source, edge.target) for edge in self.graph.edges if edge.kind != "failure"}
        for index, edge in enumerate(self.graph.edges):
            is_news = edge.kind != "failure" or (edge.source, edge.target) not in anyway
            if edge.target is not None and (is_news or index in self.first):
                yield index, edge, edge.target

    def endings(self, ids: frozenset[int]) -> Iterator[tuple[Box, list[Arrow]]]:
        """The ends of calls in some nodes, one for each cause; every caller can hang up anywhere."""
        ends: dict[tuple[int, str], list[int]] = defaultdict(list)
        for index, edge in enumerate(self.graph.edges):
            if edge.target is None and edge.kind != "hang-up" and edge.source in ids:
                ends[edge.source, edge.cause or ""].append(index)
        for number, ((_, cause), indices) in enumerate(ends.items()):
            name = f"z{number}"
            box = Box(name, (_cut(_seen(cause), WIDEST) or "ends",), "stop")
            arrows = [self.arrow(index, name) for index in indices]
            yield box, [arrows[0]._replace(is_first=True), *arrows[1:]]


def picture_of(graph: Graph, *, covered: Covered | None = None) -> Picture:
    """All nodes, all edges, and the ends."""
    looks = _Looks(graph, covered)
    boxes = [looks.box(node) for node in graph.nodes]
    arrows = [looks.arrow(index, f"n{target}") for index, _, target in looks.between()]
    for box, leading in looks.endings(frozenset(node.id for node in graph.nodes)):
        boxes.append(box)
        arrows.extend(leading)
    return Picture(tuple(boxes), tuple(arrows))


Groups: TypeAlias = tuple[tuple[int, ...], ...]
"""The ids of the nodes of each group."""


def picture_of_group(
    graph: Graph, groups: Groups, number: int, *, covered: Covered | None = None
) -> Picture:
    """The nodes of one group, and the groups that these lead to and are reached from."""
    looks = _Looks(graph, covered)
    group_of = {each: at for at, group in enumerate(groups) for each in group}
    boxes = [looks.box(graph.node(each)) for each in groups[number]]
    arrows: list[Arrow] = []
    out: dict[tuple[int, int], list[int]] = defaultdict(list)
    into: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, edge, target in looks.between():
        here, there = group_of[edge.source], group_of[target]
        if here == there == number:
            arrows.append(looks.arrow(index, f"n{target}"))
        elif here == number:
            out[edge.source, there].append(index)
        elif there == number:
            into[here, target].append(index)
    for (source, there), indices in out.items():
        label = label_of([choice for index in indices for choice in graph.edges[index].choices])
        arrows.append(Arrow("", f"n{source}", f"g{there}", label, looks.state(indices)))
    for (here, target), indices in into.items():
        arrows.append(Arrow("", f"g{here}", f"n{target}", "", looks.state(indices)))
    for there in sorted({there for _, there in out} | {here for here, _ in into}):
        title = _wrapped(f"↗ {graph.node(groups[there][0]).title}", MOST_LINES // 2)
        boxes.append(Box(f"g{there}", tuple(title), "group", is_dashed=True, marks=("other",)))
    for box, leading in looks.endings(frozenset(groups[number])):
        boxes.append(box)
        arrows.extend(leading)
    return Picture(tuple(boxes), tuple(arrows))


def picture_of_groups(graph: Graph, groups: Groups, *, covered: Covered | None = None) -> Picture:
    """The groups, and which leads to which."""
    looks = _Looks(graph, covered)
    group_of = {each: at for at, group in enumerate(groups) for each in group}
    between: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, edge in enumerate(graph.edges):
        if edge.target is not None and group_of[edge.source] != group_of[edge.target]:
            between[group_of[edge.source], group_of[edge.target]].append(index)
    boxes = [_group_box(looks, number, group) for number, group in enumerate(groups)]
    arrows = [
        Arrow(
            "",
            f"g{here}",
            f"g{there}",
            state=looks.state(indices),
            is_first=not looks.first.isdisjoint(indices),
        )
        for (here, there), indices in between.items()
    ]
    return Picture(tuple(boxes), tuple(arrows))


def _group_box(looks: _Looks, number: int, group: Sequence[int]) -> Box:
    title = _wrapped(looks.graph.node(group[0]).title, MOST_LINES // 2)
    lines = [*title, f"{len(group)} document{'s' * (len(group) != 1)}"]
    ids = frozenset(group)
    levels = [each.level for each in looks.graph.findings if each.node in ids]
    if levels:
        lines.append(f"{len(levels)} finding{'s' * (len(levels) != 1)}")
    look = "plain"
    worst = max(levels, key=LEVELS.index, default=None)
    if worst in {"error", "warning"}:
        look = worst or look
    if looks.reached is not None:
        lines.append(f"{len(ids & looks.reached)} of {len(ids)} reached")
        if ids.isdisjoint(looks.reached):
            look = "unreached"
    is_dashed = not all(looks.graph.node(each).is_explored for each in group)
    marks = ("group", *(() if worst is None else (worst,)))
    return Box(f"g{number}", tuple(lines), look, is_dashed, marks)


# Groups.


def _tree(graph: Graph) -> Mapping[int, int]:
    """By which edge each node is found first, breadth first, from the first node on.

    A node that nothing leads to has none; what only such a one leads to is found from there.
    """
    leaving: dict[int, list[int]] = defaultdict(list)
    for index, edge in enumerate(graph.edges):
        if edge.target is not None:
            leaving[edge.source].append(index)
    found: dict[int, int] = {}
    seen: set[int] = set()
    for root in graph.nodes:
        if root.id in seen:
            continue
        seen.add(root.id)
        waiting = [root.id]
        for source in waiting:  # which grows
            for index in leaving[source]:
                target = graph.edges[index].target
                if target is not None and target not in seen:
                    seen.add(target)
                    found[target] = index
                    waiting.append(target)
    return found


def groups_of(graph: Graph) -> Groups:
    """The nodes in groups that can each be looked at: those that are found one by the other.

    The tree of a breadth-first search is cut from its leaves on. As soon as a part has nodes enough,
    it is a group; parts that are too small are put together with those beside them, and with what
    leads to them. The groups are in the order of their first nodes, and so are the nodes of each.
    """
    if len(graph.nodes) <= ONE_GROUP:
        return (tuple(node.id for node in graph.nodes),) if graph.nodes else ()
    parent = {target: graph.edges[index].source for target, index in _tree(graph).items()}
    groups: list[list[int]] = []
    parts: dict[int, list[list[int]]] = defaultdict(list)  # too small ones, below each node

    def joined(small: Iterable[list[int]]) -> list[int]:
        rest: list[int] = []
        for part in small:
            rest.extend(part)
            if len(rest) >= _LEAST_GROUP:
                groups.append(rest)
                rest = []
        return rest

    for node_id in _from_leaves(graph, parent):
        rest = joined((*reversed(parts.pop(node_id, [])), [node_id]))
        if rest:
            parts[parent.get(node_id, 0)].append(rest)
    rest = joined(
        reversed(parts.pop(0, []))
    )  # of the first node, and of those that nothing leads to
    if rest:
        groups.append(rest)
    return tuple(sorted(tuple(sorted(group)) for group in groups))


def _from_leaves(graph: Graph, parent: Mapping[int, int]) -> list[int]:
    """The ids of all nodes, none before one that it leads to in the tree."""
    below: dict[int, list[int]] = defaultdict(list)
    for node in graph.nodes:
        below[parent.get(node.id, 0)].append(node.id)
    order = list(below[0])
    for each in order:  # which grows
        order.extend(below[each])
    return order[::-1]


# Graphviz.

_MOST_BOXES = 60
_MOST_ARROWS = 200
"""What Graphviz lays out in a second with a place for every label. Beyond it, minutes are nothing."""

_WIDE, _HIGH = 16, 10
"""A screen."""

_MOST_COLUMNS = 6
"""Ranks over which the leaves of a large picture are spread."""

_FONTS = "Helvetica,Arial,sans-serif"


def dot_of(graph: Graph, *, covered: Covered | None = None) -> str:
    """A graph for Graphviz.

    The nodes are ``n1``, ``n2`` … and the edges ``e0``, ``e1`` …, in an SVG as well.
    """
    return dot_text(picture_of(graph, covered=covered))


def dot_text(picture: Picture) -> str:
    """A picture for Graphviz."""
    return "\n".join((*dot_parts(picture), "}", ""))


def dot_parts(picture: Picture, *, is_large: bool | None = None) -> tuple[str, str]:
    """A picture for Graphviz, without the brace at its end: what decides where boxes are, and the rest.

    Of a large picture only those arrows decide by which boxes were found first; the rest are the
    others, which are straight, thin, and behind the boxes. Labels have the place that is left.
    Everything else would take minutes, and nobody would see more.
    """
    if is_large is None:
        is_large = len(picture.boxes) > _MOST_BOXES or len(picture.arrows) > _MOST_ARROWS
    shape = _shape(picture)
    columns, apart = (shape.columns, 0.12) if is_large else (1, 0.3)
    lines = [
        "digraph calls {",
        '  charset="UTF-8";',
        f'  rankdir={shape.direction}; nodesep={apart}; ranksep=0.5; bgcolor="transparent";',
        f'  node [shape=box, style="rounded,filled", fontname="{_FONTS}", fontsize=11];',
        f'  edge [fontname="{_FONTS}", fontsize=9, arrowsize=0.7];',
    ]
    if is_large:
        lines.append("  splines=line; outputorder=edgesfirst;")
    lines.extend(f"  {_dot_box(box)}" for box in picture.boxes)
    rest: list[str] = []
    beside: dict[str, int] = defaultdict(int)
    for arrow in picture.arrows:
        if is_large and not arrow.is_first:
            faint = {"constraint": "false", "penwidth": "0.4", "arrowsize": "0.5"}
            rest.append(f"  {_dot_arrow(arrow, faint, is_large=True)}")
            continue
        length: dict[str, str] = {}
        if columns > 1 and arrow.target in shape.leaves:
            length["minlen"] = str(1 + beside[arrow.source] % columns)
            beside[arrow.source] += 1
        lines.append(f"  {_dot_arrow(arrow, length, is_large=is_large)}")
    return "\n".join(lines), "\n".join(rest)


def _dot_box(box: Box) -> str:
    fill, border = FILLS[box.look]
    attributes = {
        "id": box.name,
        "class": " ".join(("box", box.look, *box.marks)),
        "label": _dot_label(box.lines),
        "fillcolor": fill,
        "color": border,
    }
    if box.is_dashed:
        attributes["style"] = "rounded,filled,dashed"
    if box.look == "stop":
        attributes |= {
            "shape": "oval",
            "style": "filled",
            "fontsize": "8",
            "fontcolor": "#ffffff",
            "margin": "0.03,0.01",
            "width": "0.1",
            "height": "0.1",
        }
    return f"{box.name} [{_dot_attributes(attributes)}];"


def _dot_arrow(arrow: Arrow, more: Mapping[str, str], *, is_large: bool) -> str:
    colour, style = STROKES[arrow.state]
    attributes = {"color": colour, "class": arrow.state or "any"}
    if arrow.name:
        attributes["id"] = arrow.name
    if style != "solid":
        attributes["style"] = style
    if arrow.label:
        lines = wrap(arrow.label, LONGEST_LABEL // 2, break_on_hyphens=False)
        attributes["xlabel" if is_large else "label"] = _dot_label(lines)
    attributes |= more
    return f"{arrow.source} -> {arrow.target} [{_dot_attributes(attributes)}];"


def _dot_attributes(attributes: Mapping[str, str]) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def _dot_label(lines: Iterable[str]) -> str:
    r"""Lines in a quoted string: what begins an escape, an entity, or ends the string is none of it.

    ``\`` doubled is one in a label; ``&`` would begin an entity of HTML.
    """
    return r"\n".join(
        line.replace("\\", r"\\").replace("&", "&amp;").replace('"', r"\"") for line in lines
    )


class _Shape(NamedTuple):
    """How a picture fits a screen.

    Attributes:
        direction: Downwards or to the right: whichever makes the boxes larger.
        columns: Over how many ranks leaves are spread, where they would be a long line otherwise.
        leaves: The names of the boxes that nothing was found by.
    """

    direction: str
    columns: int
    leaves: frozenset[str]


def _shape(picture: Picture) -> _Shape:
    below: dict[str, list[str]] = defaultdict(list)
    found: set[str] = set()
    for arrow in picture.arrows:
        if arrow.is_first and arrow.target not in found:
            found.add(arrow.target)
            below[arrow.source].append(arrow.target)
    level = [box.name for box in picture.boxes if box.name not in found]
    deep = wide = 0
    while level:
        deep += 1
        wide = max(wide, len(level))
        level = [each for name in level for each in below[name]]
    # In tenths of an inch: a box is about 28 by 11 with what is around it, and an arrow 4 or 12 long.
    down = max(wide * 28 / _WIDE, deep * 15 / _HIGH)
    right = max(deep * 40 / _WIDE, wide * 11 / _HIGH)
    is_down = down <= right
    line, ranks = (
        (wide * 28 / _WIDE, deep * 15 / _HIGH)
        if is_down
        else (wide * 11 / _HIGH, deep * 40 / _WIDE)
    )
    columns = min(ceil((line / ranks) ** 0.5), _MOST_COLUMNS) if deep else 1
    leaves = frozenset(box.name for box in picture.boxes if not below.get(box.name))
    return _Shape("TB" if is_down else "LR", columns, leaves)


# Mermaid.


def mermaid_of(graph: Graph) -> str:
    """A graph as a flowchart of Mermaid.

    Every renderer draws at most so many edges, 500 unless it is told otherwise.
    """
    picture = picture_of(graph)
    lines = ["flowchart TD"]
    classes: dict[str, list[str]] = defaultdict(list)
    for box in picture.boxes:
        label = "<br/>".join(map(_mermaid_text, box.lines))
        lines.append(
            f'  {box.name}(("{label}"))' if box.look == "stop" else f'  {box.name}["{label}"]'
        )
        classes[box.look].append(box.name)
        if box.is_dashed:
            classes["unexplored"].append(box.name)
    for arrow in picture.arrows:
        label = f'|"{_mermaid_text(arrow.label)}"|' if arrow.label else ""
        lines.append(f"  {arrow.source} -->{label} {arrow.target}")
    for look, names in classes.items():
        lines.append(f"  classDef {look} {_mermaid_style(look)}")
        lines.append(f"  class {','.join(names)} {look}")
    return "\n".join((*lines, ""))


def _mermaid_style(look: str) -> str:
    if look == "unexplored":
        return "stroke-dasharray:5 4"
    fill, border = FILLS[look]
    size = ",font-size:11px" if look == "stop" else ""
    return f"fill:{fill},stroke:{border},color:{'#ffffff' if look == 'end' else '#000000'}{size}"


def _mermaid_text(text: str) -> str:
    """Text as a part of a label: whatever is no letter, digit or blank by its number.

    One letter is written as two: with it Mermaid marks its own numbers while it reads.
    """
    return "".join(
        each if each == " " or each.isalnum() else f"#{ord(each)};"
        for each in text.replace("\ufb02", "fl")
    )

"""Call flows as pictures: whatever was said in them stays text, and large ones can be looked at."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from calls.explore import covered as covered_by
from calls.explore import drawing, layout, page
from calls.explore.graph import Code, Edge, Finding, Graph, Node

AGraph: Any = pytest.importorskip("pygraphviz", reason="pictures need Graphviz").AGraph

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = (
    '"', "\\", '\\"', "\\N\\G\\L", "&", "&lt;", "&nbsp;", "&#60;", "<script>alert(1)</script>",
    "</script>", "<!--", "-->", "]]>", "`x`", "[x]", "{x|y}", "(x)", "end", "a; b", "#quot;", "#35;",
    "%%{init: {}}%%", "style x:#1;", "classDef y:#2;", "click n1 href", "charset=", 'charset="x"',
    "1. one", "- x", "a\nb", "a\rb", "\t", "\x00", "\x1b[31m", "\ud800", "\uffff", "\u202e", "\u2028",
    "fa:fa-ban", "ﬂ°°60¶ß", "é漢😀", "x" * 5000, "n1 -> n2", "subgraph z", "$style", "\u200dx",
)  # fmt: skip

texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=20), max_size=4).map("".join)
some_texts = st.lists(texts, max_size=5).map(tuple)
levels = st.sampled_from(("error", "warning", "note"))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 6))
    ids = st.integers(1, size)
    nodes = [
        Node(
            id=number,
            title=draw(texts),
            says=draw(some_texts),
            bxml=draw(texts),
            url=draw(texts),
            code=draw(st.none() | st.builds(Code, file=texts, line=ids, name=texts)),
            is_menu=draw(st.booleans()),
            is_explored=draw(st.booleans()),
        )
        for number in range(1, size + 1)
    ]
    kinds = st.sampled_from(("key", "speech", "silence", "outcome", "hang-up", "goes on"))
    edges = st.builds(
        Edge,
        source=ids,
        target=st.none() | ids,
        kind=kinds,
        choices=some_texts,
        cause=st.none() | texts,
    )
    findings = st.builds(
        Finding,
        rule=texts,
        level=levels,
        message=texts,
        node=st.none() | ids,
        conversation=some_texts,
        code=st.none() | st.builds(Code, file=texts, line=ids, name=texts),
    )
    return Graph(
        title=draw(texts),
        nodes=tuple(nodes),
        edges=tuple(draw(st.lists(edges, max_size=10))),
        findings=tuple(draw(st.lists(findings, max_size=3))),
        limits=draw(some_texts),
        remarks=draw(some_texts),
    )


def chain(edges: Iterable[tuple[int, int]], size: int, **more: Any) -> Graph:
    """A graph of so many nodes, and what leads from which to which."""
    return Graph(
        title="calls",
        nodes=tuple(Node(id=each, title=f"menu {each}") for each in range(1, size + 1)),
        edges=tuple(
            Edge(source=source, target=target, kind="key", choices=("1",))
            for source, target in edges
        ),
        **more,
    )


def large(size: int = 300, edges: int = 1500) -> Graph:
    """A tree, from every node a way back to the first one, and edges all over."""
    tree = [(max(1, each // 4), each) for each in range(2, size + 1)]
    back = [(each, 1) for each in range(1, size + 1)]
    others = [(1 + 7 * at % size, 1 + 31 * at % size) for at in range(edges - len(tree) - size)]
    return chain([*tree, *back, *others], size)


def drawn(svg: str) -> Any:
    assert svg.startswith("<svg")
    root = etree.fromstring(svg)
    assert {each.tag for each in root.iter(etree.Element)} <= {
        SVG + name for name in ("svg", "g", "title", "text", "path", "polygon", "ellipse")
    }
    return root


def of_class(root: Any, name: str) -> dict[str, Any]:
    return {
        each.get("id"): each
        for each in root.iter(f"{SVG}g")
        if name in each.get("class", "").split()
    }


def words(shape: Any) -> str:
    lines = ["".join(text.itertext()) for text in shape.iter(f"{SVG}text")]
    return "".join("".join(lines).split())


def endings(graph: Graph) -> set[tuple[int, str]]:
    return {
        (edge.source, edge.cause or "")
        for edge in graph.edges
        if edge.target is None and edge.kind != "hang-up"
    }


@given(graphs())
@settings(max_examples=40, deadline=None)
def test_whatever_is_said_stays_text_in_an_svg(graph: Graph) -> None:
    root = drawn(layout.svg_of(graph))
    nodes = of_class(root, "box")
    picture = drawing.picture_of(graph)
    assert set(nodes) == {box.name for box in picture.boxes}
    assert len(nodes) == len(graph.nodes) + len(endings(graph))
    for box in picture.boxes:
        assert words(nodes[box.name]) == "".join("".join(box.lines).split())
    assert set(of_class(root, "edge")) == {arrow.name for arrow in picture.arrows}


@given(graphs())
@settings(deadline=None)
def test_whatever_is_said_stays_text_in_the_language_of_graphviz(graph: Graph) -> None:
    dot = drawing.dot_of(graph)
    read = AGraph(string=dot)
    picture = drawing.picture_of(graph)
    assert {str(each) for each in read.nodes()} == {box.name for box in picture.boxes}
    assert len(read.edges()) == len(picture.arrows)
    again = AGraph(string=read.to_string())
    for box in picture.boxes:
        label = again.get_node(box.name).attr["label"]
        shown = re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), label)
        assert shown.replace("&amp;", "&").split("\n") == list(box.lines)


@given(graphs())
def test_whatever_is_said_stays_text_in_mermaid(graph: Graph) -> None:
    first, *lines = drawing.mermaid_of(graph).splitlines()
    assert first == "flowchart TD"
    label = r'"(?:[^\W_]|[ ]|\#\d+;|<br/>)*"'
    known = re.compile(
        rf"""
        \ \ n\d+\[{label}\] | \ \ z\d+\(\({label}\)\)
        | \ \ n\d+\ -->(\|{label}\|)?\ [nz]\d+
        | \ \ classDef\ \w+\ [a-z:\#0-9a-f,\- ]+ | \ \ class\ [nz0-9,]+\ \w+
        """,
        re.VERBOSE,
    )
    assert [line for line in lines if not known.fullmatch(line)] == []
    assert not [line for line in lines if re.search(r"\bend\b", re.sub(label, "", line))]


@given(graphs())
@settings(max_examples=20, deadline=None)
def test_whatever_is_said_stays_data_in_a_page(graph: Graph) -> None:
    html = page.html_of(graph, covered={})
    html.encode()
    assert html.count("<script") == html.count("</script>") == 2
    data = html.partition('id="data">')[2].partition("</script>")[0]
    assert not set("<>&\u2028\u2029") & set(data)
    read = json.loads(data)
    assert read["title"] == graph.title
    assert [each["bxml"] for each in read["nodes"]] == [each.bxml for each in graph.nodes]


def test_a_prompt_that_looks_like_markup_stays_text() -> None:
    prompt = "</text><script>alert(1)</script>"
    graph = Graph(title="x", nodes=(Node(id=1, title="<b>&amp;", says=(prompt,)),))
    root = drawn(layout.svg_of(graph))
    assert words(of_class(root, "node")["n1"]) == f"1.<b>&amp;{prompt}"


def test_a_long_prompt_is_cut() -> None:
    node = Node(id=1, title="Welcome", says=("to hear this again press nine " * 500,))
    (box,) = drawing.picture_of(Graph(title="x", nodes=(node,))).boxes
    assert box.lines[0] == "1. Welcome"
    assert len(box.lines) == 5
    assert box.lines[-1].endswith("…")
    assert max(map(len, box.lines)) <= drawing.WIDEST


@pytest.mark.parametrize(
    ("choices", "label"),
    [
        (("*", "3", "4", "5", "6", "7", "8", "9", "0"), "0, 3–9, *"),  # noqa: RUF001
        (("2", "1"), "1, 2"),
        (("1", "2", "3", "silence", "5"), "1–3, 5, silence"),  # noqa: RUF001
        (("1234", "#"), "#, 1234"),
        ((), ""),
        (
            tuple(f"word {at}" for at in range(9)),
            "word 0, word 1, word 2, word 3, word 4 … and 4 more",
        ),
        (("x" * 60, "y"), f"{'x' * 39}… … and 1 more"),
        (("a\nb",), "a b"),
    ],
)
def test_choices_are_joined_in_few_characters(choices: tuple[str, ...], label: str) -> None:
    assert drawing.label_of(choices) == label


def test_each_way_in_which_a_node_ends_a_call_is_drawn_once_and_hanging_up_never() -> None:
    graph = Graph(
        title="x",
        nodes=(Node(id=1, title="a"), Node(id=2, title="b")),
        edges=(
            Edge(source=1, cause="hangup", choices=("1",), kind="key"),
            Edge(source=1, cause="hangup", choices=("2",), kind="key"),
            Edge(source=1, cause="error", kind="failure"),
            Edge(source=1, cause="hangup", kind="hang-up", choices=("hangs up",)),
            Edge(source=2, cause="hangup", kind="hang-up", choices=("hangs up",)),
        ),
    )
    root = drawn(layout.svg_of(graph))
    assert sorted(map(words, of_class(root, "stop").values())) == ["error", "hangup"]
    assert set(of_class(root, "edge")) == {"e0", "e1", "e2"}
    assert "hangs up" not in drawing.mermaid_of(graph)
    assert '(("hangup"))' in drawing.mermaid_of(graph)


def test_what_is_wrong_and_what_is_not_explored_is_seen() -> None:
    graph = Graph(
        title="x",
        nodes=(
            Node(id=1, title="a", is_menu=True),
            Node(id=2, title="b", is_menu=True),
            Node(id=3, title="c", is_explored=False),
            Node(id=4, title="d", is_menu=True),
        ),
        findings=(
            Finding(rule="r", level="warning", message="m", node=1),
            Finding(rule="r", level="error", message="m", node=1),
            Finding(rule="r", level="warning", message="m", node=2),
            Finding(rule="r", level="note", message="m", node=4),
            Finding(rule="r", level="error", message="m"),
        ),
    )
    looks = [(box.look, box.is_dashed) for box in drawing.picture_of(graph).boxes]
    assert looks == [("error", False), ("warning", False), ("plain", True), ("menu", False)]
    nodes = of_class(drawn(layout.svg_of(graph)), "node")
    assert nodes["n1"].find(f"{SVG}path").get("fill") == drawing.FILLS["error"][0]
    assert nodes["n3"].find(f"{SVG}path").get("stroke-dasharray")
    mermaid = drawing.mermaid_of(graph)
    assert "class n1 error" in mermaid
    assert "class n3 unexplored" in mermaid


def test_what_was_done_is_seen_and_counted() -> None:
    graph = Graph(
        title="x",
        nodes=tuple(Node(id=each, title="a", is_menu=True) for each in (1, 2, 3)),
        edges=(
            Edge(source=1, target=2, kind="key", choices=("1", "2")),
            Edge(source=2, target=1, kind="key", choices=("1",)),
            Edge(source=2, target=3, kind="key", choices=("2",)),
            Edge(source=2, target=2, kind="goes on"),
        ),
    )
    covered = {
        0: frozenset({"1", "a choice that there is not"}),
        1: frozenset({"1"}),
        3: frozenset[str](),
    }
    picture = drawing.picture_of(graph, covered=covered)
    assert [each.state for each in picture.arrows] == ["partly", "covered", "uncovered", "covered"]
    assert [each.look for each in picture.boxes] == ["menu", "menu", "unreached"]
    edges = of_class(drawn(layout.svg_of(graph, covered=covered)), "edge")
    assert edges["e2"].find(f"{SVG}path").get("stroke-dasharray")
    assert edges["e1"].find(f"{SVG}path").get("stroke") == drawing.STROKES["covered"][0]
    assert edges["e0"].find(f"{SVG}path").get("stroke") == drawing.STROKES["partly"][0]
    assert covered_by.reached_of(graph, covered) == {1, 2}
    assert covered_by.measured_of(graph, covered) == {1: (2, 2), 2: (2, 3), 3: (0, 1)}
    html = page.html_of(graph, covered=covered)
    assert '"percent":"66.7"' in html


def test_what_goes_on_by_itself_was_gone_through_and_is_not_counted() -> None:
    graph = Graph(
        title="x",
        nodes=tuple(Node(id=each, title="a") for each in range(1, 5)),
        edges=(
            Edge(source=1, target=2, kind="silence", choices=("silence",)),
            Edge(source=2, target=3),
            Edge(source=3, target=4, kind="key", choices=("1", "2")),
            Edge(source=3, kind="hang-up", choices=("hangs up",)),
            Edge(source=3, kind="failure", choices=("fails",)),
            Edge(source=4, cause="hangup"),
        ),
    )
    covered = {0: frozenset({"silence"})}
    assert covered_by.reached_of(graph, covered) == {1, 2, 3}
    assert covered_by.total(covered_by.measured_of(graph, covered).values()) == (1, 2)
    states = [each.state for each in drawing.picture_of(graph, covered=covered).arrows]
    assert states == ["covered", "covered", "uncovered", "uncovered", "uncovered"]


def test_nothing_is_covered_where_there_was_no_run() -> None:
    graph = chain([(1, 2)], 2)
    assert {each.look for each in drawing.picture_of(graph, covered={}).boxes} == {"unreached"}
    assert covered_by.total(()).percent == 100


@st.composite
def shapes(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(0, 120))
    ids = st.integers(1, max(size, 1))
    edges = draw(st.lists(st.tuples(ids, ids), max_size=200)) if size else []
    if draw(st.booleans()):
        edges += [(draw(st.integers(max(1, each - 30), each - 1)), each) for each in range(2, size)]
    return chain(edges, size)


@given(shapes())
def test_every_node_is_in_one_group_that_can_be_looked_at(graph: Graph) -> None:
    groups = drawing.groups_of(graph)
    members = [each for group in groups for each in group]
    assert sorted(members) == [node.id for node in graph.nodes]
    assert groups == drawing.groups_of(graph)
    if len(graph.nodes) <= drawing.ONE_GROUP:
        assert len(groups) <= 1
        return
    assert all(1 <= len(group) <= drawing.LARGEST_GROUP for group in groups)
    assert len([group for group in groups if len(group) < 11]) <= 1  # of the first node


def test_a_chain_and_a_star_are_cut_into_groups_as_well() -> None:
    for edges in (
        [(each, each + 1) for each in range(1, 3000)],
        [(1, at) for at in range(2, 3001)],
    ):
        groups = drawing.groups_of(chain(edges, 3000))
        assert max(map(len, groups)) <= drawing.LARGEST_GROUP
        assert groups[0][0] == 1


def test_three_hundred_nodes_are_drawn() -> None:
    graph = large()
    root = drawn(layout.svg_of(graph))
    assert set(of_class(root, "node")) == {f"n{node.id}" for node in graph.nodes}
    assert len(of_class(root, "edge")) == len(graph.edges) == 1500


def test_a_group_shows_its_nodes_and_the_groups_around_it() -> None:
    graph = large(60, 150)
    groups = drawing.groups_of(graph)
    pictures = [drawing.picture_of_group(graph, groups, at) for at in range(len(groups))]
    overview = drawing.picture_of_groups(graph, groups)
    *each, all_of_them = map(drawn, layout.svgs_of([*pictures, overview]))
    for at, root in enumerate(each):
        nodes = of_class(root, "box")
        assert {name for name in nodes if name[0] == "n"} == {f"n{number}" for number in groups[at]}
        others = {name for name in nodes if name[0] == "g"}
        assert others
        assert f"g{at}" not in others
    assert set(of_class(all_of_them, "group")) == {f"g{at}" for at in range(len(groups))}


def test_a_picture_that_graphviz_fails_at_is_drawn_in_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = subprocess.run
    attempts: list[str] = []

    def run(*args: Any, **options: Any) -> Any:
        attempts.append(options["input"].decode())
        if len(attempts) == 1:
            raise subprocess.CalledProcessError(-6, "dot", stderr=b"Assertion failed")
        return real(*args, **options)

    monkeypatch.setattr(subprocess, "run", run)
    drawn(layout.svg_of(chain([(1, 2), (2, 1)], 2)))
    assert "splines=line" not in attempts[0]
    assert "splines=line" in attempts[1]


def test_a_graphviz_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_DRAWS", "import os, sys; sys.stderr.write('why'); os.abort()")
    with pytest.raises(layout.DrawingFailed, match="why"):
        layout.svg_of(chain([], 1))


def test_a_graphviz_that_does_not_end_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_DRAWS", "import sys; sys.stdin.read(); input(); exit(0)\n")
    monkeypatch.setattr(layout, "PATIENCE", 0.0)
    with pytest.raises(layout.DrawingFailed, match="0 seconds"):
        layout.svg_of(chain([], 1))


def test_without_graphviz_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=re.escape('pip install "bxml-calls[draw]"')):
        layout.svg_of(chain([], 1))


def test_nothing_at_all_can_be_drawn() -> None:
    graph = Graph(title="x")
    assert of_class(drawn(layout.svg_of(graph)), "node") == {}
    assert drawing.groups_of(graph) == ()
    assert "flowchart TD" in drawing.mermaid_of(graph)
    assert "<script" in page.html_of(graph)


def dumped(html: str, fragment: str, folder: Path) -> Any:
    """What a browser has made of a page, once its script has run."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("there is no Chromium")
    file = folder / "page.html"
    file.write_text(html, "utf-8")
    result = subprocess.run(  # noqa: S603  # a browser that was found
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            f"{file.as_uri()}#{fragment}",
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return etree.fromstring(result.stdout, etree.HTMLParser(encoding="utf-8", huge_tree=True))


HACKS = (
    "<script>document.body.id='hacked'</script><img src=x onerror=\"document.body.id='hacked'\">"
    "</script><svg onload=\"document.body.id='hacked'\">\u2028"
)


@pytest.mark.parametrize("size", [4, 40])
def test_a_browser_shows_the_node_in_the_address_and_runs_nothing_of_it(
    size: int, tmp_path: Path
) -> None:
    bxml = f"<Response>{HACKS}</Response>"
    graph = Graph(
        title=HACKS,
        nodes=tuple(
            Node(id=at, title=f"{at} {HACKS}", says=(HACKS,), bxml=bxml, url="javascript:alert(1)")
            for at in range(1, size + 1)
        ),
        edges=tuple(
            Edge(source=max(1, at // 3), target=at, kind="speech", choices=(HACKS,))
            for at in range(2, size + 1)
        ),
        findings=(
            Finding(rule=HACKS, level="error", message=HACKS, node=3, conversation=(HACKS,)),
        ),
        remarks=(HACKS,),
    )
    dom = dumped(page.html_of(graph, covered={}), "n3", tmp_path)
    (body,) = dom.iter("body")
    assert body.get("id") is None
    assert [each.get("id") for each in dom.iter("script")] == ["data", None]
    assert list(dom.iter("img")) == []
    (shown,) = dom.xpath("//*[@id='panel']//*[@id='bxml']")
    assert shown.text == bxml
    assert list(shown) == []
    (here,) = dom.xpath("//*[contains(concat(' ', @class, ' '), ' here ')]")
    assert here.get("id") == "n3"
    assert {each.get("href")[0] for each in dom.iter("a")} == {"#"}


def test_a_browser_begins_with_the_groups_of_a_large_graph(tmp_path: Path) -> None:
    graph = large(60, 150)
    dom = dumped(page.html_of(graph), "", tmp_path)
    shapes = dom.xpath("//*[@id='picture']//*[@role='link']")
    assert {each.get("id") for each in shapes} == {
        f"g{at}" for at in range(len(drawing.groups_of(graph)))
    }
    assert {each.get("tabindex") for each in shapes} == {"0"}


def test_a_webhook_that_fails_and_leads_where_the_call_goes_anyway_is_not_drawn() -> None:
    nodes = tuple(Node(id=number, title=f"{number}") for number in (1, 2, 3))
    edges = (
        Edge(source=1, target=2, kind="silence", choices=("silence",), event="gather"),
        Edge(source=1, target=2, kind="failure", choices=("it fails",), event="gather"),
        Edge(source=1, target=3, kind="failure", choices=("it fails",), event="gather"),
    )
    picture = drawing.picture_of(Graph(title="x", nodes=nodes, edges=edges))
    assert [arrow.name for arrow in picture.arrows] == ["e0", "e2"]

"""States that nobody can tell apart."""

from hypothesis import given
from hypothesis import strategies as st

from calls.explore.minimal import Way, classes_of, representatives

Machine = tuple[list[str], list[list[Way]]]


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    count = draw(st.integers(1, 8))
    kinds = draw(st.lists(st.sampled_from("ab"), min_size=count, max_size=count))
    target = st.none() | st.integers(0, count - 1)
    keys = st.dictionaries(st.sampled_from("xyz"), target, max_size=3)
    ways: list[list[Way]] = [list(draw(keys).items()) for _ in kinds]
    return kinds, ways


def by_pairs(kinds: list[str], ways: list[list[Way]]) -> set[tuple[int, int]]:
    """The pairs of states that differ, found by trying all of them until no more are found."""
    states = range(len(kinds))
    out = [dict(each) for each in ways]
    differ = {
        (a, b)
        for a in states
        for b in states
        if kinds[a] != kinds[b] or out[a].keys() != out[b].keys()
    }
    while True:
        more = {
            (a, b)
            for a in states
            for b in states
            for key in out[a]
            if (a, b) not in differ and _differ(out[a][key], out[b][key], differ)
        }
        if not more:
            return differ
        differ |= more


def _differ(a: int | None, b: int | None, differ: set[tuple[int, int]]) -> bool:
    return a is not b if a is None or b is None else (a, b) in differ


@given(machines())
def test_two_states_have_one_class_if_and_only_if_nobody_can_tell_them_apart(
    machine: Machine,
) -> None:
    kinds, ways = machine
    classes = classes_of(kinds, ways)
    differ = by_pairs(kinds, ways)
    for a, one in enumerate(classes):
        for b, other in enumerate(classes):
            assert (one != other) == ((a, b) in differ)


def test_a_long_chain_is_told_apart_from_its_end() -> None:
    length = 3_000
    ways: list[list[Way]] = [[("next", state + 1)] for state in range(length)]
    ways.append([("ends", None)])
    assert len(set(classes_of(["menu"] * (length + 1), ways))) == length + 1


def test_the_first_state_of_a_class_stands_for_it() -> None:
    assert representatives([0, 1, 0, 2, 1]) == {0: 0, 1: 1, 2: 3}

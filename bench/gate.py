"""How long the gate looks at a diagram before it says that nothing can get stuck: of a hundred elements, and of a
thousand. Shown in seconds, without a verdict: an editor asks on every pause."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from bench.figures import Figure, say, seconds
from engine import bpmn, checks
from engine.definition import Definition

HEAD = '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="urn:bench">'


def figures(sizes: Mapping[int, str]) -> Iterator[Figure]:
    """For each size the slowest of the shapes, all checks that need no pack; the target is what it is meant to take."""
    for size, meant in sizes.items():
        times = {name: _looked_at(shape, size) for name, shape in SHAPES.items()}
        slowest = max(times, key=lambda name: times[name])
        what = f"all checks on a diagram of {size} elements, the slowest of {len(SHAPES)} shapes ({slowest})"
        rounded = {name: round(time, 3) for name, time in times.items()}
        yield Figure(f"gate-{size}", what, round(times[slowest], 3), "s", f"shown; meant: {meant}", None, rounded)


def _looked_at(shape: Callable[[int], str], size: int) -> float:
    definition = drawn(shape, size)
    say(f"gate: {shape.__name__} of {size} …")
    return seconds(lambda: checks.check(definition))


def drawn(shape: Callable[[int], str], size: int) -> Definition:
    """A diagram of about so many elements."""
    xml = f'{HEAD}<process id="p" name="p" isExecutable="true">{shape(size)}</process></definitions>'
    return bpmn.read(xml.encode()).definition()


def row(size: int) -> str:
    """Steps one after the other."""
    return _between_ends([f"t{n}" for n in range(size)], "".join(map(_step, range(size))))


def blocks(size: int) -> str:
    """Again and again two branches, of which one has a step that is done until it is right and a reminder."""
    return _between_ends(
        [f"{name}{n}" for n in range(size // 9) for name in "fj"], "".join(map(_block, range(size // 9)))
    )


def circles(size: int) -> str:
    """Steps each with a choice to go on or far back: no two circles have the same beginning or lie in one another."""
    parts = "".join(
        _step(n) + _choice(f"x{n}", f"x{n}-t{n + 1}") + _flow(f"t{n}", f"x{n}") + _flow(f"x{n}", f"t{n // 2}", "again")
        for n in range(1, size // 2)
    )
    links = "".join(_flow(f"x{n}", f"t{n + 1}") for n in range(1, size // 2))
    ends = _start() + _end() + _step(0) + _step(size // 2)
    return ends + parts + links + _flow("s", "t0") + _flow("t0", "t1") + _flow(f"t{size // 2}", "e")


SHAPES: Mapping[str, Callable[[int], str]] = {"row": row, "blocks": blocks, "circles": circles}


def _block(n: int) -> str:
    steps = "".join(f'<userTask id="{name}{n}" name="{name}"/>' for name in "abcd")
    reminder = (
        f'<boundaryEvent id="r{n}" name="r" attachedToRef="a{n}" cancelActivity="false"><timerEventDefinition>'
        f'<timeDuration>P1D</timeDuration></timerEventDefinition></boundaryEvent><endEvent id="z{n}" name="z"/>'
    )
    gates = f'<parallelGateway id="f{n}" name="f"/><parallelGateway id="j{n}" name="j"/>' + _choice(
        f"x{n}", f"x{n}-j{n}"
    )
    ways = ("fa", "ax", "xj", "fb", "bc", "cd", "dj", "rz")
    flows = "".join(_flow(f"{way[0]}{n}", f"{way[1]}{n}") for way in ways) + _flow(f"x{n}", f"a{n}", "again")
    return gates + steps + reminder + flows


def _between_ends(ids: list[str], inside: str) -> str:
    """Some elements one behind the other, from the start to the end; what lies inside a block is drawn there."""
    ways = [way for way in pairwise(["s", *ids, "e"]) if not (way[0][0] == "f" and way[1][0] == "j")]
    return _start() + _end() + inside + "".join(_flow(*way) for way in ways)


def _start() -> str:
    return '<startEvent id="s" name="s"/>'


def _end() -> str:
    return '<endEvent id="e" name="e"/>'


def _step(n: int) -> str:
    return f'<userTask id="t{n}" name="t"/>'


def _choice(id: str, default: str) -> str:
    return f'<exclusiveGateway id="{id}" name="x" default="{default}"/>'


def _flow(source: str, target: str, condition: str = "") -> str:
    inner = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return f'<sequenceFlow id="{source}-{target}" sourceRef="{source}" targetRef="{target}">{inner}</sequenceFlow>'

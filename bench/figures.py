"""What a figure is, and how rounds are interleaved so that a drifting machine hits both sides alike."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass
class Figure:
    """One measured ratio. `reached` is None for a figure that is shown without a target."""

    name: str
    what: str
    value: float
    unit: str
    target: str
    reached: bool | None
    details: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def say(text: str) -> None:
    """Progress, for whoever waits: never among the results."""
    print(text, file=sys.stderr, flush=True)


def milliseconds(times: Sequence[float], share: float = 0.5) -> float:
    """The median of some times in seconds, or another quantile, as milliseconds."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def seconds(act: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def spent(act: Callable[[], object]) -> tuple[float, float]:
    """How long one call takes, and how much of it this process computes: the rest is the disk, or the server."""
    begin = time.process_time()
    return seconds(act), time.process_time() - begin


def interleaved(sides: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Times of each side, measured in turn: a b c a b c …"""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, act in enumerate(sides):
            times[side].append(seconds(act))
    return times


def ratio(times: Sequence[Sequence[float]], slow: int, fast: int) -> float:
    """The median over rounds of slow/fast within the same round."""
    return median(a / b for a, b in zip(times[slow], times[fast], strict=True))

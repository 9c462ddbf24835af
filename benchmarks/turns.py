"""Ways to one result, measured in turns."""

import gc
import statistics
import time
from dataclasses import dataclass, field


@dataclass
class Row:
    """Ways to one result, the first of which the others are measured against; the project's goals, by way."""

    name: str
    ways: dict
    goals: dict = field(default_factory=dict)
    repeats: int = 30
    slow: tuple = ()  # ways that are measured once, where there are such

    def measured(self):
        """way -> (ratio of minima, median ratio, smallest time)."""
        gc.collect()
        gc.freeze()  # what earlier rows left is none of this one's business
        fast = {name: run for name, run in self.ways.items() if name not in self.slow}
        for run in fast.values():
            run()
        turns = [{name: seconds(run) for name, run in fast.items()} for _ in range(self.repeats)]
        base = next(iter(self.ways))
        found = {}
        for name in fast:
            least = min(turn[name] for turn in turns)
            quotient = statistics.median(turn[name] / turn[base] for turn in turns)
            found[name] = (least / min(turn[base] for turn in turns), quotient, least)
        for name in (way for way in self.slow if way in self.ways):
            once = seconds(self.ways[name])
            ratio = once / statistics.median(turn[base] for turn in turns)
            found[name] = (ratio, ratio, once)
        return found


def seconds(run):
    """The time of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start

"""How often something can be done: of the standard library alone, so that any Python runs it."""

import statistics
import time
from collections.abc import Callable

REPEATS = 5


def rate(count: int, work: Callable[[], object]) -> float:
    """Return units a second: the median of five runs after one to warm up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return count / statistics.median(seconds)

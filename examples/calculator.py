"""Basic function caching: the first call computes, the second does not, and neither does the next run."""

import time

from cacherator import Cached, JSONCache


class Calculator(JSONCache):
    def __init__(self) -> None:
        super().__init__(data_id="calc")

    @Cached()
    def expensive_calculation(self, x: int, y: int) -> int:
        time.sleep(2)  # Simulate expensive operation
        return int(x**y)


if __name__ == "__main__":
    calc = Calculator()
    for x, y in [(2, 10), (3, 5)]:
        print(f"{x} ** {y} = {calc.expensive_calculation(x, y)} ({calc.last_cache_status})")

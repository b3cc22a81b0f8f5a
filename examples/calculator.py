"""Basic function caching: the first call computes, the second does not, and neither does the next run.

`calculator.py [X Y]...` calculates X ** Y for each pair (default: 2 10 and 3 5).
"""

import sys
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
    numbers = [int(text) for text in sys.argv[1:]] or [2, 10, 3, 5]
    for x, y in zip(numbers[::2], numbers[1::2]):
        print(f"{x} ** {y} = {calc.expensive_calculation(x, y)} ({calc.last_cache_status})", flush=True)

"""A server ends with its standard input: with the program that started it, however that ends."""

import os
import sys
import threading


def watch() -> None:
    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()

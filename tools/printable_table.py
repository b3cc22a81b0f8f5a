"""Writes src/printable.inc: the code points that signatures show as they are (str.isprintable of CPython 3.9, Unicode 13).

Run it with CPython 3.9. The table is frozen: signatures must be the same text on every version, for ever.
"""

import sys
import unicodedata


def main() -> None:
    if unicodedata.unidata_version != "13.0.0":
        sys.exit(f"needs Unicode 13.0.0 (CPython 3.9), this is {unicodedata.unidata_version}")
    print("// Made by tools/printable_table.py: first and last code point of each run of printable ones, Unicode 13.0.0.")
    begin = None
    for point in range(0x80, 0x110001):
        printable = point < 0x110000 and chr(point).isprintable()
        if printable and begin is None:
            begin = point
        elif not printable and begin is not None:
            print(f"{{0x{begin:X}, 0x{point - 1:X}}},")
            begin = None


main()

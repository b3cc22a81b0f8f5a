"""Writes src/local/entities.inc: what 1.2.9's slug makes of each named HTML entity ("-" for what is no letter or digit)."""

import html.entities
import re
import unicodedata


def main() -> None:
    print('// Made by tools/entity_table.py: names of HTML 4 entities, and what a file name keeps of them.')
    for name, point in sorted(html.entities.name2codepoint.items()):
        text = unicodedata.normalize("NFKD", chr(point)).lower()
        print(f'{{"{name}", "{re.sub("[^a-z0-9]+", "-", text)}"}},')


main()

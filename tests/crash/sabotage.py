"""Damages of a folder, each of one kind: crash.py has to see them. See its --sabotage."""

from __future__ import annotations

import json
import os
import random
import time
import zlib
from pathlib import Path
from typing import Callable, Dict, List

from rounds import Folder


def with_crc(record: bytes) -> bytes:
    return b'%s,"crc":"%08x"}' % (record, zlib.crc32(record))


def lines_of(path: Path) -> List[bytes]:
    return path.read_bytes().split(b"\n") if path.exists() else []


def cut_journal(folder: Folder) -> bool:
    """The last quarter of the journal is not there, as if it had never been written."""
    lines = lines_of(folder.journal)
    kept = lines[: len(lines) * 3 // 4]
    gone = {json.loads(line)["put"] for line in lines[len(kept) :] if line.startswith(b'{"put":') and line.endswith(b"}")}
    folder.journal.write_bytes(b"\n".join(kept) + b"\n")
    return any(folder.ledger.calls[signature].kept >= 0 and folder.ledger.expected(signature) == "hit" for signature in gone)


def change_value(folder: Folder) -> bool:
    lines = lines_of(folder.journal)
    for i, line in enumerate(lines):
        if b'"value":"<' in line and line.endswith(b"}"):
            lines[i] = with_crc(line.replace(b'"value":"<', b'"value":"(').rpartition(b',"crc"')[0])
            folder.journal.write_bytes(b"\n".join(lines))
            return True
    return False


def flip_byte(folder: Folder) -> bool:
    text = bytearray(folder.journal.read_bytes() if folder.journal.exists() else b"")
    at = text.find(b'"value":"<')
    if at >= 0:
        text[at + 9] ^= 1
        folder.journal.write_bytes(text)
    return at >= 0


def bring_back(folder: Folder) -> bool:
    """A call that was cleared gets a record that no clear is newer than."""
    for signature in folder.ledger.calls:
        if folder.ledger.expected(signature) == "miss" and folder.journal.exists():
            key = signature.split("'")[1]
            record = f'{{"put":"{signature}","value":"<{key}>","utc":{time.time():.6f},"ttl":999,"under":999999999'
            with open(folder.journal, "ab") as journal:
                journal.write(b"\n" + with_crc(record.encode()) + b"\n")
            return True
    return False


def forget_all(folder: Folder) -> bool:
    """What comes next computes again what was reported."""
    for path in (folder.document, folder.journal, folder.old):
        path.unlink(missing_ok=True)
    folder.start(1, 0)
    folder.await_reports()
    time.sleep(0.05)
    folder.kill(list(folder.living))
    folder.take_reports()
    return bool(folder.ledger.faults)


def cut_document(folder: Folder) -> bool:
    if not folder.document.exists() or folder.document.stat().st_size < 1000:
        return False
    os.truncate(folder.document, folder.document.stat().st_size // 2)
    os.utime(folder.document, (time.time() - 60, time.time() - 60))
    return True


def forget_state(folder: Folder) -> bool:
    """The shared variable has another name."""
    if folder.ledger.judged_state("ours", "none") != "lost":
        return False
    if folder.document.exists():
        folder.document.write_bytes(folder.document.read_bytes().replace(b'"ours":', b'"hers":'))
    for path in (folder.journal, folder.old):
        if path.exists():
            renamed = b'{"state":"hers"'
            path.write_bytes(b"\n".join(
                with_crc(line.replace(b'{"state":"ours"', renamed).rpartition(b',"crc"')[0]) if line.startswith(b'{"state":"ours"') else line
                for line in lines_of(path)
            ))  # fmt: skip
    return True


#: each damages one thing, or answers that there is none
DAMAGE: Dict[str, Callable[[Folder], bool]] = {
    "lost": cut_journal, "wrong": change_value, "unreadable": flip_byte, "returned": bring_back,
    "twice": forget_all, "document": cut_document, "state": forget_state,
}  # fmt: skip
SEEN_AS = {"document": "unreadable", "state": "lost"}


def is_seen(kind: str, commands: List[List[str]], chance: random.Random) -> bool:
    """One folder is damaged in this way; True: it is counted as what it is."""
    mode = {"returned": "clears", "document": "saves", "state": "saves"}.get(kind, "small")
    for _ in range(50):
        with Folder(mode, commands, chance) as folder:
            folder.start(2, 0)
            folder.await_reports()
            time.sleep(0.2)
            folder.kill(list(folder.living))
            if folder.read(DAMAGE[kind]):
                counts = folder.ended()
                seen = counts[SEEN_AS.get(kind, kind)]
                print(f"sabotage {kind}: {seen} {SEEN_AS.get(kind, kind)}", flush=True)
                return seen > 0
    print(f"sabotage {kind}: there was nothing to damage")
    return False

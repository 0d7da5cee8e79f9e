#!/usr/bin/env python3
"""Brings out what is left of a damaged stream, written from format/SPEC.md alone.

    salvager.py STREAM [IMAGE [BASE]]

says what is there in one line, and writes the image with zeros for what is
missing:

    salvaged: SIZE bytes, missing OFFSET+LENGTH,..., sha256 DIGEST
    nothing: no frame is whole

BASE is the stream that this one is the difference to. Without it, what differs is
missing.

It holds all of the stream and the image in memory. An image that is too large
for that has no digest: it is shown as "-".
"""

import hashlib
import sys

from reader import (CHECKSUM, DATA, END, FAILURE, HEADER, IMAGE, MAGIC, PATCH, RESUMED, ZERO,
                    Base, Header, Lacking, Refused, apply, check_fields, decode, must, read_first)
from payloads import crc32c

MAX_IMAGE = 64 << 20
EVERYTHING = 1 << 63


def whole_frames(stream):
    """Each frame of one stream whose two CRCs are right, as (header, payload, digest)."""
    identity, at = None, stream.find(MAGIC)
    while at >= 0 and len(stream) - at >= HEADER.size:
        raw = stream[at:at + HEADER.size]
        h = Header(*HEADER.unpack(raw))
        end = at + HEADER.size
        if crc32c(raw[:60]) != h.header_crc:
            at = stream.find(MAGIC, at + 1)
            continue
        payload = stream[end:end + h.payload_length]
        if believable(h) and identity in (None, h.identity) and len(payload) == h.payload_length \
                and crc32c(payload) == h.payload_crc:
            identity, end = h.identity, end + h.payload_length
            yield h, payload, hashlib.sha256(raw + payload).digest()
        at = stream.find(MAGIC, end)


def believable(h):
    try:
        check_fields(h, "")
    except Refused:
        return False
    return True


def without(parts, start, end):
    cut = [piece for s, e in parts for piece in ((s, min(e, start)), (max(s, end), e))]
    return [(s, e) for s, e in cut if s < e]


def joined(parts):
    all = []
    for s, e in sorted(parts):
        if all and s <= all[-1][1]:
            all[-1] = (all[-1][0], max(e, all[-1][1]))
        else:
            all.append((s, e))
    return all


class Salvage:
    def __init__(self, base):
        self.base = base
        self.frames = 0
        self.size, self.end = None, 0  # of the image; of the last part
        self.summed = None             # what the first frame says, if it is there
        self.described = False
        self.parts = []                # (offset, bytes), or None for zeros, in the order of the stream
        self.missing = [(0, EVERYTHING)]
        self.waiting = {}              # number of a frame: its digest and its part

    def take(self, h, payload, digest):
        self.frames += 1
        if h.type in (IMAGE, RESUMED) and not self.described:
            self.describe(h, payload)
        elif h.type in (DATA, ZERO, PATCH):
            self.place(h, payload)
        elif h.type == CHECKSUM and self.summed is not False:
            self.compare(h, payload)
        elif h.type == END and self.size is None:
            self.size = h.length
        if h.type not in (CHECKSUM, END, FAILURE):
            part = (h.offset, h.offset + h.length) if h.type in (DATA, ZERO, PATCH) else None
            self.waiting[h.sequence] = digest, part

    def describe(self, h, payload):
        try:
            read_first(payload)
        except Refused:
            return
        self.described, self.summed = True, bool(h.flags & 1)
        if self.size is None:
            self.size = h.length

    def place(self, h, payload):
        start, end = h.offset, h.offset + h.length
        try:
            part = self.decode(h, payload)
        except Refused:
            return
        if self.size is not None and end > self.size:
            return
        if without(self.missing, start, end) == self.missing:
            return
        self.parts.append((start, end, part))
        self.missing = without(self.missing, start, end)
        self.end = max(self.end, end)

    def decode(self, h, payload):
        if h.type == ZERO:
            return None
        if h.type == DATA:
            return decode(h, payload, "")
        must(self.base, "no base", kind=Lacking)
        return apply(h, payload, self.base, "")

    def compare(self, h, payload):
        first = h.sequence - len(payload) // 32
        for number, (digest, part) in self.waiting.items():
            covered = 0 <= first <= number < h.sequence
            if covered and payload[(number - first) * 32:][:32] != digest and part:
                self.parts.append((*part, None))
                self.missing = joined(self.missing + [part])
        self.waiting = {n: w for n, w in self.waiting.items() if n > h.sequence}

    def line(self):
        if not self.frames:
            return "nothing: no frame is whole"
        size = self.end if self.size is None else self.size
        missing = joined(without(self.missing, size, EVERYTHING))
        text = ",".join("%d+%d" % (s, e - s) for s, e in missing) or "-"
        digest = "-" if size > MAX_IMAGE else hashlib.sha256(self.image(size)).hexdigest()
        return "salvaged: %d bytes, missing %s, sha256 %s" % (size, text, digest)

    def image(self, size):
        image = bytearray(size)
        for start, end, part in self.parts:
            if start < size:
                end = min(end, size)
                image[start:end] = bytes(end - start) if part is None else part[:end - start]
        return bytes(image)


def salvage(path, base=None):
    salvage = Salvage(base and Base(base))
    with open(path, "rb") as source:
        for frame in whole_frames(source.read()):
            salvage.take(*frame)
    return salvage


def main(args):
    if not 1 <= len(args) <= 3:
        print(__doc__, file=sys.stderr)
        return 2
    found = salvage(args[0], args[2] if len(args) > 2 else None)
    if len(args) > 1 and found.frames:
        with open(args[1], "wb") as out:
            out.write(found.image(found.end if found.size is None else found.size))
    print(found.line())
    return 0 if found.frames else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

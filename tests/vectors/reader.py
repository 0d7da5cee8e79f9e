#!/usr/bin/env python3
"""A reader of snappipe streams, written from format/SPEC.md alone.

    reader.py [STREAM [IMAGE [BASE]]]

reads a stream from a file, a block device or standard input, checks every rule
of the specification, and says what it is in one line. BASE is the stream of the
image that it is the difference to.

    good: SIZE bytes, sha256 DIGEST, digest DIGEST
                                        exit 0; IMAGE, if named, holds the image
    resumed: no image here              exit 0; IMAGE is not touched
    refused: REASON                     exit 4; IMAGE is not touched
    failed: REASON                      exit 3; IMAGE is not touched
    damaged: REASON                     exit 3; IMAGE is not touched
    unsupported: REASON                 exit 3; IMAGE is not touched
    lacking: BASE                       exit 4; IMAGE is not touched

It is slow, and as plain as it can be: it is there to be read beside the
specification, and to be asked when two other implementations disagree.
"""

import calendar
import datetime
import hashlib
import os
import re
import stat
import struct
import sys
from collections import namedtuple

from payloads import CODECS, Undecodable, crc32c

MAGIC = b"\x89SNP\r\n\x1a\n"
HEADER = struct.Struct("<8sBBBBHHQQQQIIII")
MAX_PAYLOAD = MAX_PART = 4 << 20
MAX_DIGESTS = MAX_FACTS = 1024
MAX_FAILURE = 16384
MAX_LINES = 1024
NO_BASE = (1 << 64) - 1
IMAGE, DATA, ZERO, CHECKSUM, END, RESUMED, FAILURE, PATCH = 1, 2, 3, 4, 5, 6, 7, 8
ANCILLARY, SIGNATURE, INDEX = 0x8000, 0x8001, 0x8002
MAX_SIGNATURE, MAX_SIGNATURES = 16384, 64
PAGE = 4096

Header = namedtuple("Header", "magic version flags codec reserved1 type reserved2 "
                    "identity sequence offset length payload_length payload_crc "
                    "image_crc header_crc")


class Refused(Exception):
    kind, code = "damaged", 3


class Damaged(Refused):
    pass


class Failure(Refused):
    """The stream says itself that it has no image."""

    def __init__(self, facts):
        object, reason = facts.get(b"object"), facts[b"reason"]
        super().__init__(object + ": " + reason if object else reason)
        self.kind, self.code = ("refused", 4) if facts[b"outcome"] == "refused" else ("failed", 3)


class Unsupported(Refused):
    kind = "unsupported"


class Lacking(Refused):
    """The base that the stream names is not there."""

    kind, code = "lacking", 4


def must(condition, reason, *args, kind=Damaged):
    if not condition:
        raise kind(reason % args)


# Section 1: frames.

def read_fully(source, size):
    data = b""
    while len(data) < size:
        part = source.read(size - len(data))
        if not part:
            break
        data += part
    return data


class Frames:
    """The frames of a stream one after another, as (header, payload, digest)."""

    def __init__(self, source):
        self.source, self.count, self.identity = source, 0, None

    def next(self):
        """The next frame, or None where the stream ends between two frames."""
        raw = read_fully(self.source, HEADER.size)
        if not raw:
            return None
        must(raw[:8] == MAGIC[:len(raw)], "frame %d: wrong magic", self.count)
        must(len(raw) == HEADER.size, "frame %d: cut off in its header", self.count)
        header = Header(*HEADER.unpack(raw))
        self.check_header(header, raw)
        payload = read_fully(self.source, header.payload_length)
        must(len(payload) == header.payload_length, "frame %d: cut off in its payload", self.count)
        must(crc32c(payload) == header.payload_crc, "frame %d: wrong payload CRC", self.count)
        self.count += 1
        return header, payload, hashlib.sha256(raw + payload).digest()

    def check_header(self, h, raw):
        where = "frame %d: " % self.count
        must(crc32c(raw[:60]) == h.header_crc, where + "wrong header CRC")
        check_fields(h, where)
        if self.identity is None:
            self.identity = h.identity
        must(h.identity == self.identity, where + "of another stream")
        must(h.sequence == self.count, where + "has sequence number %d", h.sequence)

    def at_end(self):
        return self.source.read(1) == b""


def check_fields(h, where):
    """What can be told from one header alone."""
    must(h.version == 1, where + "version %d", h.version, kind=Unsupported)
    must(h.reserved1 == 0 and h.reserved2 == 0, where + "reserved bytes set", kind=Unsupported)
    must(h.payload_length <= MAX_PAYLOAD, where + "payload of %d bytes", h.payload_length)
    must(h.offset < 1 << 63 and h.length < 1 << 63 and h.offset + h.length < 1 << 63,
         where + "offset %d and length %d", h.offset, h.length)
    must(h.type in CHECKS or h.type >= ANCILLARY, where + "type %d", h.type, kind=Unsupported)
    if h.type in CHECKS:
        CHECKS[h.type](h, where)


def unused(h, where, *fields):
    for field in fields:
        must(getattr(h, field) == 0, where + "%s is %d", field, getattr(h, field))


def check_first(h, where):
    must(h.flags & ~1 == 0, where + "flags 0x%02x", h.flags)
    unused(h, where, "codec", "offset", "image_crc")
    if h.type == RESUMED:
        unused(h, where, "length")


def check_data(h, where):
    unused(h, where, "flags")
    must(h.codec in CODECS, where + "codec %d", h.codec, kind=Unsupported)
    must(1 <= h.length <= MAX_PART, where + "stands for %d bytes", h.length)
    if h.codec == 0:
        must(h.payload_length == h.length, where + "stored in %d bytes", h.payload_length)
        must(h.payload_crc == h.image_crc, where + "stored, with two different CRCs")
    else:
        must(1 <= h.payload_length < h.length, where + "coded in %d bytes", h.payload_length)


def check_patch(h, where):
    unused(h, where, "flags")
    must(h.codec in CODECS, where + "codec %d", h.codec, kind=Unsupported)
    must(1 <= h.length <= MAX_PART, where + "stands for %d bytes", h.length)


def check_zero(h, where):
    unused(h, where, "flags", "codec", "payload_length", "payload_crc", "image_crc")
    must(h.length >= 1, where + "stands for nothing")


def check_checksum(h, where):
    unused(h, where, "flags", "codec", "offset", "length", "image_crc")
    count, rest = divmod(h.payload_length, 32)
    must(rest == 0 and 1 <= count <= MAX_DIGESTS, where + "digests of %d bytes", h.payload_length)


def check_end(h, where):
    unused(h, where, "flags", "codec", "offset", "image_crc")
    must(h.payload_length in (40, 72), where + "totals of %d bytes", h.payload_length)


def check_failure(h, where):
    unused(h, where, "flags", "codec", "offset", "length", "image_crc")
    must(h.payload_length <= MAX_FAILURE, where + "facts of %d bytes", h.payload_length)


def check_signature(h, where):
    unused(h, where, "flags", "codec", "offset", "length", "image_crc")
    must(1 <= h.payload_length <= MAX_SIGNATURE, where + "a signature of %d bytes", h.payload_length)


def check_index(h, where):
    unused(h, where, "flags", "codec", "offset", "length", "image_crc")
    size = h.payload_length - INDEX_HEAD.size - 8
    must(size > 0 and size % INDEX_LINE.size == 0, where + "an index of %d bytes", h.payload_length)


CHECKS = {IMAGE: check_first, RESUMED: check_first, DATA: check_data, ZERO: check_zero,
          CHECKSUM: check_checksum, END: check_end, FAILURE: check_failure,
          PATCH: check_patch, SIGNATURE: check_signature, INDEX: check_index}


# Section 3: facts.

NAME = re.compile(rb"[a-z0-9-]{1,64}")
NUMBER = re.compile(r"[1-9][0-9]*")
TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")


def read_facts(payload, *needed):
    facts, at = {}, 0
    while at < len(payload):
        must(len(facts) < MAX_FACTS, "facts: more than %d", MAX_FACTS)
        must(len(payload) - at >= 6, "facts: cut off")
        n, v = struct.unpack_from("<HI", payload, at)
        at += 6
        must(n + v <= len(payload) - at, "facts: cut off")
        name, value = payload[at:at + n], payload[at + n:at + n + v]
        at += n + v
        must(NAME.fullmatch(name), "facts: name %r", name)
        must(name not in facts, "facts: %r twice", name)
        try:
            facts[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            raise Damaged("facts: %r is not UTF-8" % name)
    for name in needed:
        must(facts.get(name), "facts: no %r", name)
    return facts


def read_first(payload):
    """Reads the facts of a first frame; returns them, and identity and root of its base."""
    facts = read_facts(payload, b"kernel", b"arch", b"page-size", b"host", b"time")
    check_page_size(facts[b"page-size"])
    check_time(facts[b"time"])
    identity, root = facts.get(b"base-identity", ""), facts.get(b"base-root", "")
    if not identity and not root:
        must(not facts.get(b"base-digest"), "facts: base-digest without a base")
        return facts, None
    must(re.fullmatch("[0-9a-f]{16}", identity), "facts: base-identity %r", identity)
    must(re.fullmatch("[0-9a-f]{64}", root), "facts: base-root %r", root)
    digest = facts.get(b"base-digest", "")
    must(re.fullmatch("([0-9a-f]{64})?", digest), "facts: base-digest %r", digest)
    return facts, Needed(int(identity, 16), bytes.fromhex(root), bytes.fromhex(digest))


def read_failure(payload):
    return Failure(read_facts(payload, b"outcome", b"reason"))


def check_page_size(text):
    must(NUMBER.fullmatch(text) and len(text) < 20 and int(text) < 1 << 63,
         "facts: page-size %r", text)


def check_time(text):
    match = TIME.fullmatch(text)
    must(match, "facts: time %r", text)
    second = match[1]
    leap = second.endswith("T23:59:60")
    try:
        time = datetime.datetime.fromisoformat(second[:-2] + "59" if leap else second)
    except ValueError:
        raise Damaged("facts: time %r" % text)
    if leap:
        days = calendar.monthrange(time.year, time.month)[1]
        must(time.day == days, "facts: time %r, not at the end of a month", text)


# Section 5: checksum frames and the root.

class Checksums:
    def __init__(self, announced):
        self.announced, self.waiting, self.root = announced, [], hashlib.sha256()

    def add(self, digest):
        if self.announced:
            self.waiting.append(digest)
            must(len(self.waiting) <= MAX_DIGESTS, "more than 1024 frames without a checksum frame")

    def check(self, payload):
        must(self.announced, "a checksum frame that was not announced")
        must(payload == b"".join(self.waiting), "wrong digests")
        self.root.update(payload)
        self.waiting = []

    def check_root(self, root):
        if not self.announced:
            must(root == b"", "a root that was not announced")
            return
        must(not self.waiting, "frames that no checksum frame covers")
        must(root == self.root.digest(), "wrong root" if root else "no root")


# Section 12: the index.

INDEX_HEAD = struct.Struct("<QQQ")
INDEX_LINE = struct.Struct("<IHBBQ")


def read_index(payload):
    """Where the list begins (number, byte, byte of the image), and its lines."""
    return INDEX_HEAD.unpack(payload[:INDEX_HEAD.size]), list(INDEX_LINE.iter_unpack(payload[INDEX_HEAD.size:-8]))


class Indexes:
    """What the next index has to say. To be plain, it keeps any number of lines."""

    def __init__(self):
        self.begin, self.at, self.lines = (0, 0, 0), (0, 0, 0), []

    def add(self, h):
        number, byte, offset = self.at
        self.lines.append((h.payload_length, h.type, h.codec, 0, h.length))
        self.at = (number + 1, byte + HEADER.size + h.payload_length,
                   offset + (h.length if h.type in (DATA, ZERO, PATCH) else 0))

    def check(self, payload, where):
        length, = struct.unpack("<Q", payload[-8:])
        must(length == HEADER.size + len(payload), where + "an index that has another length")
        (number, byte, offset), lines = read_index(payload)
        behind = number + len(lines), byte + sum(HEADER.size + line[0] for line in lines)
        if behind != self.at[:2]:
            return  # it is about another stream
        must(((number, byte, offset), lines) == (self.begin, self.lines), where + "an index that is wrong")
        self.begin, self.lines = self.at, []


# Sections 2 and 6: the stream as a whole.

class Totals:
    def __init__(self):
        self.values = [0] * 5

    def data(self, h):
        self.values[0] += 1
        self.values[1] += h.length
        self.values[2] += h.payload_length

    def zero(self, h):
        self.values[3] += 1
        self.values[4] += h.length


# Section 11: the digest of the image. Its signatures are for ssh-keygen to check.

def pages_digest(pages):
    """The digest of pages, given the SHA-256 of each."""
    if not pages:
        return hashlib.sha256().digest()
    if len(pages) == 1:
        return pages[0]
    k = 1 << (len(pages) - 1).bit_length() - 1
    return hashlib.sha256(pages_digest(pages[:k]) + pages_digest(pages[k:])).digest()


class Pages:
    """The SHA-256 of each page of an image that comes in parts of any length."""

    def __init__(self):
        self.done, self.rest = [], b""

    def data(self, part):
        part = self.rest + part
        whole = len(part) // PAGE * PAGE
        self.done += [hashlib.sha256(part[at:at + PAGE]).digest() for at in range(0, whole, PAGE)]
        self.rest = part[whole:]

    def digest(self):
        last = [hashlib.sha256(self.rest).digest()] if self.rest else []
        return pages_digest(self.done + last)


def statement(first, facts, pages):
    """What the signatures are of."""
    kept = sorted((name, value.encode()) for name, value in facts.items() if not name.startswith(b"base-"))
    coded = b"".join(struct.pack("<HI", len(name), len(value)) + name + value for name, value in kept)
    return ("snappipe image\nidentity %016x\nsize %d\nfacts %s\npages %s\n" % (
        first.identity, first.length, hashlib.sha256(coded).hexdigest(), pages.digest().hex())).encode()


def decode(h, payload, where):
    try:
        part = CODECS[h.codec](payload, h.length)
    except Undecodable as err:
        raise Damaged("%s%s" % (where, err))
    must(len(part) == h.length, where + "decodes to another length than %d", h.length)
    must(crc32c(part) == h.image_crc, where + "wrong image CRC")
    return part


Needed = namedtuple("Needed", "identity root digest")


class Base:
    """What is known of the base: its image, by which its identity and root."""

    def __init__(self, path):
        self.image, self.pages = bytearray(), Pages()
        with open(path, "rb") as source:
            first, end, facts = read_stream(source, False, self, None)
        self.identity, self.root = first.identity, end[40:]
        self.digest = hashlib.sha256(statement(first, facts, self.pages)).digest()

    def fits(self, needed):
        return needed.identity == self.identity and (
            needed.root == self.root or needed.digest == self.digest)

    def data(self, part):
        self.image += part
        self.pages.data(part)

    def zeros(self, length):
        self.data(bytes(length))


def read_table(payload, h, where):
    """Reads the table of a patch frame; returns its lines and what follows it."""
    must(len(payload) >= 4, where + "no table")
    count, = struct.unpack_from("<I", payload)
    must(1 <= count <= MAX_LINES, where + "a table of %d lines", count)
    end = 4 + 12 * count
    must(len(payload) >= end, where + "its table is cut off")
    lines = list(struct.iter_unpack("<QI", payload[4:end]))
    must(all(length for _, length in lines), where + "an empty line in its table")
    must(sum(length for _, length in lines) == h.length, where + "its table does not make up the part")
    return lines, payload[end:]


def apply(h, payload, base, where):
    """The part that a patch frame stands for."""
    lines, coded = read_table(payload, h, where)
    must(len(coded) in (0, h.length) if h.codec == 0 else 1 <= len(coded) < h.length,
         where + "%d bytes for %d", len(coded), h.length)
    difference = coded or bytes(h.length)
    if h.codec:
        try:
            difference = CODECS[h.codec](coded, h.length)
        except Undecodable as err:
            raise Damaged("%s%s" % (where, err))
    must(len(difference) == h.length, where + "decodes to another length than %d", h.length)
    old = b""
    for offset, length in lines:
        if offset == NO_BASE:
            old += bytes(length)
            continue
        must(offset + length <= len(base.image), where + "bytes behind the end of the base")
        old += base.image[offset:offset + length]
    part = bytes(a ^ b for a, b in zip(old, difference))
    must(crc32c(part) == h.image_crc, where + "wrong image CRC")
    return part


def read_stream(source, is_device, sink, base):
    """Reads a whole stream into sink; returns its first header, totals and facts."""
    frames = Frames(source)
    frame = frames.next()
    must(frame, "empty")
    first, payload, digest = frame
    if first.type == FAILURE:
        raise read_failure(payload)
    must(first.type in (IMAGE, RESUMED), "begins with a frame of type %d", first.type)
    facts, needed = read_first(payload)
    must(not needed or base and base.fits(needed), "image %r", needed and tuple(needed), kind=Lacking)
    sums, totals, position, signatures = Checksums(first.flags & 1), Totals(), 0, 0
    sums.add(digest)
    indexes = Indexes()
    indexes.add(first)
    while True:
        where = "frame %d: " % frames.count
        frame = frames.next()
        must(frame, "stops before an end frame")
        h, payload, digest = frame
        must(h.type not in (IMAGE, RESUMED), where + "a second first frame")
        if h.type == FAILURE:
            raise read_failure(payload)
        if h.type == END:
            break
        if h.type == INDEX and sums.announced:
            indexes.check(payload, where)
        indexes.add(h)
        if h.type == CHECKSUM:
            sums.check(payload)
            continue
        sums.add(digest)
        must(h.type != PATCH or needed, where + "a patch frame, and no base is named")
        if h.type == SIGNATURE:
            signatures += 1
            must(first.type == IMAGE, where + "there is no image to sign")
            must(signatures <= MAX_SIGNATURES, where + "more than %d signatures", MAX_SIGNATURES)
        if h.type in (DATA, ZERO, PATCH):
            must(h.offset == position, where + "begins at %d, not %d", h.offset, position)
            must(h.length <= first.length - position, where + "goes past the image's end")
            position += h.length
        if h.type == DATA:
            totals.data(h)
            sink.data(decode(h, payload, where))
        elif h.type == PATCH:
            totals.data(h)
            sink.data(apply(h, payload, base, where))
        elif h.type == ZERO:
            totals.zero(h)
            sink.zeros(h.length)
    must(position == first.length, "%d bytes of %d", position, first.length)
    must(h.length == first.length, "the end frame has image size %d", h.length)
    must(list(struct.unpack("<5Q", payload[:40])) == totals.values, "wrong totals")
    sums.check_root(payload[40:])
    must(is_device or frames.at_end(), "goes on after its end frame")
    return first, payload, facts


class Sink:
    """Hashes an image, and writes it to a file that gets its name when all is well."""

    def __init__(self, path):
        self.path, self.hash, self.pages = path, hashlib.sha256(), Pages()
        self.file = open(path + ".part", "wb") if path else None

    def data(self, part):
        self.hash.update(part)
        self.pages.data(part)
        if self.file:
            self.file.write(part)

    def zeros(self, length):
        while length:
            n = min(length, MAX_PART)
            self.data(bytes(n))
            length -= n

    def close(self, good):
        if self.file:
            self.file.close()
            if good:
                os.rename(self.path + ".part", self.path)
            else:
                os.remove(self.path + ".part")


def shown(text):
    """What can be shown on a terminal of a text that comes from elsewhere."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def main(args):
    if len(args) > 3:
        print(__doc__, file=sys.stderr)
        return 2
    source = open(args[0], "rb") if args else sys.stdin.buffer
    is_device = stat.S_ISBLK(os.fstat(source.fileno()).st_mode)
    sink, good = Sink(args[1] if len(args) > 1 else None), False
    try:
        base = Base(args[2]) if len(args) > 2 else None
        first, _, facts = read_stream(source, is_device, sink, base)
        good = first.type == IMAGE
    except Refused as err:
        print("%s: %s" % (err.kind, shown(err)))
        return err.code
    finally:
        sink.close(good)
    if first.type == RESUMED:
        print("resumed: no image here")
    else:
        digest = hashlib.sha256(statement(first, facts, sink.pages)).hexdigest()
        print("good: %d bytes, sha256 %s, digest %s" % (first.length, sink.hash.hexdigest(), digest))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

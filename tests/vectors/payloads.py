"""The codecs of format/SPEC.md, section 4, each decoding one payload to exactly
the number of bytes that the frame's header says, in memory bounded by it.

LZ4 and S2 blocks and CRC-32C are decoded by hand, from their definitions: a
second implementation finds nothing that it has in common with the first.
zstd is the `zstd` tool, after a walk over the frame that shows what it is.
"""

import lzma
import subprocess
import tempfile
import zlib


class Undecodable(Exception):
    """The payload is not what its codec says, or not of the length announced."""


def _crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    table, crc = _TABLE, 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class _Input:
    """A cursor over a payload that refuses to go past its end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        if n > self.left():
            raise Undecodable("the coded bytes stop short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "little")


class _Output:
    """What has been decoded so far: never more than announced."""

    def __init__(self, length):
        self.data, self.length = bytearray(), length

    def room(self, n):
        if n > self.length - len(self.data):
            raise Undecodable("it decodes to more than %d bytes" % self.length)

    def literal(self, data):
        self.room(len(data))
        self.data += data

    def copy(self, offset, n):
        """Repeats n bytes from offset bytes back; they may overlap what they make."""
        self.room(n)
        if not 1 <= offset <= len(self.data):
            raise Undecodable("a match reaches back %d of %d bytes" % (offset, len(self.data)))
        period = bytes(self.data[-offset:][:n])
        self.data += (period * (n // len(period) + 1))[:n]


def none(payload, length):
    return payload


def lz4(payload, length):
    """Sequences of token, literals, offset, match length; the last has literals only."""
    src, out = _Input(payload), _Output(length)

    def extended(n):
        byte = 255
        while n >= 15 and byte == 255:
            byte = src.number(1)
            n += byte
        return n

    while True:
        token = src.number(1)
        out.literal(src.take(extended(token >> 4)))
        if not src.left():
            return bytes(out.data)
        offset = src.number(2)
        out.copy(offset, extended(token & 15) + 4)


def s2(payload, length):
    """A Snappy block, in which a one-byte-offset copy of offset 0 repeats the last offset."""
    src, out = _Input(payload), _Output(length)
    if _uvarint(src) != length:
        raise Undecodable("an S2 block of another length")
    last = 0
    while src.left():
        tag = src.number(1)
        kind, n = tag & 3, tag >> 2
        if kind == 0:
            if n >= 60:
                n = src.number(n - 59)
            out.literal(src.take(n + 1))
            continue
        if kind == 1:
            offset, n = (tag & 0xE0) << 3 | src.number(1), n & 7
            if offset == 0:
                offset, n = last, _repeat(src, n)
            n += 4
        else:
            offset, n = src.number(2 if kind == 2 else 4), n + 1
        out.copy(offset, n)
        last = offset
    return bytes(out.data)


def _repeat(src, n):
    """The length of a repeat, less 4: up to 4 as it stands, or in the bytes that follow."""
    if n < 5:
        return n
    return src.number(n - 4) + {5: 4, 6: 1 << 8, 7: 1 << 16}[n]


def _uvarint(src):
    value = 0
    for shift in range(0, 35, 7):
        byte = src.number(1)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise Undecodable("an S2 block of an endless length")


def gzip(payload, length):
    """One member; zlib checks its CRC-32 and length."""
    return _drain(zlib.decompressobj(wbits=31), payload, length, zlib.error)


def xz(payload, length):
    """LZMA2 chunks without a container; no dictionary larger than the part."""
    chain = [{"id": lzma.FILTER_LZMA2, "dict_size": max(4096, length)}]
    coder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=chain)
    return _drain(coder, payload, length, lzma.LZMAError)


def _drain(coder, payload, length, failure):
    """All that the coder makes of the payload, up to one byte too many: with
    that much room it goes on to the end of what it reads, trailers included."""
    try:
        data = coder.decompress(payload, length + 1)
    except failure as err:
        raise Undecodable(str(err)) from err
    if len(data) <= length and not coder.eof:
        raise Undecodable("the coded bytes stop short")
    if coder.unused_data:
        raise Undecodable("bytes follow the coded data")
    return data


ZSTD_MAGIC = 0xFD2FB528
ZSTD_WINDOW = 8 << 20


def zstd(payload, length):
    _one_zstd_frame(payload)
    # From a file rather than a pipe, so that neither side waits for the other.
    with tempfile.TemporaryFile() as coded:
        coded.write(payload)
        coded.seek(0)
        tool = subprocess.Popen(["zstd", "-dcq", "--memory=8MiB"], stdin=coded,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        data = tool.stdout.read(length + 1)
        tool.stdout.close()
        failure = tool.stderr.read().decode(errors="replace").strip()
        tool.stderr.close()
        if tool.wait() != 0 and len(data) <= length:
            raise Undecodable(failure)
    return data


def _one_zstd_frame(payload):
    """RFC 8878, section 3.1.1: the tool would take several frames, skippable
    ones and older formats, none of which may be here."""
    src = _Input(payload)
    if src.number(4) != ZSTD_MAGIC:
        raise Undecodable("not a Zstandard frame")
    descriptor = src.number(1)
    single = descriptor >> 5 & 1
    if descriptor >> 3 & 1:
        raise Undecodable("a Zstandard frame with a reserved bit set")
    window = 0
    if not single:
        exponent, mantissa = divmod(src.number(1), 8)
        window = (1 << 10 + exponent) // 8 * (8 + mantissa)
    if src.number((0, 1, 2, 4)[descriptor & 3]) != 0:
        raise Undecodable("a Zstandard frame that needs a dictionary")
    content = src.number((single, 2, 4, 8)[descriptor >> 6])
    if max(window, content * single) > ZSTD_WINDOW:
        raise Undecodable("a Zstandard frame with a window over 8 MiB")
    last = False
    while not last:
        block = src.number(3)
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        if kind == 3:
            raise Undecodable("a Zstandard block of reserved type")
        src.take(1 if kind == 1 else size)
    src.take(4 * (descriptor >> 2 & 1))
    if src.left():
        raise Undecodable("bytes follow the Zstandard frame")


CODECS = {0: none, 1: zstd, 2: s2, 3: lz4, 4: xz, 5: gzip}

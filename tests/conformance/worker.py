"""A worker in Python, after docs/protocol.md, of ctypes and mmap alone: `worker.py NAME [PREFIX]`. POST /echo is repeated."""
import ctypes, mmap, os, struct, sys, time
from ctypes import byref, c_char, c_int, c_long, c_uint32, c_void_p

READY, CLAIMED, DONE, ACQUIRE, ACQ_REL = 1, 2, 3, 2, 4
MAGIC, HEADER, SLOT = 0x534C4231, 64, 128
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]

libc = ctypes.CDLL("libc.so.6", use_errno=True)
libc.sem_open.restype, libc.sem_post.argtypes, libc.sem_timedwait.argtypes = c_void_p, [c_void_p], [c_void_p, c_void_p]
atomic = ctypes.CDLL("libatomic.so.1")
load_word, swap_word = (getattr(atomic, name) for name in ("__atomic_load_4", "__atomic_compare_exchange_4"))
load_word.argtypes, load_word.restype = [c_void_p, c_int], c_uint32
swap_word.argtypes, swap_word.restype = [c_void_p, c_void_p, c_uint32, c_int, c_int], ctypes.c_bool


exchange = lambda address, old, new: swap_word(address, byref(c_uint32(old)), new, ACQ_REL, ACQUIRE)
up8 = lambda n: n + 7 & ~7


class Meta:
    """Reads postcard: numbers are varints, texts are lengths and UTF-8."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte, self.at = self.data[self.at], self.at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    def text(self):
        length = self.number()
        text, self.at = self.data[self.at : self.at + length], self.at + length
        return text.decode()

    def pairs(self):
        return [(self.text(), self.text()) for _ in range(self.number())]


class Bus:
    def __init__(self, prefix, name):
        self.base = f"{prefix}-{name}"
        self.file = open(f"/dev/shm/{self.base}", "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.address = ctypes.addressof(c_char.from_buffer(self.map))
        magic, self.version, self.slots, self.heap, self.heap_size = struct.unpack_from("<5I", self.map)
        if magic != MAGIC or self.version not in (1, 2) or self.heap + self.heap_size > len(self.map):
            raise OSError(f"{self.base} is not ready, or no region")
        self.bells = [libc.sem_open(f"/{self.base}-{kind}".encode(), 0) for kind in ("req", "rsp")]
        self.objects = {}
        if not all(self.bells):
            raise OSError(f"{self.base} has no semaphores yet")

    def is_current(self):
        name = f"/dev/shm/{self.base}"
        return os.path.exists(name) and os.stat(name).st_ino == os.fstat(self.file.fileno()).st_ino

    def wait(self):
        end = time.time() + 1
        libc.sem_timedwait(self.bells[0], byref((c_long * 2)(int(end), int(end % 1 * 1e9))))

    def object(self, kind, slot, marker):
        return f"/dev/shm/{self.base}-{kind}-{slot}" + (f"-g{marker - 1}" if marker > 1 else "")

    def read(self, offset, length):
        if offset + length > self.heap_size:
            raise ValueError("a range ends behind the heap")
        return self.map[self.heap + offset : self.heap + offset + length]

    def request(self, slot):
        at = HEADER + SLOT * slot
        meta_at, meta_len, body_at, body_len, marker = struct.unpack_from("<IH2xIIB", self.map, at + 44)
        meta = Meta(self.read(meta_at, meta_len))
        path, _pattern, _params = meta.text(), meta.text(), meta.pairs()
        if marker == 0:
            return METHODS[self.map[at + 40]], path, self.read(body_at, body_len)
        with open(self.object("req", slot, marker), "rb") as file:
            body = file.read(body_len)
        return METHODS[self.map[at + 40]], path, body if len(body) == body_len else body[body_len]

    def room(self, slot, length):
        """Heap bytes for an answer: the slot's own half in version 2, from the bump allocator in version 1."""
        if self.version == 2:
            arena = self.heap_size // self.slots & ~7
            half = arena // 2 & ~7
            return slot * arena + half if length <= half else None
        while (head := load_word(self.address + 20, ACQUIRE)) + up8(length) <= self.heap_size:
            if exchange(self.address + 20, head, head + up8(length)):
                return head
        return None

    def overflow(self, slot, body):
        for marker in range(1, 2 if self.version == 1 else 256):
            name = self.object("rsp", slot, marker)
            if self.objects.get(slot) == name:
                os.unlink(name)  # Its reader is done: the slot came back.
            if not os.path.exists(name):
                with open(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(body.ljust(max(len(body) + 4095 & ~4095, 4096), b"\0"))
                self.objects[slot] = name
                return marker
        raise OSError("no name is left for an overflow object")

    def answer(self, slot, status, content_type, body):
        at = HEADER + SLOT * slot
        meta = bytes([len(content_type)]) + content_type.encode() + b"\0"
        place, marker = self.room(slot, up8(len(meta)) + len(body)), 0
        body_at = (place or 0) + up8(len(meta))
        if place is None:
            marker, body_at, place = self.overflow(slot, body), 0, self.room(slot, len(meta))
        if place is None:
            # The request's bytes are this worker's while it is claimed, and the shortest meta fits there, if they are any.
            place = struct.unpack_from("<I", self.map, at + 44)[0]
            place, meta = (place, b"\0\0") if place + 2 <= self.heap_size else (0, b"")
        for offset, data in ((place, meta), (body_at, b"" if marker else body)):
            self.map[self.heap + offset : self.heap + offset + len(data)] = data
        struct.pack_into("<HxxIHxxIIB", self.map, at + 64, status, place, len(meta), body_at, len(body), marker)

    def serve(self, slot):
        status = self.address + HEADER + SLOT * slot
        if load_word(status, ACQUIRE) != READY or not exchange(status, READY, CLAIMED):
            return
        try:
            method, path, body = self.request(slot)
            self.answer(slot, 200, "text/plain", body if path == "/echo" else f"{method} {path}".encode())
        except (ValueError, IndexError, OSError) as error:
            self.answer(slot, 400, "text/plain", str(error).encode())
        if exchange(status, CLAIMED, DONE):
            libc.sem_post(self.bells[1])


def main(name, prefix="slotbus"):
    while True:
        try:
            bus = Bus(prefix, name)
        except (OSError, ValueError, struct.error):
            time.sleep(0.05)  # No hub yet, or one that is just making the bus.
            continue
        while bus.is_current():
            for slot in range(bus.slots):
                bus.serve(slot)
            bus.wait()
        list(map(os.unlink, filter(os.path.exists, bus.objects.values())))


main(*sys.argv[1:])

/// Programs that run in the test's pods: independent of our code, plain Python.
enum Scripts {
  /// server.py NAME PORT: TCP and UDP on both families; answers every connection or datagram with its name and the
  /// client's address, and TCP lines with themselves. Ends by itself after two minutes.
  static let server = """
    import select, signal, socket, sys
    signal.alarm(120)
    name, port = sys.argv[1], int(sys.argv[2])
    tcp = socket.socket(socket.AF_INET6); tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.bind(("::", port)); tcp.listen(1000)
    # One UDP socket per family, so that answers leave with the address that was asked.
    udps = []
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        udp = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6: udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.bind((any, port)); udps.append(udp)
    connections = []
    while True:
        for s in select.select([tcp] + udps + connections, [], [])[0]:
            if s is tcp:
                c, peer = tcp.accept(); c.sendall(f"{name} {peer[0].replace('::ffff:', '')}\\n".encode()); connections.append(c)
            elif s in udps:
                data, peer = s.recvfrom(2000); s.sendto(f"{name} {peer[0]}\\n".encode(), peer)
            else:
                try: data = s.recv(2000)
                except OSError: data = b""
                if data: s.sendall(data)
                else: connections.remove(s); s.close()
    """

  /// client.py tcp|udp|stream|datagrams ADDRESS PORT COUNT: prints what answered how often, or the error, as `WHAT COUNT`
  /// lines. `stream` sends COUNT lines over one connection, `datagrams` COUNT datagrams from one port, 10 ms apart. The
  /// connection ends by a reset, so that it waits nowhere.
  static let client = """
    import collections, errno, socket, struct, sys, time
    mode, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if mode in ("tcp", "stream") else socket.SOCK_DGRAM
    seen = collections.Counter()
    def opened():
        s = socket.socket(family, kind); s.settimeout(6); s.connect((address, port)); return s
    def name(error): return errno.errorcode.get(error.errno, "TIMEOUT") if error.errno else "TIMEOUT"
    if mode == "stream":
        try:
            s = opened(); f = s.makefile("rw"); who = f.readline().strip()
            for i in range(count):
                f.write(f"{i}\\n"); f.flush()
                if f.readline() != f"{i}\\n": raise OSError(errno.ECONNRESET, "closed")
                seen[who] += 1; time.sleep(0.01)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); f.close(); s.close()
        except OSError as error: seen[name(error)] += 1
    elif mode == "datagrams":
        s = opened()
        for i in range(count):
            try: s.send(b"x"); seen[s.recv(2000).decode().strip()] += 1
            except OSError as error: seen[name(error)] += 1
            time.sleep(0.01)
    else:
        for i in range(count):
            try:
                with opened() as s:
                    if mode == "udp": s.send(b"x")
                    seen[s.recv(2000).decode().strip()] += 1
            except OSError as error: seen[name(error)] += 1
    for key, value in sorted(seen.items()): print(key, value)
    """

  /// ask.py {INDEX tcp|udp ADDRESS PORT COUNT SECONDS}…: all of them at once; prints what answered how often as
  /// `INDEX WHAT COUNT`. Each has a port of its own: IPVS cannot tell two connections to one endpoint apart that came from
  /// one port to two addresses (docs/services.md).
  static let ask = """
    import collections, errno, itertools, socket, sys, threading
    ports = itertools.count(10000)
    def ask(index, mode, address, port, count, seconds):
        seen = collections.Counter()
        for i in range(int(count)):
            try:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                with socket.socket(family, socket.SOCK_STREAM if mode == "tcp" else socket.SOCK_DGRAM) as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", next(ports)))
                    s.settimeout(int(seconds)); s.connect((address, int(port)))
                    if mode == "udp": s.send(b"x")
                    seen[s.recv(2000).decode().strip()] += 1
            except OSError as error: seen[errno.errorcode.get(error.errno, "TIMEOUT") if error.errno else "TIMEOUT"] += 1
        sys.stdout.write("".join(f"{index} {key} {value}\\n" for key, value in sorted(seen.items())))
    asks = [threading.Thread(target=ask, args=sys.argv[i:i + 6]) for i in range(1, len(sys.argv), 6)]
    for thread in asks: thread.start()
    for thread in asks: thread.join()
    """

  /// sctp.py serve NAME | ask ADDRESS PORT: an INIT by hand and the answer to it, since not every kernel speaks SCTP. The
  /// answer carries the server's name; the client prints it, or what went wrong. Checksums are checked at both ends.
  static let sctp = """
    import random, signal, socket, struct, sys, threading
    table = []
    for i in range(256):
        c = i
        for _ in range(8): c = c >> 1 ^ (0x82F63B78 if c & 1 else 0)
        table.append(c)
    def crc(data):
        c = 0xFFFFFFFF
        for b in data: c = table[(c ^ b) & 255] ^ c >> 8
        return c ^ 0xFFFFFFFF
    def packet(source, destination, tag, chunk):
        head = struct.pack("!HHI", source, destination, tag)
        return head + struct.pack("<I", crc(head + bytes(4) + chunk)) + chunk
    def parse(data):
        source, destination, tag = struct.unpack("!HHI", data[:8])
        return source, destination, tag, data[12:], crc(data[:8] + bytes(4) + data[12:]) == struct.unpack("<I", data[8:12])[0]
    def init(kind, tag, extra=b""):
        body = struct.pack("!IIHHI", tag, 65535, 1, 1, 1) + extra
        return struct.pack("!BBH", kind, 0, 4 + len(body)) + body
    def serve(family, name):
        s = socket.socket(family, socket.SOCK_RAW, 132)
        while True:
            data, peer = s.recvfrom(2000)
            if family == socket.AF_INET: data = data[(data[0] & 15) * 4:]
            source, destination, tag, chunk, good = parse(data)
            if destination != 8080 or chunk[0] != 1 or not good: continue
            cookie = name.encode().ljust(16)
            answer = init(2, 77, struct.pack("!HH", 7, 4 + len(cookie)) + cookie)
            s.sendto(packet(8080, source, struct.unpack("!I", chunk[4:8])[0], answer), (peer[0], 0))
    if sys.argv[1] == "serve":
        signal.alarm(120)
        for family in (socket.AF_INET, socket.AF_INET6): threading.Thread(target=serve, args=(family, sys.argv[2])).start()
    else:
        address, port = sys.argv[2], int(sys.argv[3])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        base = random.randrange(20000, 50000)  # another connection each time
        for i in range(10):
            s = socket.socket(family, socket.SOCK_RAW, 132); s.connect((address, 0))
            s.settimeout(10); s.send(packet(base + i, port, 0, init(1, 1234)))
            try:
                while True:
                    data = s.recv(2000)
                    if family == socket.AF_INET: data = data[(data[0] & 15) * 4:]
                    source, destination, tag, chunk, good = parse(data)
                    # A raw socket hears what others are answered, too.
                    if destination == base + i: break
            except OSError as error: print("TIMEOUT", 1); continue
            print(chunk[24:40].decode().strip() if (source, destination, tag, good) == (port, base + i, 1234, True) else "WRONG", 1)
    """

  /// stress.py SERVICES SECONDS SEED FIRST-PORT: connects to 10.96.0.1 and on at random, from ten thousand ports in turn or,
  /// if the first is 0, from those the kernel gives; prints `SERVICE BEGIN END WHO` for each.
  static let stress = """
    import errno, itertools, random, socket, sys, time
    count, seconds, seed, first = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    ports = itertools.cycle(range(first, first + 10000) if first else [0])
    dice, end, lines = random.Random(seed), time.time() + seconds, []
    while time.time() < end:
        index = dice.randrange(count)
        begin = time.time()
        try:
            with socket.socket() as s:
                if first: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", next(ports)))
                s.settimeout(8); s.connect((f"10.96.0.{index + 1}", 80)); who = s.recv(100).decode().split(" ")[0]
        except OSError as error: who = errno.errorcode.get(error.errno, "TIMEOUT") if error.errno else "TIMEOUT"
        lines.append(f"{index} {begin:.6f} {time.time():.6f} {who or 'nothing'}")
    print("\\n".join(lines))
    """
}

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
  /// lines. `stream` sends COUNT lines over one connection, `datagrams` COUNT datagrams from one port, 10 ms apart.
  static let client = """
    import collections, errno, socket, sys, time
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
}

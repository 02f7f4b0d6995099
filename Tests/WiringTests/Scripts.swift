/// Programs that run in pods: independent of our code, plain Python.
enum Scripts {
  /// NAME PORT: TCP and UDP on both families; answers with its name and the client's address. Ends by itself.
  static let server = """
    import select, signal, socket, sys
    signal.alarm(120)
    name, port = sys.argv[1], int(sys.argv[2])
    sockets = []
    for family, any in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            s = socket.socket(family, kind); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((any, port)); sockets.append(s)
            if kind == socket.SOCK_STREAM: s.listen(100)
    while True:
        for s in select.select(sockets, [], [])[0]:
            if s.type == socket.SOCK_STREAM:
                c, peer = s.accept(); c.sendall(f"{name} {peer[0]}\\n".encode())
                # What the client sends is counted and the count sent back.
                c.settimeout(5)
                try:
                    count = 0
                    while data := c.recv(65536): count += len(data)
                    c.sendall(f"{count}\\n".encode())
                except OSError: pass
                c.close()
            else:
                data, peer = s.recvfrom(2000); s.sendto(f"{name} {peer[0]}\\n".encode(), peer)
    """

  /// tcp|udp|bulk ADDRESS PORT SECONDS: what answered, or the error. `bulk` sends 300,000 bytes and prints how many arrived.
  static let client = """
    import errno, socket, sys
    mode, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM if mode == "udp" else socket.SOCK_STREAM) as s:
            s.settimeout(float(sys.argv[4])); s.connect((address, port))
            if mode == "udp": s.send(b"x")
            answer = s.recv(2000)
            if mode == "bulk": s.sendall(b"x" * 300000)
            if mode != "udp": s.shutdown(socket.SHUT_WR)
            if mode == "bulk": answer = s.recv(2000)
            print(answer.decode().strip())
    except OSError as error: print(errno.errorcode.get(error.errno, "TIMEOUT") if error.errno else "TIMEOUT")
    """

  /// FILE GATEWAY: writes a line for each packet that eth0 receives, by who it claims to be from: `udp SOURCE`, `arp SENDER`,
  /// `na TARGET`, `ra SOURCE`; begins with `ready`. Datagrams count that go to port 9999.
  static let listener = """
    import signal, socket, struct, sys
    signal.alarm(120)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.bind(("eth0", 0))
    gateway = bytes(int(part, 16) for part in sys.argv[2].split("."))
    with open(sys.argv[1], "w", buffering=1) as out:
        print("ready", file=out)
        while True:
            data, info = s.recvfrom(2000)
            if info[2] == socket.PACKET_OUTGOING: continue
            kind = struct.unpack("!H", data[12:14])[0]
            # What the gateway itself says is true.
            if data[6:12] == gateway and (kind == 0x0806 or kind == 0x86dd and data[20] == 58): continue
            if kind == 0x0806: print("arp", socket.inet_ntoa(data[28:32]), file=out)
            elif kind == 0x0800 and data[23] == 17 and data[36:38] == b"\\x27\\x0f": print("udp", socket.inet_ntoa(data[26:30]), file=out)
            elif kind == 0x86dd:
                source = socket.inet_ntop(socket.AF_INET6, data[22:38])
                if data[20] == 17 and data[56:58] == b"\\x27\\x0f": print("udp", source, file=out)
                elif data[20] == 58 and data[54] == 134: print("ra", source, file=out)
                elif data[20] == 58 and data[54] == 136: print("na", socket.inet_ntop(socket.AF_INET6, data[62:78]), file=out)
                elif data[20] not in (17, 58, 0, 6): print("other", source, file=out)
    """

  /// Frames by eth0, each argument one: `udp/ETHER-SOURCE/ETHER-DESTINATION/SOURCE/DESTINATION`,
  /// `arp/ETHER-SOURCE/SENDER-MAC/SENDER/TARGET`, `na/ETHER-SOURCE/SOURCE/TARGET`, `ra/ETHER-SOURCE/SOURCE`.
  static let forger = """
    import socket, struct, sys
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
    mac = lambda text: bytes(int(part, 16) for part in text.split("."))
    def checksum(data):
        if len(data) % 2: data += b"\\0"
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        while total >> 16: total = (total & 0xffff) + (total >> 16)
        return ~total & 0xffff
    def ip6(source, destination, protocol, payload, offset, hops=255):
        a, b = socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, destination)
        value = checksum(a + b + struct.pack("!II", len(payload), protocol) + payload) or 0xffff
        payload = payload[:offset] + struct.pack("!H", value) + payload[offset + 2:]
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + a + b + payload
    for frame in sys.argv[1:]:
        kind, *f = frame.split("/")
        if kind == "udp":
            ether = mac(f[1]) + mac(f[0])
            datagram = struct.pack("!HHHH", 9999, 9999, 9, 0) + b"x"
            if ":" in f[2]: data = ether + b"\\x86\\xdd" + ip6(f[2], f[3], 17, datagram, 6, 64)
            else:
                a, b = socket.inet_aton(f[2]), socket.inet_aton(f[3])
                head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0)
                head = head[:10] + struct.pack("!H", checksum(head + a + b)) + a + b
                data = ether + b"\\x08\\0" + head + datagram
        elif kind == "arp":
            data = b"\\xff" * 6 + mac(f[0]) + b"\\x08\\x06" + struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) \\
                + mac(f[1]) + socket.inet_aton(f[2]) + b"\\0" * 6 + socket.inet_aton(f[3])
        elif kind == "na":
            body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + socket.inet_pton(socket.AF_INET6, f[2]) \\
                + b"\\x02\\x01" + mac(f[0])
            data = b"\\x33\\x33\\0\\0\\0\\x01" + mac(f[0]) + b"\\x86\\xdd" + ip6(f[1], "ff02::1", 58, body, 2)
        elif kind == "ra":
            body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
            data = b"\\x33\\x33\\0\\0\\0\\x01" + mac(f[0]) + b"\\x86\\xdd" + ip6(f[1], "ff02::1", 58, body, 2)
        s.send(data)
    """
}

# The image of all Swiftlet's pods. Built from source, in any checkout:
#
#   docker build -t swiftlet:0.1.0 .
#
# or, without the toolchain's image, from what `make build` made outside:
#
#   podman build -t swiftlet:0.1.0 --build-arg PROGRAMS=prebuilt .
#
# Debian has no Swift toolchain; everything else, at build and at run time, is Debian 12's.
ARG PROGRAMS=build
ARG DEBIAN=docker.io/library/debian:12-slim
ARG SWIFT=docker.io/library/swift:6.3-bookworm

FROM ${SWIFT} AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      pkg-config zlib1g-dev libsqlite3-dev libyaml-dev libssl-dev libcurl4-openssl-dev libmicrohttpd-dev \
      libnghttp2-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Sources Sources
# Not built, but the package names them.
COPY Tests Tests
RUN for product in swiftlet swiftlet-cni; do swift build -c release --product "$product" || exit 1; done \
    && mkdir -p /programs && cp .build/release/swiftlet .build/release/swiftlet-cni /programs/

FROM ${DEBIAN} AS prebuilt
COPY .build/release/swiftlet .build/release/swiftlet-cni /programs/

FROM ${PROGRAMS} AS programs

FROM ${DEBIAN}
# Libraries of the program; HAProxy for Ingress, BIRD for --routing bgp, iptables and kmod for that back end of Services.
RUN apt-get update && apt-get install -y --no-install-recommends \
      zlib1g libsqlite3-0 libyaml-0-2 libssl3 libcurl4 libmicrohttpd12 libnghttp2-14 libstdc++6 ca-certificates \
      haproxy bird2 iptables kmod \
    && rm -rf /var/lib/apt/lists/*
COPY --from=programs /programs/swiftlet /programs/swiftlet-cni /usr/bin/
ENTRYPOINT ["/usr/bin/swiftlet"]

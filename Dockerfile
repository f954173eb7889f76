# SPDX-License-Identifier: MIT
#
#     docker build -t geomys .
#     docker run -d -v geomys:/var/lib/geomys -v "$PWD/password:/run/secrets/geomys_password:ro" -p 127.0.0.1:6379:6379 \
#         geomys --password_file=/run/secrets/geomys_password
#
# Within a container the server listens for all who can reach that, so it wants a password, or --allow_insecure where
# nobody else can. Further settings follow the image's name, as in --maxmemory=1gb; modules of your own are mounted and
# named with --modules.

FROM debian:12-slim AS build
WORKDIR /geomys
COPY tools/packages.txt tools/packages.txt
RUN apt-get update -q \
    && sed -nE 's/^(build|package) //p' tools/packages.txt | sort -u \
    | xargs env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends
COPY . .
RUN cmake -S . -B build/image -G Ninja -DGEOMYS_TESTS=OFF \
    && ninja -C build/image \
    && cmake --install build/image --prefix /out --strip

FROM debian:12-slim
RUN apt-get update -q \
    && env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        libcjson1 libgrpc29 libjemalloc2 liblz4-1 libprotobuf-c1 libzstd1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --home-dir /var/lib/geomys --no-create-home --shell /usr/sbin/nologin geomys \
    && mkdir -m 0750 /var/lib/geomys \
    && chown geomys:geomys /var/lib/geomys
COPY --from=build /out /usr/local
USER geomys
WORKDIR /var/lib/geomys
VOLUME /var/lib/geomys
EXPOSE 6379 7379
# Whoever asks for a password answers; who still loads does not yet.
HEALTHCHECK --start-period=60s CMD geomys-cli PING 2>&1 | grep -qE 'PONG|NOAUTH'
ENTRYPOINT ["geomys-server", "--data_folder=/var/lib/geomys", "--bind=0.0.0.0"]

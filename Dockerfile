# The agent as an image: no root, no shell, one binary.
#
#   docker build -t spoa-agent .
#   docker run --rm -p 127.0.0.1:12345:12345 spoa-agent
#
# It needs neither BuildKit nor a network but crates.io's. The crates that the agent uses have a layer of their
# own: a change of our sources does not compile them again.

# All manifests, and sources that are empty: what is handed on changes with crates and with names of sources, not with
# what is in these or in a page.
FROM rust:1.95.0-slim-bookworm AS skeleton
WORKDIR /src
COPY . .
RUN find . -type f ! -name '*.rs' ! -name Cargo.toml ! -name Cargo.lock -delete && \
    find . -name '*.rs' -exec sh -c 'for file do echo "#![allow(warnings)] fn main() { }" >"$file"; done' sh {} +

FROM rust:1.95.0-slim-bookworm AS crates
ENV CARGO_TARGET_DIR=/target
WORKDIR /src
COPY --from=skeleton /src .
RUN cargo build --release --locked -p spoa-agent

FROM crates AS build
COPY . .
# What `spoa-agent --version` shows: --build-arg SPOA_COMMIT=$(git rev-parse HEAD)
ARG SPOA_COMMIT
# Younger than what was built of the empty ones: cargo looks at times.
RUN find . -name '*.rs' -exec touch {} + && cargo build --release --locked -p spoa-agent
# Names of functions stay, for backtraces. Beside the binary there is what it is linked with: libc, libm, libgcc and
# their loader. Who signs the certificates of collectors is there, too.
RUN strip --strip-debug /target/release/spoa-agent && \
    mkdir -p /image/usr/local/bin /image/etc/ssl/certs && \
    cp /target/release/spoa-agent /image/usr/local/bin/ && \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ && \
    LD_TRACE_LOADED_OBJECTS=1 /target/release/spoa-agent | while read -r line; do \
        for word in $line; do case $word in /*) cp --parents -L "$word" /image ;; esac; done; done

FROM scratch
COPY --from=build /image /
# What is owed to the authors of the crates in it.
COPY --from=build /src/LICENSE-APACHE /src/LICENSE-MIT /src/THIRD-PARTY-NOTICES /usr/share/doc/spoa-agent/
ENV PATH=/usr/local/bin
USER 65532:65532
EXPOSE 12345
# It finds the agent of its container, wherever that listens.
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["spoa-agent", "healthcheck", "--quiet"]
ENTRYPOINT ["spoa-agent"]
CMD ["run", "--listen", "0.0.0.0:12345"]

# The menu; `.ci/run` is the truth.

default:
    @just --list

# Everything that CI checks.
ci:
    bash .ci/run

fmt:
    cargo fmt --all

lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# All tests, real HAProxy included.
test:
    cargo test --workspace

# The library alone, in seconds.
quick:
    cargo test -p spoa-actors

doc:
    cargo doc --workspace --no-deps --all-features --open

# The agent with its embedded handlers.
run *ARGS:
    cargo run --release -- {{ARGS}}

# How long the parts of the library take.
bench-parts *ARGS:
    cargo bench -p spoa-actors {{ARGS}}

# What a frame costs: the agent against a bare loop and a peer.
bench *ARGS:
    cargo run --release -p spoa-bench -- {{ARGS}}

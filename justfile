# Everything CI checks.
check:
    .ci/run

# The tests alone.
test:
    cargo test --release --workspace

# The result and report that the README shows.
reproduce:
    cargo run --release -- run sweeps/quickstart.toml

# Everything CI checks.
check:
    .ci/run

# The tests alone.
test:
    cargo test --release --workspace

# The result and report that the README shows.
reproduce:
    cargo run --release -- run sweeps/quickstart.toml

# The training step against PyTorch's, on a quiet machine; `python` needs torch.
bench-torch python="python3":
    cargo build --release
    {{python}} bench/compare.py

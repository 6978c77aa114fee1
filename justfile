# Everything CI checks.
check:
    .ci/run

# The tests alone.
test:
    cargo test --release --workspace

# The kill test at length: 200 instants instead of 25.
soak kills="200":
    ISOFLOP_KILLS={{kills}} cargo test --release --workspace killed_at_many_instants -- --nocapture

# The result and report that the README shows.
reproduce:
    cargo run --release -- run sweeps/quickstart.toml

# The training step against PyTorch's, on a quiet machine; `python` needs torch.
bench-torch python="python3":
    cargo build --release
    {{python}} bench/compare.py

# How often 90 % intervals hold the truth, over simulated sweeps; six minutes on two cores.
coverage sweeps="400":
    cargo run --release -p isoflop-fit --example coverage -- {{sweeps}}

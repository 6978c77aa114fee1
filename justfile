# Everything CI checks.
check:
    .ci/run

# The tests that need nothing but this repository.
test:
    cargo test --release --workspace

# The tests of the page in a browser; they need Debian's chromium.
test-browser:
    cargo test --release --workspace -- --ignored in_chromium

# Sweeps on a real Slurm of this machine, disturbed so many times; they need Debian's slurm-wlm and munge.
test-slurm disturbances="5":
    ISOFLOP_DISTURBANCES={{disturbances}} cargo test --release -p isoflop --test slurm -- \
        --ignored --nocapture --test-threads 1

# The share of allocated processors that trains, and the time of a submission of 10,000 runs.
bench-slurm folder="/tmp/isoflop-bench-slurm":
    SLURM_LOCAL_CPUS=32 crates/cli/tests/slurm/slurm_local.sh start {{folder}}/slurm
    SLURM_CONF={{folder}}/slurm/slurm.conf cargo run --release -p isoflop-sweep --example cluster -- {{folder}}
    crates/cli/tests/slurm/slurm_local.sh stop {{folder}}/slurm

# The tests on a graphics adapter, a software one such as Mesa's llvmpipe included.
test-adapter:
    cargo test --release --workspace --features wgpu --target-dir target-wgpu adapter -- --include-ignored

# Kills, damaged files and full disks at length; the last needs root, to mount disks in memory. About an
# hour on two cores.
soak kills="1000" damages="1000" disks="50" seed="1":
    ISOFLOP_KILLS={{kills}} ISOFLOP_DAMAGES={{damages}} ISOFLOP_DISKS={{disks}} ISOFLOP_SEED={{seed}} \
        cargo test --release -p isoflop --test soak -- --nocapture --include-ignored

# The fuzz bodies of every reader, with so many damaged inputs each; they are the same each time. A fit is
# no parse: tables under every law and `fits.json` have a number of their own.
fuzz inputs="100000" fits="1000":
    ISOFLOP_FUZZ_INPUTS={{inputs}} cargo test --release --workspace --exclude isoflop-fit --test fuzz
    ISOFLOP_FUZZ_INPUTS={{inputs}} cargo test --release -p isoflop --bin isoflop no_bytes_are_too_strange
    ISOFLOP_FUZZ_INPUTS={{fits}} cargo test --release -p isoflop-fit --test fuzz

# The result and report that the README shows.
reproduce:
    cargo run --release -- run sweeps/quickstart.toml

# The training step against PyTorch's, on a quiet machine; `python` needs torch.
bench-torch python="python3":
    cargo build --release
    {{python}} bench/compare.py
    {{python}} bench/options.py

# How often 90 % intervals hold the truth, over simulated sweeps; six minutes on two cores.
coverage sweeps="400":
    cargo run --release -p isoflop-fit --example coverage -- {{sweeps}}
    cargo run --release -p isoflop-fit --example forecasts -- {{sweeps}}

# What sizes that follow the budgets are worth against a fixed grid, over simulated sweeps.
placement sweeps="40":
    cargo run --release -p isoflop-fit --example placement -- {{sweeps}}

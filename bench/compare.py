"""PyTorch, isoflop and isoflop on stock Burn operations side by side, one core, interleaved.

    python3 -m venv venv && venv/bin/pip install torch numpy
    cargo build --release
    venv/bin/python bench/compare.py

On a quiet machine. Each figure is the median of the repeats, the ratios are taken within each
repeat first.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
PINNED = ["taskset", "-c", "0"]


def torch_step(size, norm, position):
    command = [sys.executable, HERE / "step.py", "--size", size]
    command += ["--norm", norm, "--position", position]
    return map(float, subprocess.check_output(PINNED + command, text=True).split())


def isoflop_step(program, size, norm, position, *more):
    command = [program, "bench", "--json", "--sizes", size, "--norm", norm, "--position", position]
    output = subprocess.check_output(PINNED + command + list(more), stderr=subprocess.DEVNULL)
    output = json.loads(output)
    return output["sizes"][0], output["peak_gflops"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=HERE.parent / "target/release/isoflop")
    parser.add_argument("--sizes", default="32x2x2,64x4x4,128x4x4,256x6x8")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print("| size | norm, position | PyTorch ms | isoflop ms | ratio | composed ms | MFU | peak GFLOP/s | MiB, PyTorch | MiB, isoflop |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for norm, position in [("layer", "learned"), ("rms", "rope")]:
        for size in args.sizes.split(","):
            rows = []
            for _ in range(args.repeats):
                theirs, their_memory = torch_step(size, norm, position)
                ours, peak = isoflop_step(args.program, size, norm, position)
                composed, _ = isoflop_step(
                    args.program, size, norm, position, "--composed", "--steps", "1"
                )
                rows.append(
                    (
                        theirs,
                        ours["ms_per_step"],
                        theirs / ours["ms_per_step"],
                        composed["ms_per_step"],
                        ours["mfu"] * 100,
                        peak,
                        their_memory / 2**20,
                        ours["memory_bytes"] / 2**20,
                    )
                )
            cells = [statistics.median(column) for column in zip(*rows)]
            formats = ["{:.1f}", "{:.1f}", "{:.2f}", "{:.0f}", "{:.0f} %", "{:.0f}", "{:.0f}", "{:.0f}"]
            shown = [form.format(cell) for form, cell in zip(formats, cells)]
            print(f"| {size} | {norm}, {position} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Options and families against PyTorch's stock form of each, one core, interleaved.

    venv/bin/python bench/options.py

See compare.py for the set-up. Each figure is the median of the repeats; ratios are taken within each
repeat first. Full attention of the same context and the dense feed-forward half stand in the first
rows, so that what an option saves can be read for both.
"""

import argparse
import json
import statistics
import subprocess
import sys

from compare import HERE, PINNED

# Name, context, what isoflop takes, what step.py takes.
FORMS = [
    ("none", 128, [], []),
    ("swiglu", 128, ["--set", "activation=swiglu"], ["--activation", "swiglu"]),
    ("relu2", 128, ["--set", "activation=relu2"], ["--activation", "relu2"]),
    ("kv_heads = 1", 128, ["--set", "kv_heads=1"], ["--kv-heads", "1"]),
    ("qk_norm", 128, ["--set", "qk_norm=true"], ["--qk-norm"]),
    ("tied", 128, ["--set", "tied=true"], ["--tied"]),
    ("8 experts, 2 active", 128, ["--family", "moe"], ["--experts", "8"]),
    ("none", 1024, [], []),
    ("window = 32", 1024, ["--set", "window=32"], ["--window", "32"]),
]


def milliseconds(program, size, context, ours, theirs):
    windows = 2048 // context
    shared = ["--context", str(context), "--batch", str(windows)]
    command = [program, "bench", "--json", "--sizes", size, *shared, *ours]
    output = subprocess.check_output(PINNED + command, stderr=subprocess.DEVNULL)
    ours = json.loads(output)["sizes"][0]
    command = [sys.executable, HERE / "step.py", "--size", size, "--norm", "rms", "--position", "rope"]
    output = subprocess.check_output(PINNED + command + shared + theirs, text=True)
    return ours["ms_per_step"], ours["gflops"], float(output.split()[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=HERE.parent / "target/release/isoflop")
    parser.add_argument("--size", default="64x4x4")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    print("| option | context | PyTorch ms | isoflop ms | ratio | isoflop GFLOP/s |")
    print("|---|---|---|---|---|---|")
    for name, context, ours, theirs in FORMS:
        rows = []
        for _ in range(args.repeats):
            mine, gflops, other = milliseconds(args.program, args.size, context, ours, theirs)
            rows.append((other, mine, other / mine, gflops))
        cells = [statistics.median(column) for column in zip(*rows)]
        shown = [form.format(cell) for form, cell in zip(["{:.1f}", "{:.1f}", "{:.2f}", "{:.0f}"], cells)]
        print(f"| {name} | {context} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()

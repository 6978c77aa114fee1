"""Options and families against PyTorch's stock form of each, one core, interleaved.

    venv/bin/python bench/options.py
    venv/bin/python bench/options.py --families
    bench/options.py --optimizers

See compare.py for the set-up. Each figure is the median of the repeats; ratios are taken within each
repeat first. Full attention of the same context and the dense feed-forward half stand in the first
rows, so that what an option saves can be read for both. Optimizers are compared with AdamW, without PyTorch,
at the batch of a sweep, which is where a step of Muon weighs most.
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

# Families, and contexts besides 128 at which their mixers cost otherwise.
FAMILIES = [
    ("transformer", [128, 1024]),
    ("rnn", [128]),
    ("lstm", [128]),
    ("gru", [128]),
    ("mingru", [128]),
    ("minlstm", [128]),
    ("aft", [128]),
    ("aft-local", [128, 1024]),
    ("aft-full", [128, 1024]),
    ("linear", [128, 1024]),
]
HEADED = ["transformer", "linear"]

# Shapes from 3k to 300k parameters, and tokens a step as a sweep has them.
OPTIMIZED = [("16x1x1", 512), ("32x2x2", 512), ("48x3x3", 512), ("64x4x4", 512), ("64x6x4", 1024), ("128x4x4", 2048)]
OPTIMIZERS = ["adamw", "sgd", "muon"]


def milliseconds(program, size, context, ours, theirs):
    windows = 2048 // context
    shared = ["--context", str(context), "--batch", str(windows)]
    command = [program, "bench", "--json", "--sizes", size, *shared, *ours]
    output = subprocess.check_output(PINNED + command, stderr=subprocess.DEVNULL)
    ours = json.loads(output)["sizes"][0]
    command = [sys.executable, HERE / "step.py", "--size", size, "--norm", "rms"]
    output = subprocess.check_output(PINNED + command + shared + theirs, text=True)
    return ours["ms_per_step"], ours["gflops"], float(output.split()[0])


def optimizers(program, repeats):
    """Milliseconds of a step with each optimizer, medians, and of ratios to AdamW within a repeat."""
    print("| size | tokens | " + " | ".join(f"{name} ms" for name in OPTIMIZERS) + " | sgd / adamw | muon / adamw |")
    print("|---|---|" + "---|" * (len(OPTIMIZERS) + 2))
    for size, tokens in OPTIMIZED:
        rows = []
        for _ in range(repeats):
            row = []
            for name in OPTIMIZERS:
                command = [program, "bench", "--json", "--sizes", size, "--batch", str(tokens // 128)]
                command += ["--optimizer", name, "--steps", "101", "--peak", "1e11"]
                output = subprocess.check_output(PINNED + command, stderr=subprocess.DEVNULL)
                row.append(json.loads(output)["sizes"][0]["ms_per_step"])
            rows.append(row + [row[1] / row[0], row[2] / row[0]])
        cells = [f"{statistics.median(column):.2f}" for column in zip(*rows)]
        print(f"| {size} | {tokens} | " + " | ".join(cells) + " |", flush=True)


def options():
    for name, context, ours, theirs in FORMS:
        yield name, context, ours, ["--position", "rope", *theirs]


def families():
    """Each with the position that it has by default, or at least one that costs the same."""
    for name, contexts in FAMILIES:
        position = "rope" if name == "transformer" else "none"
        for context in contexts:
            yield name, context, ["--family", name], ["--position", position, "--family", name]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=HERE.parent / "target/release/isoflop")
    parser.add_argument("--size", default="64x4x4")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--families", action="store_true", help="families instead of options")
    parser.add_argument("--optimizers", action="store_true", help="optimizers instead of options")
    args = parser.parse_args()
    if args.optimizers:
        optimizers(args.program, args.repeats)
        return
    print("| form | context | PyTorch ms | isoflop ms | ratio | isoflop GFLOP/s |")
    print("|---|---|---|---|---|---|")
    for name, context, ours, theirs in families() if args.families else options():
        size = args.size if not args.families or name in HEADED else args.size.rsplit("x", 1)[0] + "x1"
        rows = []
        for _ in range(args.repeats):
            mine, gflops, other = milliseconds(args.program, size, context, ours, theirs)
            rows.append((other, mine, other / mine, gflops))
        cells = [statistics.median(column) for column in zip(*rows)]
        shown = [form.format(cell) for form, cell in zip(["{:.1f}", "{:.1f}", "{:.2f}", "{:.0f}"], cells)]
        print(f"| {name} | {context} | " + " | ".join(shown) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Writes pytorch.json: three steps of Muon on three matrices, by a step written from the documentation of
torch.optim.Muon in double precision, and by torch.optim.Muon itself.

    python crates/train/src/optimizer/tests/pytorch.py

Matrices are [inputs, outputs] in the file and transposed for PyTorch, whose layers hold them so.
"""

import json
import math
import pathlib

import torch

RATE, DECAY, MOMENTUM = 0.02, 0.1, 0.95
A, B, C = 3.4445, -4.7750, 2.0315


def newton_schulz(x):
    if x.shape[0] > x.shape[1]:
        return newton_schulz(x.T).T
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x


def documented(weight, gradients):
    weight, buffer = weight.clone(), torch.zeros_like(weight)
    for gradient in gradients:
        buffer = MOMENTUM * buffer + gradient
        direction = newton_schulz(gradient + MOMENTUM * buffer)
        weight = weight - RATE * DECAY * weight
        weight = weight - RATE * 0.2 * math.sqrt(max(weight.shape)) * direction
    return weight


def by_optimizer(weight, gradients):
    parameter = torch.nn.Parameter(weight.float())
    muon = torch.optim.Muon(
        [parameter], lr=RATE, weight_decay=DECAY, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"
    )
    for gradient in gradients:
        parameter.grad = gradient.float()
        muon.step()
    return parameter.detach()


def numbers(matrix):
    return [float(f"{number:.9g}") for number in matrix.T.flatten().tolist()]


def main():
    torch.manual_seed(5)
    cases = []
    for rows, columns in [(5, 5), (4, 7), (7, 4)]:
        # Rounded first, so that the file holds what the steps began with.
        draw = lambda: torch.randn(columns, rows).float().double()
        start, gradients = draw(), [draw() for _ in range(3)]
        cases.append(
            {
                "rows": rows,
                "columns": columns,
                "start": numbers(start),
                "gradients": [numbers(gradient) for gradient in gradients],
                "documented": numbers(documented(start, gradients)),
                "optimizer": numbers(by_optimizer(start, gradients)),
            }
        )
    content = {"torch": torch.__version__, "rate": RATE, "weight_decay": DECAY, "cases": cases}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()

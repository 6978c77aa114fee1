"""One training step of the same model in PyTorch on one core; prints milliseconds a step (median).

Called by compare.py; needs torch from its package.
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width, kind):
        super().__init__()
        self.kind, self.gain = kind, nn.Parameter(torch.ones(width))

    def forward(self, x):
        if self.kind == "layer":
            return F.layer_norm(x, (x.shape[-1],), self.gain, None, 1e-5)
        return F.rms_norm(x, (x.shape[-1],), self.gain, 1e-5)


class Block(nn.Module):
    def __init__(self, width, heads, norm):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = Norm(width, norm), Norm(width, norm)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x, rotary):
        batch, time_, width = x.shape
        parts = self.qkv(self.attention_norm(x)).view(batch, time_, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if rotary is not None:
            q, k = turn(q, rotary), turn(k, rotary)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time_, width))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x))))


def turn(x, rotary):
    cos, sin = rotary
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Model(nn.Module):
    def __init__(self, width, layers, heads, norm, position, context, vocab):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.place = nn.Embedding(context, width) if position == "learned" else None
        self.blocks = nn.ModuleList(Block(width, heads, norm) for _ in range(layers))
        self.norm, self.head = Norm(width, norm), nn.Linear(width, vocab, bias=False)
        half = width // heads // 2
        angle = torch.outer(torch.arange(context), 10000.0 ** (-torch.arange(half) / half))
        self.rotary = (angle.cos(), angle.sin()) if position == "rope" else None

    def forward(self, ids, targets):
        x = self.token(ids)
        if self.place is not None:
            x = x + self.place.weight
        for block in self.blocks:
            x = block(x, self.rotary)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", required=True)
    parser.add_argument("--norm", choices=["rms", "layer"], required=True)
    parser.add_argument("--position", choices=["rope", "learned"], required=True)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--vocab", type=int, default=256)
    parser.add_argument("--steps", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    width, layers, heads = map(int, args.size.split("x"))
    model = Model(width, layers, heads, args.norm, args.position, args.context, args.vocab)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    ids, targets = torch.randint(0, args.vocab, (2, args.batch, args.context))
    times = []
    for _ in range(args.steps + 3):
        started = time.perf_counter()
        loss = model(ids, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        times.append(time.perf_counter() - started)
    memory = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(statistics.median(times[3:]) * 1e3, int(memory.split()[1]) * 1024)


if __name__ == "__main__":
    main()

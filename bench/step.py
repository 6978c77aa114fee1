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


class FeedForward(nn.Module):
    """Up, an activation, down; `swiglu` has an up projection of twice the width."""

    def __init__(self, width, activation):
        super().__init__()
        self.activation = activation
        inner = 4 * width if activation != "swiglu" else 8 * width // 3
        self.up = nn.Linear(width, inner * (1 + (activation == "swiglu")), bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        x = self.up(x)
        if self.activation == "swiglu":
            gate, value = x.chunk(2, dim=-1)
            return self.down(F.silu(gate) * value)
        return self.down(F.relu(x).square() if self.activation == "relu2" else F.gelu(x))


class Experts(nn.Module):
    """A loop over experts, each over the tokens that chose it, as usual without own kernels."""

    def __init__(self, width, activation, experts, active):
        super().__init__()
        self.active, self.router = active, nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(width, activation) for _ in range(experts))

    def forward(self, x):
        flat = x.flatten(0, 1)
        scores, chosen = self.router(flat).topk(self.active, dim=-1)
        gates = scores.softmax(dim=-1)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            token, slot = (chosen == number).nonzero(as_tuple=True)
            mixed = expert(flat[token]) * gates[token, slot, None]
            out = out.index_add(0, token, mixed)
        return out.view_as(x)


class Recurrent(nn.Module):
    """PyTorch's own module for one layer."""

    def __init__(self, width, kind):
        super().__init__()
        self.cell = getattr(nn, kind)(width, width, batch_first=True)

    def forward(self, x):
        return self.cell(x)[0]


class Minimal(nn.Module):
    """minGRU and minLSTM by a parallel scan in logarithms (Feng et al. 2024, appendix)."""

    def __init__(self, width, gates):
        super().__init__()
        self.gates, self.input = gates, nn.Linear(width, (gates + 1) * width)

    def forward(self, x):
        *gates, candidate = self.input(x).chunk(self.gates + 1, dim=-1)
        if self.gates == 1:
            forget, take = -F.softplus(gates[0]), -F.softplus(-gates[0])
        else:
            apart = F.softplus(-gates[0]) - F.softplus(-gates[1])
            forget, take = -F.softplus(apart), -F.softplus(-apart)
        value = torch.where(candidate >= 0, (F.relu(candidate) + 0.5).log(), -F.softplus(-candidate))
        kept = forget.cumsum(dim=1)
        return (kept + torch.logcumsumexp(take + value - kept, dim=1)).exp()


class Aft(nn.Module):
    """Attention-free mixing: simple by running sums, else by a product with `exp(bias)`."""

    def __init__(self, width, context, window):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(context, context)) if window else None
        back = torch.arange(context)[:, None] - torch.arange(context)
        self.causal, self.near = back >= 0, (back >= 0) & (back < (window or 0))

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        weight = (k - k.amax(dim=1, keepdim=True)).exp()
        if self.bias is None:
            mean = (weight * v).cumsum(dim=1) / weight.cumsum(dim=1)
        else:
            near = torch.where(self.near, self.bias, 0.0).exp() * self.causal
            mean = (near @ (weight * v)) / (near @ weight)
        return self.out(q.sigmoid() * mean)


class Linear(nn.Module):
    """Linear attention with a decay for each head, all pairs at once, as without own kernels."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.decay = heads, nn.Linear(width, heads)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.norm = Norm(width // heads, "rms")

    def forward(self, x):
        batch, context, width = x.shape
        q, k, v = (
            part.view(batch, context, self.heads, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1)
        )
        kept = -F.softplus(self.decay(x)).transpose(1, 2).cumsum(dim=-1)
        apart = (kept[..., :, None] - kept[..., None, :]).masked_fill(
            torch.ones(context, context, dtype=torch.bool).triu(1), float("-inf")
        )
        mixed = self.norm((q @ k.transpose(2, 3) * apart.exp()) @ v)
        return self.out(mixed.transpose(1, 2).reshape(batch, context, width))


class Other(nn.Module):
    """A block whose mixer is no attention; recurrent networks of PyTorch have no second half."""

    def __init__(self, width, heads, norm, options, context):
        super().__init__()
        family = options.family
        windows = {"aft": 0, "aft-local": 32, "aft-full": context}
        if family in windows:
            self.mixer = Aft(width, context, windows[family])
        elif family == "linear":
            self.mixer = Linear(width, heads)
        elif family in ["mingru", "minlstm"]:
            self.mixer = Minimal(width, 1 if family == "mingru" else 2)
        else:
            self.mixer = Recurrent(width, family.upper())
        self.mixer_norm = Norm(width, norm)
        self.mlp = None
        if family not in ["rnn", "gru", "lstm"]:
            self.mlp_norm, self.mlp = Norm(width, norm), FeedForward(width, options.activation)

    def forward(self, x, _rotary):
        x = x + self.mixer(self.mixer_norm(x))
        return x if self.mlp is None else x + self.mlp(self.mlp_norm(x))


class Block(nn.Module):
    def __init__(self, width, heads, norm, options, mask):
        super().__init__()
        self.heads, self.groups, self.mask = heads, options.kv_heads or heads, mask
        self.d_head = width // heads
        self.attention_norm, self.mlp_norm = Norm(width, norm), Norm(width, norm)
        self.qkv = nn.Linear(width, width + 2 * self.groups * self.d_head, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.q_norm = Norm(self.d_head, "rms") if options.qk_norm else nn.Identity()
        self.k_norm = Norm(self.d_head, "rms") if options.qk_norm else nn.Identity()
        if options.experts:
            self.mlp = Experts(width, options.activation, options.experts, options.active)
        else:
            self.mlp = FeedForward(width, options.activation)

    def forward(self, x, rotary):
        batch, time_, width = x.shape
        shared = self.groups * self.d_head
        parts = self.qkv(self.attention_norm(x)).split([width, shared, shared], dim=-1)
        q, k, v = (part.view(batch, time_, -1, self.d_head).transpose(1, 2) for part in parts)
        q, k = self.q_norm(q), self.k_norm(k)
        if rotary is not None:
            q, k = turn(q, rotary), turn(k, rotary)
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=self.mask, is_causal=self.mask is None, enable_gqa=self.groups < self.heads
        )
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time_, width))
        return x + self.mlp(self.mlp_norm(x))


def turn(x, rotary):
    cos, sin = rotary
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Model(nn.Module):
    def __init__(self, width, layers, heads, norm, position, context, vocab, options):
        super().__init__()
        self.token = nn.Embedding(vocab, width)
        self.place = nn.Embedding(context, width) if position == "learned" else None
        mask = None
        if options.window:
            at = torch.arange(context)
            back = at[:, None] - at
            mask = (back >= 0) & (back < options.window)
        if options.family == "transformer":
            blocks = (Block(width, heads, norm, options, mask) for _ in range(layers))
        else:
            blocks = (Other(width, heads, norm, options, context) for _ in range(layers))
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.head = Norm(width, norm), nn.Linear(width, vocab, bias=False)
        if options.tied:
            self.head.weight = self.token.weight
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
    parser.add_argument("--position", choices=["rope", "learned", "none"], required=True)
    parser.add_argument("--family", default="transformer")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--vocab", type=int, default=256)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--activation", choices=["gelu", "swiglu", "relu2"], default="gelu")
    parser.add_argument("--kv-heads", type=int)
    parser.add_argument("--qk-norm", action="store_true")
    parser.add_argument("--tied", action="store_true")
    parser.add_argument("--window", type=int, help="tokens that are seen, by a mask")
    parser.add_argument("--experts", type=int)
    parser.add_argument("--active", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    width, layers, heads = map(int, args.size.split("x"))
    model = Model(width, layers, heads, args.norm, args.position, args.context, args.vocab, args)
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

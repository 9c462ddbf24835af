"""Modules of PyTorch, by the habits of real code: none knows of scalarspec. Each with arguments for it."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name

R = np.random.default_rng(11)
ROWS, IMAGES, SEQUENCE = R.standard_normal((3, 8)), R.standard_normal((2, 3, 8, 8)), R.standard_normal((2, 5, 8))
CAUSAL = torch.triu(torch.full((5, 5), -math.inf), diagonal=1)


class Residual(nn.Module):
    """A block of ResNet, with activations and sums in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.conv2, self.bn2 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class CausalAttention(nn.Module):
    """Self-attention as in small GPTs."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.attn, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads
        self.register_buffer("mask", torch.tril(torch.ones(5, 5)).view(1, 1, 5, 5))

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = self.attn(x).split(c, dim=2)
        q, k, v = (u.view(b, t, self.heads, c // self.heads).transpose(1, 2) for u in (q, k, v))
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :t, :t] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        return self.proj((att @ v).transpose(1, 2).contiguous().view(b, t, c))


class OwnLayerNorm(nn.Module):
    """That of "The annotated transformer", whose deviation is over n - 1."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(8) * 1.25), nn.Parameter(torch.zeros(8) - 0.1)

    def forward(self, x):
        mean, std = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return self.a * (x - mean) / (std + 1e-6) + self.b


class OwnRMSNorm(nn.Module):
    """That of LLaMA."""

    def __init__(self):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.rand(8) + 0.5), 1e-6

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class SwiGLU(nn.Module):
    """A gated feed-forward layer."""

    def __init__(self):
        super().__init__()
        self.w1, self.w2, self.w3 = (
            nn.Linear(8, 6, bias=False),
            nn.Linear(6, 8, bias=False),
            nn.Linear(8, 6, bias=False),
        )

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Rotary(nn.Module):
    """Rotary places of queries."""

    def __init__(self):
        super().__init__()
        inv = 1.0 / (10000 ** (torch.arange(0, 8, 2).double() / 8))
        angles = torch.outer(torch.arange(5).double(), inv)
        self.register_buffer("cos", torch.cos(angles).repeat(1, 2))
        self.register_buffer("sin", torch.sin(angles).repeat(1, 2))

    def forward(self, x):
        x1, x2 = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-x2, x1), dim=-1) * self.sin


class SqueezeExcite(nn.Module):
    """Channels weighted by what all of them say."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 2), nn.Linear(2, 3)

    def forward(self, x):
        s = x.mean(dim=(2, 3))
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(s))))
        return x * s[:, :, None, None]


class Encoder(nn.Module):
    """A text classifier: places, a transformer, the mean."""

    def __init__(self):
        super().__init__()
        self.pos = nn.Parameter(torch.randn(1, 5, 8) * 0.1)
        self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(8, 2, 12, batch_first=True) for _ in range(2)])
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = x + self.pos[:, : x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(1))


class Recurrent(nn.Module):
    """A recurrent classifier, of which the last output counts."""

    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 4, num_layers=2, batch_first=True, bidirectional=True), nn.Linear(8, 2)

    def forward(self, x):
        out, (h, _) = self.lstm(x)
        return self.fc(out[:, -1, :]) + h[-1][:, :2]


class CellLoop(nn.Module):
    """A loop over a cell."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(8, 4)

    def forward(self, x):
        h = x.new_zeros(x.size(0), 4)
        outs = []
        for t in range(x.size(1)):
            h = self.cell(x[:, t], h)
            outs.append(h)
        return torch.stack(outs, dim=1)


class UNet(nn.Module):
    """Down, up, and the two side by side."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        d = F.leaky_relu(self.down(x), 0.1)
        return self.out(torch.cat([self.up(d), x], dim=1))


class VAE(nn.Module):
    """With its noise given, and its loss."""

    def __init__(self):
        super().__init__()
        self.enc, self.mu, self.logvar, self.dec = nn.Linear(8, 6), nn.Linear(6, 2), nn.Linear(6, 2), nn.Linear(2, 8)

    def forward(self, x, eps):
        h = torch.tanh(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        recon = self.dec(mu + torch.exp(0.5 * logvar) * eps)
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
        return F.mse_loss(recon, x, reduction="none").sum(1) + 0.1 * kld


class SelfAttention(nn.Module):
    """nn.MultiheadAttention behind a norm, with a mask of minus infinities."""

    def __init__(self):
        super().__init__()
        self.norm, self.attn = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        h = self.norm(x)
        out, _ = self.attn(h, h, h, attn_mask=CAUSAL, need_weights=False)
        return x + out


class Mixture(nn.Module):
    """Experts, and a gate."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 3)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(8, 4), nn.GELU(), nn.Linear(4, 2)) for _ in range(3)])

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=-1)
        outs = torch.stack([expert(x) for expert in self.experts], dim=1)
        return torch.einsum("be,beo->bo", weights, outs)


class WeightNorm(nn.Module):
    """Weights that are worked out from parameters."""

    def __init__(self):
        super().__init__()
        self.g, self.v = nn.Parameter(torch.rand(4, 1) + 0.5), nn.Parameter(torch.randn(4, 8))

    def forward(self, x):
        weight = self.g * self.v / self.v.norm(dim=1, keepdim=True)
        return F.linear(x, weight)


class Standardized(nn.Module):
    """Data that a buffer and a plain attribute scale."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.arange(8) * 0.1)
        self.scale = torch.linspace(0.5, 2, 8)

    def forward(self, x):
        return torch.clamp((x - self.mean) / self.scale, -1.5, 1.5)


class Physics(nn.Module):
    """A potential whose coefficients are trained."""

    def __init__(self):
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        r = torch.cdist(x, x) + torch.eye(3, dtype=torch.float64)
        s6 = (self.log_sigma.exp() / r) ** 6
        return torch.triu(4 * (s6**2 - s6), diagonal=1).sum(dim=(-2, -1))


def modules():
    """By name, a module and its arguments."""
    torch.manual_seed(3)
    seq = nn.Sequential
    table = {
        "mlp": (seq(nn.Linear(8, 6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 2)), ROWS),
        "activations": (seq(nn.ELU(), nn.SELU(), nn.CELU(0.5), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.Softsign()),
                        ROWS),
        "more activations": (seq(nn.Softplus(2), nn.LeakyReLU(0.2), nn.LogSigmoid(), nn.Hardtanh(-3, 1), nn.PReLU()),
                             ROWS),
        "shrinks": (seq(nn.Softshrink(0.1), nn.Tanhshrink(), nn.Hardshrink(0.01), nn.Threshold(-0.5, 0.1)), ROWS),
        "gelu tanh": (seq(nn.GELU(approximate="tanh"), nn.Sigmoid(), nn.Softmax(dim=-1)), ROWS),
        "norms": (seq(nn.LayerNorm(8), nn.Linear(8, 8), nn.RMSNorm(8, eps=1e-6), nn.BatchNorm1d(8)), ROWS),
        "image norms": (seq(nn.GroupNorm(3, 3), nn.InstanceNorm2d(3, affine=True), nn.LocalResponseNorm(2)), IMAGES),
        "cnn": (seq(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                    nn.Conv2d(4, 4, 3, groups=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)), IMAGES),
        "pools": (seq(nn.AdaptiveAvgPool2d(4), nn.ZeroPad2d(1), nn.LPPool2d(2, 2), nn.AdaptiveMaxPool2d(2)), IMAGES),
        "resize": (seq(nn.Upsample(scale_factor=2, mode="bilinear"), nn.PixelUnshuffle(2), nn.Unflatten(1, (2, 6)),
                       nn.Flatten(1, 2), nn.ReflectionPad2d(1)), IMAGES),
        "conv1d": (seq(nn.Conv1d(5, 4, 3, dilation=2), nn.GLU(dim=1), nn.MaxPool1d(2)), SEQUENCE),
        "residual": (Residual(), IMAGES), "unet": (UNet(), IMAGES), "squeeze": (SqueezeExcite(), IMAGES),
        "causal attention": (CausalAttention(), SEQUENCE), "self-attention": (SelfAttention(), SEQUENCE),
        "encoder": (Encoder(), SEQUENCE), "own layer norm": (OwnLayerNorm(), ROWS),
        "own rms norm": (OwnRMSNorm(), ROWS),
        "swiglu": (SwiGLU(), ROWS), "rotary": (Rotary(), SEQUENCE), "recurrent": (Recurrent(), SEQUENCE),
        "cell loop": (CellLoop(), SEQUENCE), "vae": (VAE(), ROWS, ROWS[:, :2].copy()), "mixture": (Mixture(), ROWS),
        "weight norm": (WeightNorm(), ROWS), "standardized": (Standardized(), ROWS),
        "physics": (Physics(), R.standard_normal((2, 3, 3)) + np.arange(3)[:, None] * 2),
        "attention": (Heads(nn.MultiheadAttention(8, 2)), SEQUENCE, SEQUENCE, SEQUENCE),
        "decoder": (nn.TransformerDecoderLayer(8, 2, 12, activation="gelu", norm_first=True), SEQUENCE, SEQUENCE),
        "transformer": (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12), 2), SEQUENCE),
        "gru": (Heads(nn.GRU(8, 4)), SEQUENCE), "rnn": (Heads(nn.RNN(8, 4, nonlinearity="relu")), SEQUENCE),
        "bilinear": (nn.Bilinear(8, 8, 3), ROWS, ROWS[::-1].copy()),
        "similarity": (nn.CosineSimilarity(dim=1), ROWS, ROWS[::-1].copy()),
        "distance": (nn.PairwiseDistance(p=2), ROWS, ROWS[::-1].copy()),
        "fold": (seq(nn.Unfold(2), nn.Softmin(dim=1)), IMAGES),
    }  # fmt: skip
    return {name: (net.double().eval(), *args) for name, (net, *args) in table.items()}


class Heads(nn.Module):
    """The first result of a module that has several."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args):
        return self.inner(*args)[0]


MODULES = modules()

"""Modules of PyTorch that calling them on tensors does not carry, by the habits of real code. Each with arguments."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - everybody's name
from torch_modules import IMAGES, ROWS, SEQUENCE

PADDING = np.array([[False] * 5, [False] * 3 + [True] * 2])


class Stores(nn.Module):
    """Writes into tensors: at places, into slices, where a mask holds."""

    def forward(self, x):
        y = x.clone()
        y[..., 0] = x[..., 1] * 2
        y[:, 1:3] += 1
        y[y > 1] = 0.5
        y[[0, 2], 4] = -x[1, 3:5]
        y[1].mul_(3)
        return F.relu_(y)


class OutOfZeros(nn.Module):
    """Fills what begins as zeros, column by column."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4, dtype=torch.float64)
        out = torch.empty(x.shape[0], 3, 4, dtype=torch.float64)
        for t in range(3):
            h = torch.tanh(self.fc(x) + h)
            out[:, t] = h
        return out


class WithState(nn.Module):
    """Recurrent layers with first states of zeros, or given."""

    def __init__(self):
        super().__init__()
        self.lstm, self.gru = nn.LSTM(8, 4, batch_first=True), nn.GRU(4, 3, num_layers=2, bidirectional=True)

    def forward(self, x, state):
        start = torch.zeros(1, x.size(0), 4, dtype=torch.float64)
        out, (h, c) = self.lstm(x, (state, start))
        last, _ = self.gru(out.transpose(0, 1), torch.ones(4, x.size(0), 3, dtype=torch.float64))
        return last.sum(0) + (h * c).sum()


class ByHand(nn.Module):
    """A recurrent cell whose weights are rows of one matrix."""

    def __init__(self):
        super().__init__()
        self.w, self.bias = nn.Parameter(torch.randn(8, 12) * 0.3), nn.Parameter(torch.zeros(12))

    def forward(self, x):
        h = torch.zeros(x.size(0), 4).to(x.dtype)
        for t in range(x.size(1)):
            r, z, n = (F.linear(x[:, t], self.w.t()) + self.bias).chunk(3, -1)
            h = torch.lerp(torch.tanh(n * torch.sigmoid(r)), h, torch.sigmoid(z))
        return h


class Padded(nn.Module):
    """A transformer with a causal mask of minus infinities, and padding that is an argument."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2)

    def forward(self, x, padding):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        out = self.encoder(x, mask=mask, src_key_padding_mask=padding, is_causal=True)
        return out.masked_fill(padding[..., None], 0.0).sum(1) / (~padding).sum(1, keepdim=True)


class MaskedScores(nn.Module):
    """Attention whose mask is put together in the code."""

    def forward(self, x):
        t = x.shape[1]
        mask = torch.full((t, t), -math.inf).triu(1)
        near = (torch.arange(t)[:, None] - torch.arange(t)).abs() <= 2
        scores = (x @ x.mT) / math.sqrt(8) + mask
        scores = scores.masked_fill(~near, -torch.inf)
        return torch.cat([scores[:, :2], scores[:, 2:]], 1).softmax(-1) @ x


class Bias(nn.Module):
    """Relative places, looked up in a table by integers of a buffer."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(9, 2))
        self.register_buffer("places", torch.arange(5)[:, None] - torch.arange(5) + 4)

    def forward(self, x):
        bias = self.table[self.places.view(-1)].view(5, 5, 2).permute(2, 0, 1)
        return torch.softmax(torch.einsum("btc,bsc->bts", x, x)[:, None] + bias, -1).mean(1)


class Tokens(nn.Module):
    """A mean of embeddings of what is no padding; the tokens are an argument."""

    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Embedding(7, 4), nn.Linear(4, 2)

    def forward(self, tokens, x):
        kept = (tokens != 0).unsqueeze(-1).to(x.dtype)
        h = (self.table(tokens) * kept).sum(1) / kept.sum(1).clamp(min=1)
        return self.fc(h) + x[:, :2]


class Inverted(nn.Module):
    """A block of MobileNet and one of ConvNeXt."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 6, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6(inplace=True),
            nn.Conv2d(6, 6, 3, 2, 1, groups=6, bias=False), nn.BatchNorm2d(6), nn.ReLU6(inplace=True),
            nn.Conv2d(6, 3, 1, bias=False), nn.BatchNorm2d(3),
        )  # fmt: skip
        self.depth, self.norm = nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.LayerNorm(3)
        self.scale = nn.Parameter(torch.full((3,), 0.25))
        for norm in (m for m in self.first if isinstance(m, nn.BatchNorm2d)):
            nn.init.uniform_(norm.bias), nn.init.uniform_(norm.running_mean), nn.init.uniform_(norm.running_var, 0.5, 2)

    def forward(self, x):
        x = self.first(x)
        y = F.gelu(self.norm(self.depth(x).permute(0, 2, 3, 1))) * self.scale
        out = x.clone()
        out += y.permute(0, 3, 1, 2)
        return F.adaptive_avg_pool2d(F.interpolate(out, scale_factor=2), 1).flatten(1)


@torch.jit.script
def scripted(x, scale: float):
    """A compiled function."""
    y = torch.zeros_like(x)
    for i in range(3):
        y = y + torch.sin(x * (i + 1)) * scale
    return y


class Compiled(nn.Module):
    """Calls a compiled function."""

    def forward(self, x):
        return scripted(x, 0.1) + 1


class Parametrized(nn.Module):
    """Weights that are worked out from parameters by `weight_norm`."""

    def __init__(self):
        super().__init__()
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(8, 3))

    def forward(self, x):
        return self.fc(x)


class Scattered(nn.Module):
    """Writes by places along an axis."""

    def forward(self, x):
        places = torch.tensor([[0, 2, 1], [3, 3, 0], [1, 0, 2]])
        y = torch.zeros(3, 8, dtype=x.dtype).scatter(1, places[:, :1], x[:, 1:2])
        y = y.scatter_add(1, places, x[:, :3])
        y.index_fill_(1, torch.tensor([5]), 0.25)
        y.diagonal().copy_(x[0, :3])
        return y.index_put((torch.tensor([0, 0]), torch.tensor([7, 7])), x[0, :2], accumulate=True)


class Structured(nn.Module):
    """Takes and returns structures."""

    def forward(self, x, more):
        a, (b, c) = more["pair"][0], more["rest"]
        return (x * a + b * c).cumsum(-1)


class Sorted(nn.Module):
    """Places that numbers decide, and their gather."""

    def forward(self, x):
        best, places = x.topk(3, dim=-1)
        return best * x.flip(-1).gather(-1, places) + x.amax(-1, keepdim=True)


class Counted(nn.Module):
    """Places of a sinusoid, worked out in the code in floats."""

    def forward(self, x):
        t = torch.arange(5, dtype=torch.float64)[:, None]
        rate = torch.exp(torch.arange(0, 8, 2, dtype=torch.float64) * (-math.log(10000.0) / 8))
        code = torch.zeros(5, 8, dtype=torch.float64)
        code[:, 0::2], code[:, 1::2] = torch.sin(t * rate), torch.cos(t * rate)
        return x + code


def modules():
    """By name, a module and its arguments."""
    torch.manual_seed(5)
    state = np.random.default_rng(2).standard_normal((1, 2, 4))
    table = {
        "stores": (Stores(), ROWS), "out of zeros": (OutOfZeros(), ROWS), "with state": (WithState(), SEQUENCE, state),
        "by hand": (ByHand(), SEQUENCE), "padded": (Padded(), SEQUENCE, PADDING),
        "masked scores": (MaskedScores(), SEQUENCE), "bias": (Bias(), SEQUENCE),
        "tokens": (Tokens(), np.array([[1, 2, 0], [6, 0, 0], [3, 3, 5]]), ROWS), "inverted": (Inverted(), IMAGES),
        "compiled": (Compiled(), ROWS), "parametrized": (Parametrized(), ROWS), "scattered": (Scattered(), ROWS),
        "structured": (Structured(), ROWS, {"pair": (ROWS + 1,), "rest": [ROWS[0], ROWS[:, :1]]}),
        "sorted": (Sorted(), ROWS), "counted": (Counted(), SEQUENCE),
    }  # fmt: skip
    return {name: (net.double().eval(), *args) for name, (net, *args) in table.items()}


EXPORTED = modules()

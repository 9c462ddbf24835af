"""Which axis of a tensor its channels are, where shapes alone do not say it."""

from __future__ import annotations

from typing import Any

from scalarspec.core import functions as f
from scalarspec.core import shape as shapes
from scalarspec.core.shape import Shape
from scalarspec.core.tensor import Tensor, operands_of
from scalarspec.errors import ArgumentError, ShapeError


def channel_axis(name: str, shape: Shape, channels: int | None, axis: int | None) -> int:
    """The axis of the channels: 0 in (channels, *spatial), 1 in (batch, channels, *spatial).

    channels: how many there are, if a parameter tells; axis: what the user says. What neither these nor the number of
    axes decides is refused rather than guessed: of four axes and more the first is a batch where it can be, of fewer it
    is that where only the second one has as many channels.
    Raises ShapeError where no axis has as many, ArgumentError where both have.
    """
    places = [axis] if axis is not None else [0] if len(shape) == 1 else [0, 1]
    found = [shapes.normal_axis(name, shape, int(a)) for a in places]
    fits = [a for a in found if channels in (None, shape[a])]
    if not fits:
        raise ShapeError(f"{name}: {channels} channels, and x of shape {shape}; expected them on axis {found}")
    if len(fits) == 1 or len(shape) >= 4:
        return fits[-1]
    raise ArgumentError(f"{name}: x of shape {shape} may have its channels on axis 0 or 1: say axis=0, or axis=1")


def along_channels(name: str, parameter: Any, x: Tensor, axis: int) -> Tensor:
    """A vector with one number for each channel, as it meets x. Raises ShapeError where it has any other shape."""
    _, (t, _) = operands_of(name, parameter, x)
    if t.shape != x.shape[axis : axis + 1]:
        raise ShapeError(f"{name}: a parameter of shape {t.shape} for {x.shape[axis]} channels")
    there: Tensor = f.reshape(t, [-1 if i == axis else 1 for i in range(x.ndim)])
    return there

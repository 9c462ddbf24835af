"""A spec of one's own: a small regression network, its parameters in NumPy, its loss a function of its input.

scalarspec compare examples/my_model.py:loss examples/my_inputs.npz
scalarspec bounds examples/my_model.py:loss examples/my_inputs.npz --radius x=0.01
"""

import numpy as np

import scalarspec as ss

net = ss.layers.Sequential(
    ss.layers.Linear(np.array([[0.5, -1.25], [2.0, 0.75], [-0.5, 1.0]]), np.array([0.25, -0.5, 0.0])),
    ss.layers.relu,
    ss.layers.Linear(np.array([[1.0, -0.75, 0.5]]), np.array([0.125])),
)


def loss(x: ss.Tensor, target: ss.Tensor) -> ss.Tensor:
    """The mean squared error of the network. x: (2,); target: (1,)."""
    return ss.loss.mse(net(x), target)

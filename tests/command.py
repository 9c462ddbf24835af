"""The command line, called as a user calls it, and a user's file of specs."""

from scalarspec import cli

USER_SPECS = '''
import functools
import numpy as np
import scalarspec as ss

def loss(x, target, beta=1):
    """A quadratic."""
    return ss.loss.mse(x, target) * beta

def smooth(x):
    return ss.mean(ss.exp(x))

def in_numpy(x):
    return np.mean(np.exp(x))

def off(x):
    return np.mean(np.exp(x)) * 1.000001

def pick(x, idx):
    return x[idx]

def lossy(x):
    return ss.log(ss.exp(x))

def keyed(x, *rest, beta=1, **more):
    return ss.mean(x) * beta

keyed_too = functools.partial(keyed, beta=2)

def in_lines(x):
    raise ValueError("one\\ntwo")

def broken(x):
    return x.no_such_thing

def _hidden(x):
    return x
'''


def run(capsys, *argv):
    """The exit code of a command, and what it prints and reports."""
    code = cli.main(argv)
    out, err = capsys.readouterr()
    return code, out, err

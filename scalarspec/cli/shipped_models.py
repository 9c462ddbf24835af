"""Commands on the shipped models, with real digits: `run`, `sweep`, `certify`, `enclose`, `classify`."""

from __future__ import annotations

import argparse
from typing import Any

from scalarspec.bounding.bounds import CHOICES
from scalarspec.cli.commands import Commands, add_work, add_workers
from scalarspec.cli.workers import working


def add_commands(commands: Commands) -> None:
    """Each with its options."""
    _add_run(commands)
    _add_sweep(commands)
    _add_certify(commands)
    _add_enclose(commands)
    _add_classify(commands)


def _add_run(commands: Commands) -> None:
    parser = commands.add("run", run_models, "the shipped models on held-out digits, under every backend")
    parser.add_argument("--digit", type=int, default=0, help="the digit of the table, 0 to 99 (default 0)")
    parser.add_argument("--count", type=int, default=25, help="digits to check for agreement, up to 100 (default 25)")
    parser.add_argument("--radius", default="0.01", help="the box of the bounds, in pixel units (default 0.01)")


def run_models(options: argparse.Namespace) -> tuple[Any, int]:
    """Losses and gradients under every backend, and bounds; exit code 1 where backends disagree."""
    from scalarspec.examples import digits

    def checked(i: int) -> None:
        options.progress(i + 1, options.count)

    report = digits.run(options.digit, options.count, options.radius, checked)
    return report, 0 if report.agreement.holds and report.slice.agrees else 1


def _add_sweep(commands: Commands) -> None:
    text = "the shipped models on all 1,797 digits under float64, interval64 and rational"
    parser = commands.add("sweep", run_sweep, text)
    parser.add_argument("--count", type=int, default=1797, help="the last so many digits (default 1797)")
    add_workers(parser)


def run_sweep(options: argparse.Namespace) -> tuple[Any, int]:
    """Every digit under three backends; exit code 1 where one contradicts another."""
    from scalarspec.examples import digit_sweeps

    with working(options) as executor:
        found = digit_sweeps.sweep(options.count, executor, options.progress)
    return found, 0 if found.holds else 1


def _add_certify(commands: Commands) -> None:
    text = "losses of the shipped models by NumPy and PyTorch, their errors certified"
    parser = commands.add("certify", run_certify, text)
    parser.add_argument("--count", type=int, default=100, help="digits to check (default 100)")
    add_workers(parser)


def run_certify(options: argparse.Namespace) -> tuple[Any, int]:
    """Losses written by hand, cross-checked; exit code 1 where rounding does not explain a stage."""
    from scalarspec.examples import digit_certificates

    with working(options) as executor:
        found = digit_certificates.certify(options.count, executor, options.progress)
    return found, 0 if found.holds else 1


def _add_enclose(commands: Commands) -> None:
    text = "bounds of the shipped models' losses around digits, beside what is attained"
    parser = commands.add("enclose", run_enclose, text)
    parser.add_argument("--count", type=int, default=100, help="the last so many digits (default 100)")
    parser.add_argument("--radius", action="append", help="in pixel units; may be repeated (default 0.001 and 0.01)")
    parser.add_argument("--method", choices=CHOICES, default="linear", help="how (default linear)")
    add_work(parser)


def run_enclose(options: argparse.Namespace) -> tuple[Any, int]:
    """Bounds around digits; exit code 1 where something attained lies outside of them."""
    from scalarspec.examples.enclose import RADII, enclose

    radii, work = options.radius or RADII, (options.method, options.budget)
    with working(options) as executor:
        found = enclose(options.count, radii, *work, executor, options.progress)
    return found, 0 if found.holds else 1


def _add_classify(commands: Commands) -> None:
    text = (
        "the shipped convolutional network: a digit's logits, their bounds, and for how many digits the label is proved"
    )
    parser = commands.add("classify", run_classify, text)
    parser.add_argument("--digit", type=int, default=0, help="the digit of the table, 0 to 99 (default 0)")
    parser.add_argument("--count", type=int, default=10, help="digits whose labels are proved (default 10)")
    parser.add_argument("--radius", default="0.01", help="the box of the bounds, in pixel units (default 0.01)")
    add_workers(parser)


def run_classify(options: argparse.Namespace) -> tuple[Any, int]:
    """Logits and their bounds; exit code 1 where what is attained lies outside, or where float32 is wrong."""
    from scalarspec.examples import digit_cnn

    with working(options) as executor:
        found = digit_cnn.run(options.digit, options.radius, options.count, executor, options.progress)
    return found, 0 if found.holds else 1

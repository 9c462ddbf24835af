"""`python -m scalarspec.cli` is the command `scalarspec`."""

from scalarspec.cli import command

command()

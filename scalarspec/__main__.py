"""`python -m scalarspec` is the command `scalarspec`."""

from scalarspec.cli import command

command()

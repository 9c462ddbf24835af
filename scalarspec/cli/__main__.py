"""`python -m scalarspec.cli` is the command `scalarspec`."""

import sys

from scalarspec.cli import main

sys.exit(main())

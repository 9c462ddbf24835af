"""What an editable installation needs: links from the package to `backends` and `examples`, which no sdist holds."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKED = ("backends", "examples")


class CustomBuildHook(BuildHookInterface[Any]):
    """Makes the links where they are missing, before the package is installed as it lies there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Makes them for an editable wheel; any other one holds the files themselves."""
        if version != "editable":
            return
        for name in LINKED:
            link = Path(self.root, "scalarspec", name)
            if not link.exists():
                link.symlink_to(Path("..", name), target_is_directory=True)

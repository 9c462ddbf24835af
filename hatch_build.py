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
            link(Path(self.root, "scalarspec", name), Path(self.root, name))


def link(place: Path, folder: Path) -> None:
    """Makes a link to a folder beside the place's own, unless there is one.

    Windows grants links to few users; there it is a junction, which all may make, and which leads to the same place.
    """
    if place.is_dir():
        return
    place.unlink(missing_ok=True)  # a text file: what git leaves for a link that it may not make
    try:
        place.symlink_to(Path("..", folder.name), target_is_directory=True)
    except OSError:
        import _winapi

        _winapi.CreateJunction(str(folder), str(place))

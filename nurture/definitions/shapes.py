"""The shapes that come with the engine: one YAML file each, in the folder beside this module."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePath

from nurture.definitions.document import read
from nurture.domain.telling.shapes import Shape


@cache
def packaged_shapes() -> Mapping[str, Shape]:
    """Every shape by its name, which is that of its file."""
    folder = files("nurture.definitions") / "shapes"
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return {PurePath(name).stem: _shape((folder / name).read_bytes()) for name in found}


def _shape(content: bytes) -> Shape:
    node, flaws = read(content)
    if node is None or flaws:
        raise AssertionError(f"a shape of the engine's own is broken: {flaws}")
    return Shape.model_validate(node.plain())

"""Programs of the checkout that have no ending, as modules."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any


def loaded(path: Path) -> Any:
    """Import a program without running it."""
    loader = SourceFileLoader(f"script_{path.name}", str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    made = module_from_spec(spec)
    loader.exec_module(made)
    return made

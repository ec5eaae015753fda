"""Language-neutral vectors for the audit log, and how the tests read them."""

import json
from pathlib import Path
from typing import Any


def vectors(name: str) -> Any:
    """The document NAME.json beside this file."""
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text())

"""`python -m vultus` is `vultus`."""

from vultus.cli.main import entry_point

entry_point()

"""Every setting, read once from the environment and the project's `.env`, checked, and frozen.

A wrong value is one line: the name, the value (secrets hidden) and what is allowed. What is not built yet is
refused by name, never silently ignored.
"""

from chatapp.settings.model import Settings
from chatapp.settings.reading import SettingsError, load, load_or_exit
from chatapp.settings.values import PROJECT_ROOT

__all__ = ["PROJECT_ROOT", "Settings", "SettingsError", "load", "load_or_exit"]

"""Writes `.env.example` from the settings: python -m tests.architecture.env_example > .env.example"""

import textwrap

from chatapp.settings import Settings
from chatapp.settings.reading import NOT_BUILT_YET, default_text, variable

HEAD = """\
# Every setting, with its default and its reason. Copy this file to `.env` in the same folder and change what
# you want; the environment wins over it. An empty value is the same as none. Made from the settings' code by
#   python -m tests.architecture.env_example > .env.example
"""

DERIVED = {
    "CHATAPP_DATA_DIR": "data",
    "DATABASE_URL": "sqlite:///data/chatapp.db",
    "AUTH_MODE": "guest",
}


def entry(field: str) -> str:
    name = variable(field)
    reason = " ".join((Settings.model_fields[field].description or "").split())
    if name in NOT_BUILT_YET:
        reason += " Not built yet: refused."
    lines = textwrap.wrap(reason, 106, initial_indent="# ", subsequent_indent="# ")
    return "\n".join((*lines, f"#{name}={DERIVED.get(name) or default_text(field)}"))


def example() -> str:
    return "\n\n".join((HEAD.rstrip(), *(entry(field) for field in Settings.model_fields))) + "\n"


if __name__ == "__main__":
    print(example(), end="")

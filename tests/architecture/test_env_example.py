"""`.env.example` is the operator's page of the manual; complete because it is made from the settings."""

from dotenv import dotenv_values

from chatapp.settings import Settings, load
from chatapp.settings.reading import variable
from tests.architecture.env_example import example
from tests.architecture.source import ROOT

EXAMPLE = ROOT / ".env.example"


def test_example_is_what_the_settings_say():
    """Refresh it with: python -m tests.architecture.env_example > .env.example"""
    assert EXAMPLE.read_text() == example()


def test_every_setting_has_a_reason():
    assert [variable(name) for name, field in Settings.model_fields.items() if not field.description] == []


def test_example_with_everything_uncommented_is_the_default(tmp_path):
    """Whoever copies the file and takes the comment signs away gets what they had before."""
    lines = (line.removeprefix("#") if "=" in line else line for line in EXAMPLE.read_text().splitlines())
    (tmp_path / ".env").write_text("\n".join(line for line in lines if not line.startswith((" ", "#"))))
    written = {name: value or "" for name, value in dotenv_values(tmp_path / ".env").items()}
    assert written.keys() >= {variable(name) for name in Settings.model_fields}
    kept = {"CHATAPP_DATA_DIR": str(tmp_path)}
    example_settings = load({**written, **kept, "DATABASE_URL": f"sqlite:///{tmp_path}/chatapp.db"})
    assert example_settings == load(kept)

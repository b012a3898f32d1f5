"""Settings: what a newcomer gets, and that a wrong value stops the start with one line."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

import chatapp.settings.reading
from chatapp.settings import PROJECT_ROOT, Settings, SettingsError, load
from chatapp.settings.reading import NOT_BUILT_YET, variable

Make = Callable[..., Settings]

PRODUCTION = {"APP_ENV": "production", "AUTH_MODE": "guest", "SECRET_KEY": "k" * 32}

WRONG = [
    ("APP_ENV", "prod", "'development' or 'production'"),
    ("AUTH_MODE", "open", "'guest', 'password' or 'oidc'"),
    ("STREAM_IDLE_TIMEOUT", "0", "from 0.1 to 3600"),
    ("STREAM_IDLE_TIMEOUT", "nan", "from 0.1 to 3600"),
    ("SCRIPTED_DELAY", "-1", "from 0 to 60"),
    ("LOGIN_TTL", "1e400", "seconds from 1"),
    ("MAX_CONCURRENT_STREAMS", "0", "greater than or equal to 1"),
    ("MAX_MESSAGE_CHARS", "many", "a whole number"),
    ("DEFAULT_MODEL", "gpt-5-mini", "provider:model"),
    ("DEFAULT_MODEL", "openai: ", "provider:model"),
    ("OPENAI_BASE_URL", "localhost:11434", "http:// or https://"),
    ("PUBLIC_URL", "https://chat.example.org/app", "without a path"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example, *", "name the origins"),
    ("CORS_ALLOWED_ORIGINS", "https://*.example", "name the origins"),
    ("DATABASE_URL", "mysql://localhost/chat", "sqlite:///"),
    ("DATABASE_URL", "postgresql:chat", "postgresql://"),
    ("DATABASE_URL", "postgresql://me@host:many/chat", "postgresql://"),
    ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
    ("DATABASE_URL", "sqlite://", "must name a file"),
    ("REDIS_URL", "http://localhost:6379", "redis://localhost"),
    ("REDIS_URL", "redis://localhost:99999", "redis://localhost"),
    ("REDIS_URL", "redis://localhost/name", "redis://localhost"),
    ("REDIS_URL", "redis://", "redis://localhost"),
    ("TRUSTED_PROXY_HOPS", "11", "less than or equal to 10"),
    ("LOG_LEVEL", "loud", "'debug'"),
]

UNBUILT = [
    ("AUTH_MODE", "OIDC"),
    ("STREAMING_ENABLED", "false"),
    *((name, "1") for name in NOT_BUILT_YET if name != "STREAMING_ENABLED"),
]


def test_a_newcomer_needs_no_setting(settings: Settings):
    assert settings.app_env == "development"
    assert settings.auth_mode == "guest"
    assert settings.database_path == settings.data_dir / "chatapp.db"
    assert settings.lease_ttl == timedelta(seconds=10)
    assert settings.scripted_delay == timedelta(seconds=0.05)
    assert settings.openai_api_key is None
    assert settings.openai_models == ()


def test_values_are_read_with_their_kinds(settings_with: Make):
    settings = settings_with(
        OPENAI_MODELS=" a, b,, a ",
        STREAM_IDLE_TIMEOUT="1.5",
        WORKER="Embedded",
        OPENAI_BASE_URL="http://h/v1/",
    )
    assert settings.openai_models == ("a", "b")
    assert settings.stream_idle_timeout == timedelta(seconds=1.5)
    assert settings.worker == "embedded"
    assert settings.openai_base_url == "http://h/v1"


def test_an_empty_value_is_the_same_as_none(settings_with: Make):
    """`NAME=` in a compose file or a copied example asks for the default."""
    assert settings_with(REDIS_URL="", LOGIN_TTL=" ") == settings_with()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"REDIS_URL": "cache"}, "redis://cache/0"),
        ({"REDIS_URL": "cache:6380"}, "redis://cache:6380/0"),
        ({"REDIS_URL": "redis://cache"}, "redis://cache/0"),
        ({"REDIS_URL": "rediss://u:p@cache:1/3"}, "rediss://u:p@cache:1/3"),
        ({"REDIS_URL": "[::1]:6379", "REDIS_PASSWORD": "p/w@d"}, "redis://:p%2Fw%40d@[::1]:6379/0"),
        ({"REDIS_URL": "redis://u:p@c/1", "REDIS_PASSWORD": "q", "REDIS_USER": "v"}, "redis://v:q@c/1"),
        ({"REDIS_URL": "unix:///run/redis.sock"}, "unix:///run/redis.sock"),
        ({}, ""),
    ],
    ids=["host", "host and port", "url", "whole", "password", "both", "socket", "none"],
)
def test_redis_is_one_url_for_everything(settings_with: Make, given: dict[str, str], url: str):
    """However it is said: with a library's URL, as host and port, with the password apart."""
    assert settings_with(**given).redis == url


def test_a_password_for_no_redis_is_a_mistake(settings_with: Make):
    """Whoever gave one believes that there is a Redis."""
    with pytest.raises(SettingsError, match=r"^REDIS_PASSWORD: .*REDIS_URL"):
        settings_with(REDIS_PASSWORD="hunter2")


def test_settings_cannot_be_changed(settings: Settings):
    with pytest.raises(ValidationError):
        settings.login_ttl = timedelta(seconds=1)  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_value_is_one_line_with_name_and_what_is_allowed(
    settings_with: Make, name: str, value: str, allowed: str
):
    with pytest.raises(SettingsError) as caught:
        settings_with(**{name: value})
    line = str(caught.value)
    assert line.startswith(f"{name}=")
    assert allowed in line
    assert "\n" not in line


@pytest.mark.parametrize(("name", "value"), UNBUILT)
def test_what_is_not_built_yet_is_refused_by_name(settings_with: Make, name: str, value: str):
    with pytest.raises(SettingsError, match=rf"^{name}=.*not built yet"):
        settings_with(**{name: value})


def test_a_default_of_something_unbuilt_asks_for_nothing(settings_with: Make):
    assert settings_with(STREAMING_ENABLED="True") == settings_with()


def test_a_worker_of_its_own_needs_redis(settings_with: Make):
    """Without it nobody would tell the page what is written elsewhere."""
    with pytest.raises(SettingsError, match=r"^REDIS_URL: must be set"):
        settings_with(WORKER="external")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_BASE_URL", "ftp://me:hunter2@host"),
        ("DATABASE_URL", "postgresql://me:hunter2@host:many/chat"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("GEMINI_BASE_URL", "hunter2"),
        ("SECRET_KEY", "hunter2"),
    ],
)
def test_secrets_are_not_in_the_error(settings_with: Make, name: str, value: str):
    with pytest.raises(SettingsError) as caught:
        settings_with(**{**PRODUCTION, name: value})
    assert caught.value.name == name
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_in_the_repr(settings_with: Make):
    settings = settings_with(OPENAI_API_KEY="hunter2", SECRET_KEY="hunter3")
    assert "hunter" not in repr(settings) + str(settings)


def test_a_line_break_in_a_value_does_not_break_the_line(settings_with: Make):
    with pytest.raises(SettingsError) as caught:
        settings_with(LOG_LEVEL="info\nERROR forged log line" + "x" * 1000)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_production_starts_when_it_is_told_everything(settings_with: Make):
    assert settings_with(**PRODUCTION).production


def test_production_refuses_insecure_defaults(settings_with: Make):
    with pytest.raises(SettingsError, match=r"^SECRET_KEY"):
        settings_with(**{key: value for key, value in PRODUCTION.items() if key != "SECRET_KEY"})


def test_production_wants_accounts_unless_it_is_told_otherwise(settings_with: Make):
    told = {key: value for key, value in PRODUCTION.items() if key != "AUTH_MODE"}
    assert settings_with(**told).auth_mode == "password"


@pytest.mark.parametrize("name", ["PUBLIC_URL", "CORS_ALLOWED_ORIGINS"])
def test_production_wants_https_but_on_this_machine(settings_with: Make, name: str):
    with pytest.raises(SettingsError, match=rf"^{name}='http://chat.example.*https://"):
        settings_with(**PRODUCTION, **{name: "http://chat.example"})
    for origin in ("https://chat.example", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8000"):
        assert settings_with(**PRODUCTION, **{name: origin}).production
    assert settings_with(**{name: "http://chat.example"})


def test_production_refuses_a_short_secret(settings_with: Make):
    with pytest.raises(SettingsError, match="32 characters"):
        settings_with(**{**PRODUCTION, "SECRET_KEY": "k" * 31})


def test_secret_key_is_made_once_and_readable_to_its_owner_only(settings_with: Make):
    first, second = settings_with(), settings_with()
    kept = first.data_dir / "secret_key"
    assert first.secret_key == second.secret_key
    assert len(first.secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in first.data_dir.iterdir()] == ["secret_key"]


def test_of_two_first_starts_at_once_one_secret_wins(settings_with: Make, monkeypatch: pytest.MonkeyPatch):
    """The other start finds the file there when it wants to put its own in place."""
    other: list[Settings] = []
    token = chatapp.settings.reading.secrets.token_urlsafe

    def overtaken(size: int) -> str:
        if not other:
            monkeypatch.setattr(os, "getpid", lambda: 1)
            other.append(Settings.model_construct())
            other[0] = settings_with()
            monkeypatch.undo()
        return token(size)

    monkeypatch.setattr(chatapp.settings.reading.secrets, "token_urlsafe", overtaken)
    assert settings_with().secret_key == other[0].secret_key


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_postgresql_is_named_as_anybody_names_it(settings_with: Make, scheme: str):
    """Which driver is used is the app's own affair."""
    settings = settings_with(DATABASE_URL=f"{scheme}://me:a%40b@db:5433/chat?sslmode=require")
    assert settings.database_url == "postgresql://me:a%40b@db:5433/chat?sslmode=require"
    assert "a%40b" not in repr(settings)


def test_relative_paths_start_at_the_project(
    settings_with: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert settings_with(DATABASE_URL="sqlite:///data/x.db").database_path == PROJECT_ROOT / "data/x.db"
    assert settings_with(DATABASE_URL=f"sqlite:///{tmp_path}/x.db").database_path == tmp_path / "x.db"


def test_own_origins_are_always_allowed(settings_with: Make):
    settings = settings_with(CORS_ALLOWED_ORIGINS="https://Other.example/", PUBLIC_URL="https://chat.example")
    assert settings.allowed_origins(page_port=3000, backend_port=8000) == (
        "https://chat.example",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "https://other.example",
    )


def test_production_with_a_public_url_trusts_no_page_on_localhost(settings_with: Make):
    settings = settings_with(**PRODUCTION, PUBLIC_URL="https://chat.example")
    assert settings.allowed_origins(page_port=3000, backend_port=8000) == ("https://chat.example",)


def test_environment_wins_over_the_project_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`.env` lies in the project, whatever the working directory is; its values are taken as written."""
    monkeypatch.setattr(chatapp.settings.reading, "PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").write_text("LOGIN_TTL=70\nOPENAI_API_KEY=a${HOME}b\nMAX_UPLOAD_MB=\n")
    monkeypatch.setenv("CHATAPP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir("/")
    settings = load()
    assert settings.login_ttl == timedelta(seconds=70)
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "a${HOME}b"
    monkeypatch.setenv("LOGIN_TTL", "80")
    assert load().login_ttl == timedelta(seconds=80)


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^CHATAPP_DATA_DIR=.*cannot be used"):
        load({"CHATAPP_DATA_DIR": str(tmp_path / "file/data")})


@pytest.mark.parametrize(
    "command",
    [["-m", "reflex", "run"], ["-m", "reflex", "run", "--env", "prod"], ["-m", "chatapp", "doctor"]],
    ids=" ".join,
)
def test_a_wrong_setting_stops_the_program_with_one_line(command: list[str], tmp_path: Path):
    """No traceback, nothing started, and a status that scripts can tell from a crash."""
    env = {**os.environ, "CHATAPP_DATA_DIR": str(tmp_path), "APP_ENV": "prod"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr == "chatapp: APP_ENV='prod': must be 'development' or 'production'\n"


def test_every_name_in_the_table_of_unbuilt_settings_is_known():
    """A misspelt line there would refuse nothing."""
    assert {variable(field) for field in Settings.model_fields} >= NOT_BUILT_YET.keys()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"GOOGLE_API_KEY": "theirs"}, "theirs"),
        ({"GEMINI_API_KEY": "ours", "GOOGLE_API_KEY": "theirs"}, "ours"),
        ({"GEMINI_API_KEY": "", "GOOGLE_API_KEY": "theirs"}, "theirs"),
    ],
)
def test_a_vendor_s_own_name_does_as_well(settings_with: Make, given: dict[str, str], key: str):
    """Ours wins; both are secrets."""
    found = settings_with(**given).gemini_api_key
    assert found is not None
    assert found.get_secret_value() == key

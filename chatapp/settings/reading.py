"""From the environment and `.env` to Settings, or to one line that says what is wrong."""

import os
import re
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from chatapp.settings.model import Settings
from chatapp.settings.values import PROJECT_ROOT

# What is promised but not built yet: the name, and what it is for. A value equal to the default asks for
# nothing and passes. Whoever builds one deletes its line.
NOT_BUILT_YET: Final[Mapping[str, str]] = {
    "OIDC_ISSUER": "single sign-on",
    "OIDC_CLIENT_ID": "single sign-on",
    "OIDC_CLIENT_SECRET": "single sign-on",
    "MAX_UPLOAD_MB": "uploading files",
    "STREAMING_ENABLED": "holding replies back until they are whole",
    "SMTP_URL": "sending mail",
    "MAIL_FROM": "sending mail",
}

# The same for single values: the name, how the value begins, what there is instead.
VALUES_NOT_BUILT_YET: Final = (("AUTH_MODE", "oidc", "guest or password"),)

#: For whom replies are made in other processes.
REDIS_NEEDED: Final = "must be set: without Redis a worker of its own could not tell the pages what it writes"

# Names whose values are never shown; URLs are among them because they can carry a password.
HIDDEN: Final = re.compile(r"SECRET|PASSWORD|API_KEY|(DATABASE|REDIS|SMTP|BASE)_URL")

# The vendors' own names for what we call otherwise; ours win.
OTHER_NAMES: Final = {"GOOGLE_API_KEY": "GEMINI_API_KEY"}

SECRET_KEY_MIN_CHARS: Final = 32  # of base64, 192 bits: beyond guessing

# What is said between a browser and the machine that it runs on, nobody else reads.
THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})

PLAIN_WORDS: Final = {"int_parsing": "must be a whole number", "bool_parsing": "must be true or false"}


class SettingsError(Exception):
    """A setting has a value that is not allowed. Its text is one line for the person who starts the app."""

    def __init__(self, name: str, value: str | None, problem: str) -> None:
        super().__init__(f"{name}{'' if value is None else '=' + _shown(name, value)}: {problem}")
        self.name = name


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings: from `env` alone if given, else from the environment over `.env`.

    Makes the data folder, and in development a SECRET_KEY in it. Raises SettingsError.
    """
    given = _ours(_environment() if env is None else env)
    _refuse_unbuilt(given)
    settings = _checked(given)
    _refuse_half(settings)
    if settings.production:
        _refuse_insecure(settings)
    try:
        return _with_kept_secret(settings)
    except OSError as error:
        problem = f"cannot be used as data folder: {error.strerror}"
        raise SettingsError("CHATAPP_DATA_DIR", str(settings.data_dir), problem) from None


@cache
def load_or_exit() -> Settings:
    """`load` for the programs: a wrong setting is one line on stderr and exit status 2."""
    try:
        return load()
    except SettingsError as error:
        sys.stderr.write(f"chatapp: {error}\n")
        raise SystemExit(2) from None


def variable(field: str) -> str:
    """Name a Settings field as the environment does."""
    return (Settings.model_fields[field].alias or field).upper()


def default_text(field: str) -> str:
    """Write a field's default as one would into `.env`; empty if it is unset or depends on other settings."""
    match Settings.model_fields[field].default:
        case bool() as value:
            return str(value).lower()
        case timedelta() as value:
            return f"{value.total_seconds():.15g}"
        case int() | str() as value:
            return str(value)
        case _:
            return ""


def _environment() -> dict[str, str]:
    from_file = {
        name: value or "" for name, value in dotenv_values(PROJECT_ROOT / ".env", interpolate=False).items()
    }
    return {**from_file, **os.environ}


def _ours(env: Mapping[str, str]) -> dict[str, str]:
    """Pick the names that are ours; an empty value is the same as none."""
    names = {variable(field) for field in Settings.model_fields} | NOT_BUILT_YET.keys()
    given = {name: value.strip() for name, value in env.items() if value.strip()}
    others = {ours: given[theirs] for theirs, ours in OTHER_NAMES.items() if theirs in given}
    return {name: value for name, value in (others | given).items() if name in names}


def _shown(name: str, value: str) -> str:
    if HIDDEN.search(name):
        return "(hidden)"
    return repr(value if len(value) <= 80 else value[:80] + "…")


def _refuse_unbuilt(given: Mapping[str, str]) -> None:
    for name, purpose in NOT_BUILT_YET.items():
        field = name.lower()
        default = default_text(field) if field in Settings.model_fields else ""
        if name in given and given[name].lower() != default:
            raise SettingsError(name, given[name], f"not built yet ({purpose}); leave it unset")
    for name, beginning, instead in VALUES_NOT_BUILT_YET:
        if given.get(name, "").lower().startswith(beginning):
            raise SettingsError(name, given[name], f"not built yet; there is {instead}")


def _checked(given: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate({name.lower(): value for name, value in given.items()})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]).upper()
        said = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        raise SettingsError(name, given.get(name), PLAIN_WORDS.get(first["type"], said)) from None


def _refuse_insecure(settings: Settings) -> None:
    if len(settings.secret_key.get_secret_value()) < SECRET_KEY_MIN_CHARS:
        problem = f"production needs one of {SECRET_KEY_MIN_CHARS} characters or more"
        raise SettingsError("SECRET_KEY", None, problem)
    for name, origins in (
        ("PUBLIC_URL", (settings.public_url or "",)),
        ("CORS_ALLOWED_ORIGINS", settings.cors_allowed_origins),
    ):
        for origin in origins:
            if origin.startswith("http://") and urlsplit(origin).hostname not in THIS_MACHINE:
                problem = "production needs https://, or passwords and cookies are read on the way"
                raise SettingsError(name, origin, problem)


def _refuse_half(settings: Settings) -> None:
    for name, value in (("REDIS_USER", settings.redis_user), ("REDIS_PASSWORD", settings.redis_password)):
        if value and settings.redis_url is None:
            raise SettingsError(name, None, "is for a Redis, and REDIS_URL does not say where one is")
    if settings.worker == "external" and settings.redis_url is None:
        raise SettingsError("REDIS_URL", None, f"{REDIS_NEEDED} (WORKER=external)")


def _with_kept_secret(settings: Settings) -> Settings:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.secret_key.get_secret_value():
        return settings
    kept = SecretStr(_kept_secret(settings.data_dir / "secret_key"))
    return settings.model_copy(update={"secret_key": kept})


def _kept_secret(path: Path) -> str:
    """Read the secret that the first start made. Linked into place: of two starts at once, one wins whole."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()

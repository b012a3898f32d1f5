"""What an email, a password and a name must be like."""

import unicodedata
from typing import Final

from chatapp.domain.errors import Invalid, WeakPassword

#: The longest address that mail can be sent to (RFC 5321).
MAX_EMAIL_CHARS: Final = 254
#: NIST SP 800-63B: eight at the least, and no rules about kinds of characters.
MIN_PASSWORD_CHARS: Final = 8
#: A passphrase fits; a megabyte to be hashed does not.
MAX_PASSWORD_CHARS: Final = 256
MAX_NAME_CHARS: Final = 80


def email_of(text: str) -> str:
    """The email as it is stored and compared: trimmed, in one case. Raises `Invalid`."""
    if len(text) > 2 * MAX_EMAIL_CHARS:
        raise Invalid("This email is too long.")
    email = unicodedata.normalize("NFKC", text).strip().casefold()
    before, at, after = email.partition("@")
    unprintable = any(not char.isprintable() or char.isspace() for char in email)
    if not (before and at and after) or "@" in after or unprintable or len(email) > MAX_EMAIL_CHARS:
        raise Invalid("This is not an email address.", advice="It should be like ann@example.org.")
    return email


def password_of(text: str) -> str:
    """The password as it is hashed: the same on every keyboard (NFKC). Raises `Invalid` for what is none."""
    if len(text) > MAX_PASSWORD_CHARS:
        raise Invalid(f"A password has at most {MAX_PASSWORD_CHARS} characters.")
    return unicodedata.normalize("NFKC", text)


def new_password_of(text: str, *, email: str) -> str:
    """The same for a password that is being chosen. Raises `WeakPassword` too."""
    password = password_of(text)
    if len(password) < MIN_PASSWORD_CHARS:
        raise WeakPassword(f"A password has at least {MIN_PASSWORD_CHARS} characters.")
    if password.strip().casefold() == email:
        raise WeakPassword("The password is the email itself.")
    return password


def name_of(text: str) -> str:
    """A name of one line, without what cannot be seen; "" is none. Raises `Invalid`."""
    if len(text) > 4 * MAX_NAME_CHARS:
        raise Invalid("This name is too long.", advice="Please shorten it.")
    # Characters that turn the direction of writing could make a name look like another (Cf), and so on.
    seen = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    name = " ".join("".join(char for char in seen if unicodedata.category(char)[0] != "C").split())
    if len(name) > MAX_NAME_CHARS:
        raise Invalid(f"A name has at most {MAX_NAME_CHARS} characters.", advice="Please shorten it.")
    return name

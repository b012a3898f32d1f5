"""Where the built page looks for its server; that it works at any port is seen by each browser test."""

from pathlib import Path

import pytest
import reflex_base

from chatapp.ui.own_origin import STATE_MODULE, at_own_origin

MODULE = Path(reflex_base.__file__).parent / ".templates/web" / STATE_MODULE


def test_reflex_still_ends_there():
    changed = at_own_origin(MODULE.read_text())
    assert "endpoint.port = window.location.port" in changed
    assert at_own_origin(changed) == changed, "twice is the same as once"


def test_a_module_that_is_not_as_it_was_is_told():
    with pytest.raises(RuntimeError, match="has changed"):
        at_own_origin(MODULE.read_text().replace("return endpoint", "return new URL(endpoint)"))

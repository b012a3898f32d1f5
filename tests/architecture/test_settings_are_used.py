"""A setting that is accepted and then ignored is a lie; what has no effect yet is refused by name."""

import ast

from chatapp.settings import Settings
from chatapp.settings.reading import NOT_BUILT_YET, variable
from tests.architecture.source import ROOT, parsed, sources


def test_every_accepted_setting_is_read_somewhere():
    """Use it, or add its line to NOT_BUILT_YET in chatapp/settings/reading.py (docs/decisions/0002)."""
    read = {
        node.attr
        for source in (*sources("chatapp"), parsed(ROOT / "rxconfig.py"))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    ignored = [variable(field) for field in Settings.model_fields if field not in read]
    assert [name for name in ignored if name not in NOT_BUILT_YET] == []

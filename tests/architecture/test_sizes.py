"""A file fits in the head, a function on the screen."""

from tests.architecture.source import functions, sources

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
GENERATED = "migrations/versions"  # written by Alembic, one function for a whole schema


def test_files_fit_in_the_head():
    long = [
        f"{source.path} has {lines} lines"
        for source in sources("chatapp", "tests", "bench")
        if (lines := len(source.text.splitlines())) > MAX_FILE_LINES
    ]
    assert not long, "\n".join(long)


def test_functions_fit_on_the_screen():
    long = [
        f"{source.at(function.lineno)} {function.name} has {lines} lines"
        for source in sources("chatapp", "tests", "bench")
        if GENERATED not in source.path.as_posix()
        for function in functions(source.tree)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)

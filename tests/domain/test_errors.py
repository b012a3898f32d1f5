"""Every error can be shown to a person and told apart by a program."""

from chatapp.domain.errors import ChatError, StorageFull
from tests.advice import says_what_to_do


def all_errors(root: type[ChatError]) -> list[type[ChatError]]:
    return [root, *(error for child in root.__subclasses__() for error in all_errors(child))]


def test_every_error_has_a_code_of_its_own_and_says_what_to_do():
    """Clients act on codes, so no two kinds share one; the default message tells a person what happened,
    and what to do next."""
    errors = all_errors(ChatError)
    named = [error for error in errors if "code" in vars(error)]
    assert len({error.code for error in named}) == len(named)
    for error in errors:
        assert says_what_to_do(error().message)
        assert 400 <= error.status < 600


def test_an_error_says_its_own_words_when_it_has_some():
    """The default is there for who has nothing better to say."""
    assert StorageFull().message == f"{StorageFull.__doc__} {StorageFull.advice}"
    assert str(StorageFull("Out of room.")) == f"Out of room. {StorageFull.advice}"
    assert str(StorageFull("Out of room.", advice="Please tidy up.")) == "Out of room. Please tidy up."
    assert str(StorageFull("No room, please tidy up.", advice="")) == "No room, please tidy up."

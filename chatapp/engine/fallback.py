"""Which models make a reply: the chosen one, then those that stand in for it when it fails."""

from collections.abc import Sequence

from chatapp.domain.errors import NoModel, ProviderError
from chatapp.domain.messages import Message


class Fallback:
    """The models of one run, in order. Each is tried once, also by a later attempt that goes on with the run.

    Args:
        chosen: the model that the person wants.
        stand_ins: the models to go on with, in order.
        so_far: the reply as the log has it: the model that had it last goes on.
    """

    def __init__(self, *, chosen: str, stand_ins: Sequence[str], so_far: Message) -> None:
        handed_on = [seam for seam in so_far.seams if seam.is_fallback]
        self.model: str = handed_on[-1].model if handed_on else chosen
        self._failed: list[tuple[str, str]] = [(seam.before, seam.reason) for seam in handed_on]
        tried = {self.model, *(model for model, _ in self._failed)}
        self._left: list[str] = [model for model in dict.fromkeys(stand_ins) if model not in tried]

    def hand_on(self, error: ProviderError | NoModel) -> None:
        """Makes the next model the one that goes on.

        Raises:
            ChatError: there is none. It names what was tried if that was more than one model.
        """
        self._failed.append((self.model, error.what))
        if not self._left:
            raise self._last(error) from error
        self.model = self._left.pop(0)

    def _last(self, error: ProviderError | NoModel) -> ProviderError | NoModel:
        if len(self._failed) == 1:
            return error
        tried = " ".join(f"{model}: {message}" for model, message in self._failed)
        last = type(error)(f"No model could make this reply. {tried}")
        if isinstance(last, ProviderError) and isinstance(error, ProviderError):
            last.usage = error.usage
        return last

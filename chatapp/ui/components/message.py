"""One message. Each is a component of its own, so that a token draws one of them again."""

from typing import Final

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button
from chatapp.ui.components.reading import is_live, live_text
from chatapp.ui.components.together import together
from chatapp.ui.components.words import note, reasoning, seam_line, words
from chatapp.ui.history import ORDER
from chatapp.ui.live import Now
from chatapp.ui.parts import Cut
from chatapp.ui.rows import Row

_BUSY: Final = ("queued", "streaming")
_ARTICLE: Final = "message mx-auto w-full max-w-column px-4 sm:px-6"


def messages() -> rx.Component:
    """All messages, over all vars that hold some. One that is poured from var to var stays as it is."""
    rows = getattr(Chat, ORDER[0])
    for name in ORDER[1:]:
        rows = rows + getattr(Chat, name)
    return rx.foreach(rows.to(list[Row]), _one)


def _one(row: rx.Var[Row]) -> rx.Component:
    return rx.fragment(
        message(
            message_id=row["id"],
            role=row["role"],
            status=row["status"],
            at=row["at"],
            text=row["text"],
            cuts=row["cuts"],
            thinking=row["thinking"],
            thought=row["thought"],
            seams=row["seams"],
            error=row["error"],
            left_out=row["left_out"],
            more=row["more"],
        ),
        key=row["id"],
    )


@rx.memo
def message(
    message_id: rx.Var[str],
    role: rx.Var[str],
    status: rx.Var[str],
    at: rx.Var[str],
    text: rx.Var[str],
    cuts: rx.Var[tuple[Cut, ...]],
    thinking: rx.Var[str],
    thought: rx.Var[int],
    seams: rx.Var[tuple[str, ...]],
    error: rx.Var[str],
    left_out: rx.Var[int],
    more: rx.Var[bool],
) -> rx.Component:
    """A message of either side."""
    return rx.cond(
        role == "user",
        user_message(message_id=message_id, at=at, text=text, status="complete"),
        reply(
            message_id=message_id,
            at=at,
            text=text,
            cuts=cuts,
            thinking=thinking,
            thought=thought,
            seams=rx.cond(is_live(message_id), Now.seams, seams),
            status=rx.cond(is_live(message_id), Now.status, status),
            error=rx.cond(is_live(message_id), Now.error, error),
            left_out=rx.cond(is_live(message_id), Now.left_out, left_out),
            more=rx.cond(is_live(message_id), Now.more, more),
            position=rx.cond(is_live(message_id), Now.position, 0),
        ),
    )


@rx.memo
def user_message(
    message_id: rx.Var[str], at: rx.Var[str], text: rx.Var[str], status: rx.Var[str]
) -> rx.Component:
    """What a person wrote: as it is, never read as markdown."""
    return rx.el.article(
        rx.el.div(
            rx.el.div(
                text,
                class_name="words bg-[var(--bubble)] rounded-2xl rounded-br-md px-4 py-2.5 "
                "whitespace-pre-wrap "
                "wrap-anywhere",
            ),
            rx.el.div(
                rx.cond(status == "queued", rx.el.span("Waiting to be sent"), rx.fragment()),
                clock(at),
                class_name="flex justify-end gap-2 mt-1 mr-1 text-xs text-muted-foreground",
            ),
            class_name="max-w-[85%] sm:max-w-[75%]",
        ),
        data_message_id=message_id,
        data_role="user",
        data_status=status,
        aria_label="You",
        class_name=f"{_ARTICLE} flex justify-end py-3",
    )


@rx.memo
def reply(
    message_id: rx.Var[str],
    at: rx.Var[str],
    text: rx.Var[str],
    cuts: rx.Var[tuple[Cut, ...]],
    thinking: rx.Var[str],
    thought: rx.Var[int],
    seams: rx.Var[tuple[str, ...]],
    status: rx.Var[str],
    error: rx.Var[str],
    left_out: rx.Var[int],
    more: rx.Var[bool],
    position: rx.Var[int],
) -> rx.Component:
    """What a model answered, or is answering."""
    busy = rx.Var(f"{list(_BUSY)!r}.includes({status!s})", _var_type=bool).guess_type()
    return rx.el.article(
        rx.cond(left_out > 0, _left_out(left_out), rx.fragment()),
        reasoning(
            message_id=message_id, thinking=thinking, thought=thought, thinks=busy & (text == ""), busy=busy
        ),
        words(
            message_id=message_id,
            text=text,
            cuts=cuts,
            busy=busy,
            done=status == "complete",
            position=position,
        ),
        rx.foreach(seams, seam_line),
        _ending(status, error),
        # Its place is kept while there is nothing in it: the end of a reply must not move the page.
        rx.el.div(rx.cond(busy, rx.fragment(), _footer(message_id, at, text, more)), class_name="mt-1.5 h-8"),
        data_message_id=message_id,
        data_role="assistant",
        data_status=status,
        aria_label="Reply",
        aria_busy=busy,
        class_name=f"{_ARTICLE} group py-3",
    )


def clock(at: rx.Var[str]) -> rx.Component:
    """When, in the reader's own time and manner; the whole date when the pointer rests on it."""
    local = f"new Date({at!s})"
    data = at._get_all_var_data()
    short = rx.Var(
        f'{local}.toLocaleTimeString([], {{hour: "2-digit", minute: "2-digit"}})',
        _var_type=str,
        _var_data=data,
    ).guess_type()
    whole = rx.Var(f"{local}.toLocaleString()", _var_type=str, _var_data=data).guess_type()
    return rx.el.time(short, date_time=at, title=whole)


def _left_out(count: rx.Var[int]) -> rx.Component:
    return rx.el.p(
        rx.icon("scissors", size=14, aria_hidden=True),
        rx.el.span(
            rx.cond(count == 1, "The first message", rx.Var.create(f"The first {count} messages")),
            " did not fit the model's memory and ",
            rx.cond(count == 1, "was", "were"),
            " left out.",
        ),
        class_name="flex items-center gap-2 mb-2 text-xs text-muted-foreground",
    )


def _ending(status: rx.Var[str], error: rx.Var[str]) -> rx.Component:
    """How a reply ended that did not end well, and what to do about it."""
    return rx.match(
        status,
        (
            "failed",
            note("circle-alert", rx.cond(error != "", error, "The reply failed."), "text-destructive"),
        ),
        ("interrupted", note("unplug", "The reply was interrupted.", "text-warning")),
        ("stopped", note("circle-stop", "Stopped.", "text-muted-foreground")),
        rx.fragment(),
    )


def _footer(message_id: rx.Var[str], at: rx.Var[str], text: rx.Var[str], more: rx.Var[bool]) -> rx.Component:
    return rx.el.div(
        copy_button(message_id=message_id, text=text),
        small_button("Regenerate", "refresh-cw", on_click=Chat.regenerate(message_id)),
        rx.cond(
            more,
            small_button("Continue", "arrow-down-to-line", on_click=Chat.go_on(message_id)),
            rx.fragment(),
        ),
        rx.el.span(clock(at), class_name="ml-1 text-xs text-muted-foreground"),
        class_name="flex items-center -ml-2",
    )


@rx.memo
def copy_button(message_id: rx.Var[str], text: rx.Var[str]) -> rx.Component:
    """Copies the markdown as it was written; says so for a moment."""
    grown = live_text(message_id, text)
    hook = "const [copied, setCopied] = useState(false)"
    state = VarData(hooks={hook: None}, imports={"react": [ImportVar(tag="useState")]})
    data = VarData.merge(grown._get_all_var_data(), state)
    copy = rx.Var(
        f"() => navigator.clipboard?.writeText({grown!s})"
        ".then(() => { setCopied(true); setTimeout(() => setCopied(false), 1500) })",
        _var_data=data,
    )
    copied = rx.Var("copied", _var_type=bool, _var_data=data).guess_type()
    return together(
        rx.cond(
            copied,
            small_button("Copied", "check"),
            small_button("Copy", "copy", on_click=rx.call_function(copy)),
        )
    )

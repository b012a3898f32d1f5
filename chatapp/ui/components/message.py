"""One message. Each is a component of its own, so that a token draws one of them again."""

from typing import Final

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.buttons import small_button
from chatapp.ui.components.clock import clock
from chatapp.ui.components.copying import copy_button, copy_text_button
from chatapp.ui.components.ending import ending
from chatapp.ui.components.rating import rating_buttons, rating_of
from chatapp.ui.components.reading import said
from chatapp.ui.components.said import ARTICLE, guess, user_message
from chatapp.ui.components.versions import versions
from chatapp.ui.components.words import reasoning, seam_line, words
from chatapp.ui.history import ORDER
from chatapp.ui.parts import Cut
from chatapp.ui.rows import Joint, Row, Siblings

_BUSY: Final = ("queued", "streaming")


def rows() -> rx.Var[list[Row]]:
    """All messages, over all vars that hold some. One that is poured from var to var stays as it is."""
    held = [getattr(Chat, name)[: Chat.counts[name]] for name in ORDER]
    return sum(held[1:], held[0]).to(list[Row])


def messages() -> rx.Component:
    """The conversation."""
    return rx.foreach(rows(), _one)


def _one(row: rx.Var[Row]) -> rx.Component:
    """By what it follows, not by its own name: another version of it takes its place, focus and all."""
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
            live=row["live"],
            siblings=row["versions"],
            rating=rating_of(row["id"]),
        ),
        key=row["parent"],
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
    seams: rx.Var[tuple[Joint, ...]],
    error: rx.Var[str],
    left_out: rx.Var[int],
    more: rx.Var[bool],
    live: rx.Var[bool],
    siblings: rx.Var[Siblings],
    rating: rx.Var[str],
) -> rx.Component:
    """A message of either side."""
    return rx.cond(
        role == "user",
        user_message(message_id=message_id, at=at, text=text, siblings=siblings),
        reply(
            message_id=message_id,
            at=at,
            text=text,
            cuts=cuts,
            thinking=thinking,
            thought=thought,
            seams=said("seams", message_id, live, seams),
            status=said("status", message_id, live, status),
            error=said("error", message_id, live, error),
            left_out=said("left_out", message_id, live, left_out),
            more=said("more", message_id, live, more),
            position=said("position", message_id, live, rx.Var.create(0)),
            live=live,
            siblings=siblings,
            rating=rating,
        ),
    )


@rx.memo
def reply(
    message_id: rx.Var[str],
    at: rx.Var[str],
    text: rx.Var[str],
    cuts: rx.Var[tuple[Cut, ...]],
    thinking: rx.Var[str],
    thought: rx.Var[int],
    seams: rx.Var[tuple[Joint, ...]],
    status: rx.Var[str],
    error: rx.Var[str],
    left_out: rx.Var[int],
    more: rx.Var[bool],
    position: rx.Var[int],
    live: rx.Var[bool],
    siblings: rx.Var[Siblings],
    rating: rx.Var[str],
) -> rx.Component:
    """What a model answered, or is answering."""
    busy = rx.Var(f"{list(_BUSY)!r}.includes({status!s})", _var_type=bool).guess_type()
    own = {"message_id": message_id, "live": live}
    others = rx.fragment(rating_buttons(message_id, rating, status), versions(siblings))
    footer = _footer(message_id, live, text, more, others, at)
    return rx.el.article(
        rx.cond(left_out > 0, _left_out(left_out), rx.fragment()),
        reasoning(thinking=thinking, thought=thought, thinks=busy & (text == ""), busy=busy, **own),
        words(text=text, cuts=cuts, busy=busy, done=status == "complete", position=position, **own),
        rx.foreach(seams, seam_line),
        ending(status, error, more),
        # Its place is kept while there is nothing in it: the end of a reply must not move the page.
        rx.el.div(rx.cond(busy, rx.fragment(), footer), class_name="mt-1.5 h-8 pointer-coarse:h-9"),
        data_message_id=message_id,
        data_role="assistant",
        data_status=status,
        aria_label="Reply",
        aria_busy=busy,
        class_name=f"{ARTICLE} group py-3",
        custom_attrs={"style": guess(text, most=4000)},
    )


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


def _footer(
    message_id: rx.Var[str],
    live: rx.Var[bool],
    text: rx.Var[str],
    more: rx.Var[bool],
    others: rx.Component,
    at: rx.Var[str],
) -> rx.Component:
    return rx.el.div(
        copy_button(message_id=message_id, live=live, text=text),
        copy_text_button(message_id=message_id),
        small_button("Regenerate", "refresh-cw", on_click=Chat.regenerate(message_id)),
        rx.cond(
            more,
            small_button("Continue", "step-forward", label="Continue", on_click=Chat.go_on(message_id)),
            rx.fragment(),
        ),
        others,
        rx.el.span(clock(at), class_name="ml-1.5 text-xs text-muted-foreground"),
        class_name="flex items-center -ml-2",
    )

"""The page of a new conversation: a greeting, prompts to begin with, and who wants to may give a name."""

from typing import Final

import reflex as rx

from chatapp.ui.chat import Chat
from chatapp.ui.components.browser import do, kept
from chatapp.ui.components.composer import starter
from chatapp.ui.components.message import rows
from chatapp.ui.components.outbox import conversation_var, pending_var
from chatapp.ui.components.together import together
from chatapp.ui.side import Side

STARTERS: Final = (
    "Explain quantum computing in simple terms",
    "Write a Python function that finds duplicate files",
    "Compare SQLite and PostgreSQL in a table",
    "Help me plan a week of simple dinners",
)


def welcome() -> rx.Component:
    """Above the composer and never in its way: one can write at once."""
    return rx.el.section(
        rx.el.div(
            together(_greeting()),
            rx.el.div(
                *(starter(text) for text in STARTERS),
                class_name="mt-8 grid w-full grid-cols-1 gap-2 sm:grid-cols-2",
            ),
            rx.cond(
                (Side.top.length() == 0) & (Side.person["kind"] != "member"), _introduction(), rx.fragment()
            ),
            class_name="m-auto w-full py-6",
        ),
        aria_label="Welcome",
        class_name="mx-auto flex w-full max-w-column flex-1 min-h-0 flex-col px-3 sm:px-6 "
        "overflow-y-auto text-center",
    )


def emptied() -> rx.Component:
    """Where a conversation has no messages any more: over the log, which is empty."""
    here = (Side.epoch != "") & (conversation_var() != "") & (Chat.cid == conversation_var())
    empty = (rows().length() == 0) & (Chat.queue.length() == 0) & (pending_var().length() == 0)
    return rx.cond(
        here & ~Chat.missing & empty,
        rx.el.div(
            rx.el.p("This conversation is empty", class_name="text-lg font-medium text-foreground"),
            rx.el.p("What you write next begins it anew."),
            class_name="pointer-events-none absolute inset-x-0 top-1/3 px-6 text-center "
            "text-muted-foreground",
        ),
        rx.fragment(),
    )


def _greeting() -> rx.Component:
    """An account has a name of its own; the one that is kept in the browser may be another person's."""
    known = (Side.person["kind"] == "guest") | (Side.person["kind"] == "")
    name = rx.cond(known, kept("name", ""), Side.person["name"]).to(str)
    return rx.el.h1(
        rx.cond(name != "", rx.Var.create("Hello, ") + name + ".", "Hello."),
        rx.el.span("What would you like to talk about?", class_name="block text-muted-foreground"),
        class_name="text-2xl font-semibold tracking-tight text-balance wrap-anywhere",
    )


def _introduction() -> rx.Component:
    """Asked on the first visit, and never needed."""
    return rx.el.form(
        rx.el.label("What may I call you?", html_for="your-name", class_name="text-muted-foreground"),
        rx.el.input(
            id="your-name",
            name="name",
            aria_label="Your name",
            placeholder="Your name (optional)",
            max_length=40,
            auto_complete="given-name",
            class_name="h-9 w-48 rounded-xl border border-input bg-background px-3 "
            "placeholder:text-muted-foreground",
        ),
        rx.el.button(
            "Get started",
            type="submit",
            class_name="h-9 rounded-xl bg-secondary px-3.5 font-medium text-foreground cursor-pointer "
            "hover:bg-accent transition-colors",
        ),
        on_submit=lambda form: do(f"introduce({form!s})", form),
        class_name="introduction mt-8 flex flex-wrap items-center justify-center gap-2 text-sm",
    )

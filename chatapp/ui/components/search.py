"""The search of the sidebar: as one types, with what was found marked."""

from typing import Final

import reflex as rx
from reflex_base.event import EventChain
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData
from reflex_base.vars.base import LiteralVar
from reflex_components_core.react_router import ReactRouterLink

from chatapp.ui.components.browser import BrowserGlue, do
from chatapp.ui.components.buttons import icon_button
from chatapp.ui.components.connection import connection_var
from chatapp.ui.components.together import together
from chatapp.ui.searching import Found, Piece, Place, Search

_SHORT_TIME: Final = "{ dateStyle: 'medium' }"
_NOTHING: Final = "No results. Fewer or other words may find it."


def search_field() -> rx.Component:
    """The field, its way out, and a word while the answer takes longer than a moment."""
    return together(
        rx.icon(
            "search",
            size=16,
            aria_hidden=True,
            class_name="pointer-events-none absolute left-3 top-2.5 text-muted-foreground",
        ),
        rx.el.input(
            type="search",
            value=_search("text"),
            aria_label="Search conversations",
            placeholder="Search",
            max_length=200,
            auto_complete="off",
            custom_attrs={"onChange": _search("change"), "onKeyDown": _search("key")},
            class_name="h-9 w-full rounded-xl border border-transparent bg-accent pl-9 pr-9 text-sm "
            "placeholder:text-muted-foreground [&::-webkit-search-cancel-button]:hidden",
        ),
        rx.cond(
            _search("text") == "",
            rx.fragment(),
            icon_button(
                "Clear the search",
                "x",
                size=16,
                class_name="absolute! right-0.5 top-0.5 size-8!",
                on_click=rx.call_function(_search("clear")),
                custom_attrs={"data-press": "clear-search"},
            ),
        ),
        _status(),
        class_name="relative",
    )


def _status() -> rx.Component:
    return rx.el.span(
        rx.cond(
            _search("waiting"),
            rx.cond(
                connection_var() == "offline",
                "The search goes on when the connection is back.",
                rx.el.span("Searching…", class_name="after-a-moment"),
            ),
            rx.cond(Search.asked == "", "", _outcome()),
        ),
        role="status",
        class_name="block px-2.5 pt-1.5 text-xs text-muted-foreground empty:hidden",
    )


def _outcome() -> rx.Var[str]:
    count = Search.found.length()
    some = rx.cond(count == 1, "1 conversation", count.to(str) + " conversations")
    return rx.cond(Search.problem != "", Search.problem, rx.cond(count == 0, _NOTHING, some))


def search_results() -> rx.Component:
    """Under their conversations; arrow keys go from one to the next."""
    return rx.el.ul(
        rx.foreach(Search.found, _found), aria_label="Search results", custom_attrs={"data-results": ""}
    )


def _found(one: rx.Var[Found]) -> rx.Component:
    return rx.el.li(
        _link(
            one["to"].to(str),
            rx.el.span(_marked(one["title"]), class_name="block truncate font-medium text-foreground"),
        ),
        rx.el.ul(rx.foreach(one["places"].to(list[Place]), _place)),
        key=one["id"],
        class_name="pb-3",
    )


def _place(place: rx.Var[Place]) -> rx.Component:
    when = rx.Var(
        f"new Date({place['at']!s}).toLocaleDateString(undefined, {_SHORT_TIME})",
        _var_type=str,
        _var_data=place._get_all_var_data(),
    ).guess_type()
    return rx.el.li(
        _link(
            place["to"].to(str),
            rx.el.span(
                place["who"],
                " · ",
                rx.el.time(when, date_time=place["at"]),
                class_name="block text-xs text-muted-foreground",
            ),
            rx.el.span(_marked(place["pieces"]), class_name="line-clamp-3 text-sm wrap-anywhere"),
        ),
        key=place["id"],
    )


def _link(to: rx.Var[str], *children: rx.Component) -> rx.Component:
    return ReactRouterLink.create(
        *children,
        to=to,
        on_click=do("closeDrawer()"),
        class_name="block rounded-lg px-2.5 py-1.5 text-sm hover:bg-accent focus-visible:bg-accent",
    )


def _marked(pieces: rx.Var[list[Piece]]) -> rx.Component:
    return rx.foreach(
        pieces.to(list[Piece]),
        lambda one: rx.cond(one["hit"], rx.el.mark(one["text"]), rx.fragment(one["text"])),
    )


def _search(name: str) -> rx.Var:
    """A field of what `useSearch` returns."""
    emit = LiteralVar.create(EventChain.create(Search.find, args_spec=lambda query: [query], key="on_find"))
    own = VarData.merge(
        Search.asked._get_all_var_data(),
        emit._get_all_var_data(),
        VarData(
            components=(BrowserGlue.create(),),
            imports={
                "react": [ImportVar(tag="useEffect"), ImportVar(tag="useRef"), ImportVar(tag="useState")]
            },
        ),
    )
    hook = f"const search = useSearch({Search.asked!s}, {emit!s})"
    kind = bool if name == "waiting" else str
    return rx.Var(
        f"search.{name}", _var_type=kind, _var_data=VarData.merge(own, VarData(hooks={hook: own}))
    ).guess_type()

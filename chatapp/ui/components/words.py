"""What a reply says: what the model thought aloud, its words, and what is to be known of them."""

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from chatapp.ui.components.ending import note
from chatapp.ui.components.markdown import markdown
from chatapp.ui.components.reading import live_cuts, live_text, live_thinking, said
from chatapp.ui.live import Spoken
from chatapp.ui.parts import Cut
from chatapp.ui.rows import Joint


@rx.memo
def words(
    message_id: rx.Var[str],
    text: rx.Var[str],
    cuts: rx.Var[tuple[Cut, ...]],
    busy: rx.Var[bool],
    done: rx.Var[bool],
    position: rx.Var[int],
    live: rx.Var[bool],
) -> rx.Component:
    """The text, with a cursor while it grows; three dots before it begins, or a word that there is none."""
    grown = live_text(message_id, live, text)
    parts = live_cuts(message_id, live, cuts)
    return rx.el.div(
        rx.cond(
            grown != "",
            rx.el.div(markdown(text=grown, cuts=parts, live=busy), class_name="words"),
            rx.cond(
                done,
                note("circle-slash", "The model gave an empty reply.", color="text-muted-foreground"),
                _waiting(busy, position),
            ),
        ),
        data_live=busy,
        class_name="reply min-h-7",
    )


@rx.memo
def reasoning(
    message_id: rx.Var[str],
    thinking: rx.Var[str],
    thought: rx.Var[int],
    thinks: rx.Var[bool],
    busy: rx.Var[bool],
    live: rx.Var[bool],
) -> rx.Component:
    """What the model thought aloud, folded away; for how long says its title."""
    grown = live_thinking(message_id, live, thinking)
    return rx.cond(
        grown != "",
        rx.el.details(
            rx.el.summary(
                rx.icon("chevron-right", size=16, aria_hidden=True, class_name="chevron"),
                thought_for(
                    ms=said("thought", message_id, live, thought),
                    thinks=said("thinks", message_id, live, thinks),
                ),
                class_name="inline-flex items-center gap-1 cursor-pointer select-none list-none rounded-md "
                "-ml-1 py-1 pr-2 text-sm text-muted-foreground hover:text-foreground",
            ),
            rx.el.div(
                grown,
                class_name="whitespace-pre-wrap wrap-anywhere border-l-2 border-border pl-3 ml-1 mt-1 "
                "text-sm leading-6 text-muted-foreground",
            ),
            data_live=busy,
            class_name="thinking mb-3",
        ),
        rx.fragment(),
    )


@rx.memo
def thought_for(ms: rx.Var[int], thinks: rx.Var[bool]) -> rx.Component:
    """How long the model has been thinking, or thought. It ticks by itself: the server says it twice."""
    now = "const [now, setNow] = useState(0)"
    tick = (
        f"useEffect(() => {{ if (!{thinks!s}) return; const since = Date.now() - {ms!s}; "
        "const tick = () => setNow(Date.now() - since); tick(); "
        "const ticking = setInterval(tick, 1000); return () => clearInterval(ticking) }, "
        f"[{thinks!s}, {ms!s}])"
    )
    imports = {"react": [ImportVar(tag="useEffect"), ImportVar(tag="useState")]}
    hooks = VarData(hooks={now: None, tick: None}, imports=imports)
    data = VarData.merge(ms._get_all_var_data(), thinks._get_all_var_data(), hooks)
    spent = rx.Var(
        "((s) => s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`)"
        f"(Math.max(1, Math.round(({thinks!s} ? now : {ms!s}) / 1000)))",
        _var_type=str,
        _var_data=data,
    ).guess_type()
    return rx.cond(
        thinks,
        rx.el.span("Thinking… ", spent, class_name="shimmer tabular-nums"),
        rx.el.span(rx.cond(ms > 0, rx.Var.create(f"Thought for {spent}"), "Thoughts")),
    )


def spoken() -> rx.Component:
    """The reply aloud, for screen readers. The log itself is silent: it would say each word as it comes."""
    return rx.el.div(Spoken.s, aria_live="polite", aria_atomic=True, class_name="sr-only")


def seam_line(seam: rx.Var[Joint]) -> rx.Component:
    """Where another model went on; why, for whoever opens it."""
    return rx.el.details(
        rx.el.summary(
            rx.icon("git-branch", size=14, aria_hidden=True, class_name="mt-0.5 shrink-0"),
            rx.el.span(seam[0], class_name="wrap-anywhere"),
            rx.icon("chevron-right", size=14, aria_hidden=True, class_name="chevron mt-0.5 shrink-0"),
            class_name="inline-flex items-start gap-2 cursor-pointer select-none list-none rounded-md "
            "hover:text-foreground",
        ),
        rx.el.p(seam[1], class_name="mt-1 ml-5.5 wrap-anywhere"),
        class_name="seam mt-3 text-xs text-muted-foreground",
    )


def _waiting(busy: rx.Var[bool], position: rx.Var[int]) -> rx.Component:
    dots = rx.el.div(
        rx.el.span(), rx.el.span(), rx.el.span(),
        role="img", aria_label="The reply is being written", class_name="dots flex gap-1 py-2.5",
    )  # fmt: skip
    queued = rx.el.p(
        "Waiting for a free place: number ",
        position,
        " in the queue.",
        class_name="text-sm text-muted-foreground",
    )
    hint = rx.el.span(
        "Still waiting for the model…", class_name="still-waiting text-sm text-muted-foreground"
    )
    return rx.cond(
        busy,
        rx.fragment(
            rx.el.div(dots, rx.cond(position > 0, rx.fragment(), hint), class_name="flex items-center gap-3"),
            rx.cond(position > 0, queued, rx.fragment()),
        ),
        rx.fragment(),
    )

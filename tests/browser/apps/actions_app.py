"""The review bar over a queue of 300 rows, with a book that counts every press once."""

import json
import time

import streamlit as st

from ui.actions import Selection, action_events, review_actions

CLASSES = ["<=50K", "<b>bold</b> & co", "عربي", "y" * 120, *(f"class {i}" for i in range(5, 15))]
QUEUE = [20_000 + 7 * place for place in range(300)]

st.set_page_config(layout="wide")


@st.cache_resource
def book(name: str) -> dict:
    return {"seen": set(), "arrivals": [], "decisions": [], "undone": [], "refused": 0}


def handle(event, shelf: dict, current: Selection | None, cursor: int | None) -> int | None:
    """Write one press into the book, once, and say where the cursor is after it."""
    shelf["arrivals"].append(event.id)
    if event.id in shelf["seen"]:
        return cursor
    shelf["seen"].add(event.id)
    if event.action == "undo":
        if shelf["decisions"]:
            undone = shelf["decisions"].pop()
            shelf["undone"].append(undone)
            return undone["row"]
    elif event.action == "redo":
        if shelf["undone"]:
            shelf["decisions"].append(shelf["undone"].pop())
    elif event.action == "go":
        return event.row
    elif event.selection is not None and (current is None or event.selection != current.version):
        shelf["refused"] += 1
    else:
        decision = {"row": event.row, "action": event.action, "label": event.label}
        shelf["decisions"].append(decision | {"selection": event.selection})
    return cursor


def review() -> None:
    state = st.session_state
    name = state.setdefault("book", st.query_params.get("book", "book"))
    st.query_params["book"] = name  # a page switch drops it, and a reload needs it
    shelf = book(name)
    selection = Selection(37, f"lasso-{state.get('version', 1)}") if state.get("many") else None

    acknowledged = state.get("acknowledged", 0)
    pressed = action_events(state.get("bar"), token=name, acknowledged=acknowledged)
    cursor = state.get("cursor", QUEUE[0])
    if not state.get("deaf"):
        for event in pressed.events:
            cursor = handle(event, shelf, selection, cursor)
            shelf["undone"] = [] if event.action not in ("undo", "redo") else shelf["undone"]
        if pressed.cursor is not None:
            cursor = pressed.cursor
        state["acknowledged"] = acknowledged = pressed.last or acknowledged
    else:
        shelf["arrivals"] += [event.id for event in pressed.events]
    state["cursor"] = cursor

    place = QUEUE.index(cursor)
    window = QUEUE[max(0, place - 20) : place + 200]
    first = QUEUE.index(window[0])
    if state.get("slow"):
        time.sleep(0.4)  # between handling the presses and saying so, where a real page draws
    review_actions(
        key="bar",
        token=name,
        acknowledged=acknowledged,
        queue=window,
        cursor=cursor,
        suggested=[None if at % 5 == 4 else at % 3 for at in range(first, first + len(window))],
        labels=[(at + 1) % 3 for at in range(first, first + len(window))],
        classes=CLASSES,
        selection=selection,
        can_undo=bool(shelf["decisions"]),
        can_redo=bool(shelf["undone"]),
    )
    state["runs"] = state.get("runs", 0) + 1
    st.text_input("Note", key="note")
    st.toggle("Many selected", key="many")
    st.toggle("Do not acknowledge", key="deaf")
    slow = st.toggle("Slow", key="slow")
    st.number_input("Selection version", 1, 9, key="version")
    shown = {**shelf, "seen": len(shelf["seen"]), "cursor": cursor, "runs": state["runs"]}
    shown["slow"] = slow
    st.code(json.dumps(shown), language="json")
    st.text(f"acknowledged {acknowledged}")


def other() -> None:
    st.text("page other")


st.navigation([st.Page(review, title="Review", default=True), st.Page(other, title="Other")]).run()

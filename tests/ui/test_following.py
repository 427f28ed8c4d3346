"""Rows that are followed: by a click in the table of the lowest rows, and by name."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import numpy as np
    import streamlit as st

    from ui import following

    for place in st.session_state.pop("clicks", []):
        key = following.table_key(np.array([40, 7, 12, 3, 9, 5]))
        st.session_state[key] = {"selection": {"cells": [[place, "value"]]}}
        following.clicked()  # as Streamlit does, before the page is drawn
    following.box(st.container(), 300)
    following.show_box_again()


def followed_after(*clicks: int, named: str = "") -> tuple[tuple[int, ...], str]:
    """What is followed, and what the box says, after clicks on places of the table."""
    app = AppTest.from_function(page)
    app.run()
    if named:
        app.text_input[0].set_value(named).run()
    for click in clicks:
        app.session_state["clicks"] = [click]
        app.run()
        assert not app.exception, app.exception[0].message
    return app.session_state["state.followed"], app.text_input[0].value


def test_a_click_follows_a_row_and_another_lets_it_go():
    assert followed_after(1) == ((7,), "7")
    assert followed_after(1, 3) == ((7, 3), "7, 3")
    assert followed_after(1, 3, 1) == ((3,), "3")


def test_named_rows_stay_and_the_oldest_of_more_than_five_goes():
    assert followed_after(0, named="100, 200") == ((100, 200, 40), "100, 200, 40")
    assert followed_after(0, 1, 2, 3, 4, 5)[0] == (7, 12, 3, 9, 5)


def test_lines_are_of_the_followed_rows_or_of_the_three_lowest():
    def lines_page() -> None:
        import numpy as np
        import streamlit as st

        from ui import following
        from ui.state import state

        state.followed = st.session_state["asked"]
        ids, trace = np.array([2, 4, 6, 8]), np.arange(8.0, dtype=np.float32).reshape(2, 4)
        found = following.lines(ids, trace, np.array([3, 0, 1, 2]))
        st.text(" ".join(f"{name}:{line[1]:g}" for name, line in found.items()))

    for asked, words in ((), "#8:7 #2:4 #4:5"), ((6, 99), "#6:6"), ((99,), "#8:7 #2:4 #4:5"):
        app = AppTest.from_function(lines_page)
        app.session_state["asked"] = asked
        app.run()
        assert app.text[0].value == words

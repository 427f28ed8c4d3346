"""Short forms of class names: short, told apart, and cut where least is missed."""

from hypothesis import given
from hypothesis import strategies as st

from ui.names import middle_out, told_apart

LIKE = st.builds("{}{}{}".format, st.sampled_from(["Acme corporation, region no. ", ""]),
                 st.text(max_size=30), st.sampled_from([" <b>x</b>", "", "y" * 40]))  # fmt: skip


@given(st.lists(st.one_of(LIKE, st.text(max_size=60)), max_size=30), st.integers(8, 40))
def test_no_two_names_have_one_short_form(names, length):
    short = told_apart(names, length)
    assert set(short) == set(names)
    assert len(set(short.values())) == len(short)
    assert all(len(form) <= length for form in short.values())
    assert all(short[name] == name for name in names if len(name) <= length)


def test_what_names_have_in_common_goes_first():
    names = [f"Acme corporation, subsidiary of the region no. {i:02d} <b>x</b>" for i in range(40)]
    short = told_apart(names, 12)
    assert [short[name] for name in names] == [f"…{i:02d} <b>x</b>" for i in range(40)]
    longer = told_apart(names, 28)
    assert longer[names[7]] == "Acme corporation…07 <b>x</b>"


def test_a_name_that_stands_alone_keeps_its_beginning_and_end():
    assert told_apart(["no other name begins like this one"], 16) == {
        "no other name begins like this one": "no other n…s one"
    }
    assert middle_out("no other name begins like this one", 16) == "no other n…s one"

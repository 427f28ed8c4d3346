"""Numbers are written in one way, in Python and in the browser."""

import numpy as np
import pytest

from dvgs_core.data.wording import number, signed

WRITTEN = {
    0: "0",
    0.03812: "0.0381",
    -0.0381: "−0.0381",
    0.86: "0.86",
    12.3456: "12.3",
    -999.4: "−999",
    999.6: "1,000",
    1501: "1,501",
    -1501: "−1,501",
    175_234.6: "175,235",
    230_624: "230,624",
    12_345_678: "12,345,678",
    12_345_678.5: "1.23e+07",
    0.00012: "0.00012",
    -0.0000123: "−1.23e−05",
    1e300: "1e+300",
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items())
def test_a_number_has_three_digits_or_its_thousands_apart(value, text):
    assert number(value) == text
    assert number(np.float64(value)) == text


def test_nothing_is_a_dash_and_a_sign_is_shown_where_it_is_asked_for():
    assert number(None) == number(float("nan")) == "–" and number(-0.0) == "0"
    assert number(np.int64(1_797)) == "1,797" and number(float("inf")) == "inf"
    assert signed(0.1742) == "+0.174" and signed(-1200.0) == "−1,200" and signed(0.0) == "0"


def test_numbers_that_are_compared_have_as_many_decimals():
    assert number(-0.5, decimals=3) == "−0.500" and number(1, decimals=2) == "1.00"
    assert number(1234.5, decimals=1) == "1,234.5" and number(-0.0004, decimals=3) == "0.000"

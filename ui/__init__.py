"""What the pages share. Beside `app.py` and `pages/`, the only place that imports streamlit.

The core is imported here, in one order. Two visitors in a server's first second import it from two
threads at once, and Python breaks the knot of packages that wait for each other by handing out
half-made modules. Whoever imports `ui` waits until the first has done this; pages import it before
anything of the core.
"""

import dvgs_core.data
import dvgs_core.engine.execute
import dvgs_core.evaluation
import dvgs_core.methods
import dvgs_core.review
import dvgs_core.store  # noqa: F401

"""Panels of curves, drawn in the browser, with a cut that can be moved by hand or by key.

cut = cut_of(value_in_session, "filtering of run 3")       # before anything is drawn
panels_chart(curve_panels(points), key="curves", description=sentence, cut=Cut(...))
"""

from ui.panels.component import Cut, cut_of, panels_chart

__all__ = ["Cut", "cut_of", "panels_chart"]

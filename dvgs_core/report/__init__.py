"""A report of a review as one HTML file, and the lines that do the same again.

commands   command lines and Python that repeat what the pages did
content    what the report says, computed from the data
charts     its figures
sections   each part of it as HTML
page       the whole file
"""

from dvgs_core.report.content import Content, gather
from dvgs_core.report.page import report_html

__all__ = ["Content", "gather", "report_html"]

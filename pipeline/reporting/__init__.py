"""What a person sees of a run when it is over: text, plots and a page.

The names of the files are here, because commands need them before heavy imports.
"""

SUMMARY_FILE = "summary.json"
PAGE_FILE = "index.html"

"""What a person sees of a run when it is over: text, plots and a page.

The name of the page is here, because commands need it before heavy imports.
"""

PAGE_FILE = "index.html"

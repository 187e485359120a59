"""How Sphinx builds these pages: python -m sphinx -W docs OUT. With -t quick, the tutorial is not run."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import aecbench

project = "aecbench"
author = "the authors of aecbench"
copyright = author  # noqa: A001
release = version = aecbench.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "from_code", "plain_docstrings"]
exclude_patterns = ["examples", "_ext"]
highlight_language = "text"
smartquotes = False  # two dashes are an option

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# Cells are run when the pages are built, in an empty folder; one that fails, or writes to standard error, is an error.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_excludepatterns = ["tutorial.ipynb"] if tags.has("quick") else []  # noqa: F821 (Sphinx defines it)
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_output_stderr = "remove-warn"
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"exclude-members": "__init__, __new__, count, index"}
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "aecbench"
html_static_path = ["_static"]
html_css_files = ["aecbench.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6bcb", "color-brand-content": "#0b6bcb"},
    "dark_css_variables": {"color-brand-primary": "#6cb2f2", "color-brand-content": "#6cb2f2"},
}
templates_path: list[str] = []

"""Buttons that need a public repository: they follow its address, which is the only setting.

While ``repository: url`` in ``_config.yml`` is empty, no page has any of them.
"""

from sphinx.application import Sphinx
from sphinx.config import Config

BUTTONS = {
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
    "use_repository_button": True,
    "use_issues_button": True,
    "use_source_button": True,
}


def add_buttons(app: Sphinx, config: Config) -> None:
    """Ask the theme for its buttons if there is an address."""
    if config.html_theme_options.get("repository_url"):
        config.html_theme_options |= BUTTONS


def setup(app: Sphinx) -> None:
    """Decide when all settings are read."""
    app.connect("config-inited", add_buttons)

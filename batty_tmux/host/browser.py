"""The user's browser, opened only where a person asks for it."""

from pathlib import Path


def show(page: Path) -> bool:
    """Open a file in the browser that $BROWSER or the system names; False where there is none."""
    # 20 ms that only who wants it pays
    import webbrowser  # noqa: PLC0415

    return webbrowser.open(page.resolve().as_uri())

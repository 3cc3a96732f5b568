"""A real Chromium that nobody sees, with no network: what it shows and asks for, and what axe-core finds wrong."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Self

import pytest
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
"""A test may run as root, for which Chromium wants to be told that it has no sandbox; the rest keeps it silent."""
PHONE, LAPTOP = (360, 740), (1280, 800)


def tool(variable: str, default: str, hint: str) -> Path:
    """Return a tool's path; bin/test provides it."""
    found = Path(os.environ.get(variable) or default)
    if not found.is_file():
        pytest.fail(f"needs {found.name}, and {found} is not there: run bin/test, or {hint}, or set {variable}")
    return found


class Browser:
    """Use it in a `with`. `profile` is an empty folder."""

    def __init__(self, profile: Path) -> None:
        options = ChromeOptions()
        options.binary_location = str(
            tool("BATTY_TEST_CHROMIUM", "/usr/bin/chromium", "`apt-get install chromium chromium-driver`")
        )
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = tool("BATTY_TEST_CHROMEDRIVER", "/usr/bin/chromedriver", "`apt-get install chromium-driver`")
        self.driver = Chrome(options=options, service=Service(str(driver)))
        self.tell("Network.enable")
        nothing = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.tell("Network.emulateNetworkConditions", **nothing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()

    def tell(self, command: str, **given: object) -> dict[str, Any]:
        """Speak to the browser in its own protocol."""
        said: dict[str, Any] = self.driver.execute_cdp_cmd(command, given)
        return said

    def size(self, width: int, height: int) -> None:
        """Be a screen of so many CSS pixels."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        """Be set to "light" or "dark"."""
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, page: Path) -> None:
        """Forget what was said before, and show a file."""
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # type: ignore[no-untyped-call]
        self.driver.get(page.as_uri())

    def ask(self, script: str) -> Any:
        """Return what a line of JavaScript gives. The page's own rules do not bind who looks from outside."""
        return self.driver.execute_script(f"return ({script})")

    def press_tab(self) -> None:
        """Press the key that goes on to the next thing that takes keys."""
        ActionChains(self.driver).send_keys(Keys.TAB).perform()

    def complaints(self) -> list[str]:
        """Return what the browser has said on its console since the page was opened."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(entry["message"]) for entry in entries]

    def asked_for(self) -> list[str]:
        """Return every address that was asked for since the page was opened, the page's own with them.

        What the page's own rules forbade was not asked for.
        """
        rows = self.driver.get_log("performance")  # type: ignore[no-untyped-call]
        told = [json.loads(row["message"])["message"] for row in rows]
        failed = [one["params"] for one in told if one["method"] == "Network.loadingFailed"]
        forbidden = {one["requestId"] for one in failed if one.get("blockedReason") == "csp"}
        sent = [one["params"] for one in told if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if one["requestId"] not in forbidden]

    def faults(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is shown, each with the first place of it."""
        source = tool("BATTY_TEST_AXE", "axe.min.js", "`npm install axe-core`").read_text()
        self.driver.execute_script(source)
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document).then(done, e => done({broken: String(e)}))"
        )
        assert "broken" not in found, found
        assert len(found["passes"]) > 10, "axe-core looked at nothing"
        return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:300]}" for one in found["violations"]]

    def picture(self, *, whole: bool = True) -> bytes:
        """Return what is shown as PNG, down to the page's end."""
        taken = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(taken["data"])

    def printed(self) -> bytes:
        """Return the page as PDF, on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True, "printBackground": True}
        return base64.b64decode(self.tell("Page.printToPDF", **paper)["data"])

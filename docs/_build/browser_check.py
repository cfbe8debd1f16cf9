"""Open pages of the built site in a browser that can reach nothing else, and fail on any complaint.

`python docs/_build/browser_check.py SITE` needs Chromium or Chrome; without one it says so and checks nothing.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGES = (
    "",
    "getting-started/",
    "tutorial/attention/",
    "tutorial/live-tokenizer/",
    "tutorial/rotary-turning/",
    "tutorial/attention-explorer/",
    "explanation/vocabulary-size/",
    "explanation/optimization/",
    "reference/llm-layers/",
    "spec/",
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", "--enable-logging=stderr", "--v=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--dump-dom",
)  # fmt: skip


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps what was asked for in vain."""

    missing: ClassVar[list[str]] = []

    def log_message(self, format: str, *arguments: object) -> None:
        if len(arguments) > 1 and str(arguments[1]) == "404":
            self.missing.append(str(arguments[0]))


def complaints(browser: str, site: Path) -> list[str]:
    """What the browser's console said, and which files were missing, page by page."""
    handler = functools.partial(_Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = []
    for page in PAGES:
        address = f"http://127.0.0.1:{server.server_port}/{page}"
        result = subprocess.run([browser, *FLAGS, address], capture_output=True, text=True, timeout=120, check=False)
        found += [f"/{page}: {line}" for line in result.stderr.splitlines() if ":CONSOLE" in line]
        if "<body" not in result.stdout:
            found.append(f"/{page}: the browser showed nothing")
    server.shutdown()
    return found + [f"missing: {request}" for request in _Quiet.missing]


def main() -> int:
    """Check the site that is named."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("No Chromium found: the built site was not opened in a browser.")
        return 0
    found = complaints(browser, Path(sys.argv[1]))
    print("\n".join(found) if found else f"{len(PAGES)} pages opened without a complaint.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""How a test's end is told, of the conformance tests and of the attacks: a conftest.py imports the hook."""

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    # What roostd said meanwhile belongs to a failure.
    host = getattr(item, "funcargs", {}).get("host")
    if report.failed and host is not None:
        report.sections.append(("roostd's log", host.log_text()[-3000:]))
    return report

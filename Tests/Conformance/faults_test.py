"""Sandboxes that the host cannot make: what the caller gets, and that all is well when it can again."""

import contextlib
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from host import Host

SOURCE = "handler = lambda event, context: 'done'"

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def host():
    with Host() as host:
        yield host


@pytest.fixture
def client(host):
    return host.client()


@contextlib.contextmanager
def no_more_groups(host):
    """The kernel refuses each further control group of this host's daemon: mkdir answers EAGAIN."""
    limits = [path for group in host.control_groups() if (path := Path(group) / "cgroup.max.descendants").exists()]
    if not limits:
        pytest.skip("needs a hierarchy of control groups v2")
    before = [path.read_text() for path in limits]
    try:
        for path in limits:
            path.write_text("0")
        yield
    finally:
        for path, text in zip(limits, before, strict=True):
            path.write_text(text)


def service_exception(refusal):
    answer = refusal.value.response
    return answer["Error"]["Code"] == "ServiceException" and answer["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_a_call_whose_sandbox_cannot_be_made_is_refused_and_the_next_works(host, deploy):
    function = deploy(SOURCE)
    with no_more_groups(host):
        for _ in range(3):
            with pytest.raises(ClientError) as refusal:
                function.invoke()
            assert service_exception(refusal)
    assert function.call() == "done"


def test_a_warm_environment_goes_on_while_no_other_can_be_made(host, deploy):
    function = deploy(SOURCE)
    assert function.call() == "done"
    with no_more_groups(host):
        assert function.call() == "done"
    assert function.call() == "done"


def test_code_whose_unpacker_cannot_be_made_is_refused_and_the_next_works(host, deploy):
    with no_more_groups(host):
        with pytest.raises(ClientError) as refusal:
            deploy(SOURCE + "  # not the code of another test", wait=False)
        assert service_exception(refusal)
    assert deploy(SOURCE + "  # not the code of another test").call() == "done"

"""On the way to the table: certificates that are trusted and those that are not, and proxies."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from tables import Table, Tunnel, eventually, warnings_of

OWN = "subjectAltName=DNS:localhost,IP:127.0.0.1"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def signed(folder: Path, name: str, host: str) -> "Tuple[str, str]":
    """A certificate of the folder's authority, and its key."""
    (folder / f"{name}.ext").write_text(host)
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")  # fmt: skip
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of an authority that nobody knows: the authority's own, and two that it signed, for this host and for another one."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=an authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", OWN,
            "-keyout", "self.key", "-out", "self.pem")  # fmt: skip
    return {
        "authority": str(folder / "ca.pem"), "self": (str(folder / "self.pem"), str(folder / "self.key")),
        "own": signed(folder, "own", OWN), "other": signed(folder, "other", "subjectAltName=DNS:other.example"),
    }  # fmt: skip


@pytest.fixture
def stored(table: Table) -> Table:
    """f(1) of machine "one" is in the table."""
    one = table.machine("one")
    one.f(1)
    one.json_cache_save()
    return table


@pytest.fixture
def between() -> "Iterator[Tunnel]":
    with Tunnel() as proxy:
        yield proxy


@pytest.mark.parametrize(
    "certificate, trusted, said",
    [
        ("self", False, "self-signed certificate"),
        ("own", False, "unable to get local issuer certificate"),
        ("other", True, "no alternative certificate subject name matches"),
        ("own", "/nonexistent/ca.pem", "/nonexistent/ca.pem"),
    ],
    ids=["self-signed", "of an unknown authority", "of another host", "no such file"],
)
def test_a_certificate_that_is_not_trusted_is_refused_with_one_warning_that_names_the_remedy(
    stored: Table, certificates: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, certificate: str, trusted: Any, said: str
) -> None:
    with Tunnel(stored.proxy.port, certificates[certificate]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        if trusted:
            monkeypatch.setenv("AWS_CA_BUNDLE", trusted if isinstance(trusted, str) else certificates["authority"])
        stored.proxy.forget()
        two = stored.machine("two")
        assert [two.ask(n)[1] for n in range(1, 6)] == ["miss"] * 5
        eventually(lambda: two.ask(1) and warnings_of(caplog))
        (warning,) = warnings_of(caplog)
        assert said in warning and "AWS_CA_BUNDLE" in warning and stored.name in warning
        assert stored.proxy.count() == 0 and front.refused <= 1 and two.l2["retries"] == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_authority_that_aws_ca_bundle_names_is_trusted(
    stored: Table, certificates: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, host: str
) -> None:
    with Tunnel(stored.proxy.port, certificates["own"]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"https://{host}:{front.port}")
        monkeypatch.setenv("AWS_CA_BUNDLE", certificates["authority"])
        assert stored.machine("two").ask(1) == (["one", 1], "l2") and warnings_of(caplog) == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_https_goes_through_the_proxy_that_the_environment_names_but_for_no_proxy(
    stored: Table, certificates: Any, between: Tunnel, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", certificates["authority"])
    monkeypatch.setenv(variable, between.url)
    with Tunnel(stored.proxy.port, certificates["own"]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        assert stored.machine("two").ask(1)[1] == "l2" and between.asked == []  # NO_PROXY has 127.0.0.1
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    with Tunnel(stored.proxy.port, certificates["own"]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        assert stored.machine("three").ask(1)[1] == "l2"
        assert between.asked == [f"CONNECT 127.0.0.1:{front.port} HTTP/1.1"]


def test_http_goes_through_http_proxy(stored: Table, between: Tunnel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", between.url)
    with Tunnel(stored.proxy.port) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        assert stored.machine("two").ask(1)[1] == "l2" and between.asked == []
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    with Tunnel(stored.proxy.port) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        assert stored.machine("three").ask(1)[1] == "l2" and between.asked == [f"POST {front.url}/ HTTP/1.1"]


def test_a_proxy_that_is_down_is_said_once_and_the_call_is_computed(
    stored: Table, certificates: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Tunnel() as gone:
        pass
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", gone.url)
    with Tunnel(stored.proxy.port, certificates["own"]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", front.url)
        two = stored.machine("two")
        assert [two.ask(n)[1] for n in range(1, 6)] == ["miss"] * 5
        eventually(lambda: two.ask(1) and warnings_of(caplog))
        (warning,) = warnings_of(caplog)
        assert str(gone.port) in warning and stored.name in warning

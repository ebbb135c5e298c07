"""What a JSON lookup keeps to, whatever items, services and settings are."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
from enum import Enum

import httpx2
import pytest
from pydantic import BaseModel, SecretStr
from shop import Price, Shop

from rivusio_core import BadRecord, ConfigError, RetriesExhausted
from rivusio_plugins_contrib.http import JsonLookup
from rivusio_plugins_contrib.http.answer import retry_after
from rivusio_plugins_contrib.http.path import filled, stays_below


def price(item: str, answer: Price | None) -> int | None:
    return answer.price if answer else None


def lookup(shop: Shop, **config: object) -> JsonLookup[str, int | None]:
    settings = {"base_url": shop.url, "path": "{}", "model": Price, "combine": price, **config}
    return JsonLookup[str, int | None](**settings).with_options(retry=1)


class Letter(Enum):
    A = "a/b"


class User(BaseModel):
    id: int
    letter: Letter = Letter.A


def test_a_template_quotes_what_it_is_filled_with() -> None:
    assert filled("users/{id}/{letter}?q={letter}", User(id=7)) == "users/7/a%2Fb?q=a%2Fb"
    assert filled("{user.id}", {"user": User(id=7)}) == "7"
    assert filled("{{x}}/{}", "a b&c=d#e") == "{x}/a%20b%26c%3Dd%23e"


@pytest.mark.parametrize(
    ("template", "item", "reason"),
    [
        ("{name}", User(id=7), "the item has no 'name'"),
        ("{user.name}", {"user": {}}, r"the item has no 'user\.name'"),
        ("a/{}", "", "'the item' cannot stand in a path"),
        ("a/{}", "..", "empty or dots"),
        ("{x}", {"x": None}, "'x' cannot stand in a path"),
        ("{}", "\ud800", "no Unicode text"),
    ],
)
def test_an_item_that_cannot_fill_a_template_is_a_bad_record(template: str, item: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        filled(template, item)


@pytest.mark.parametrize("path", ["..", "a/../b", "a/%2e%2E/b", ".", "a\\..\\b", "../x?y", "..#z"])
def test_upward_paths_are_seen_however_they_are_written(path: str) -> None:
    assert not stays_below(path)


@pytest.mark.parametrize(
    "path", ["../admin", "%2e%2e/admin", "http://other.example/1", "https://127.0.0.1/1", "a/../../x", "http://[/"]
)
def test_no_item_leads_out_of_the_service(shop: Shop, path: str) -> None:
    pipe = lookup(shop, base_url=f"{shop.url}v1", path=lambda item: item)
    with pytest.raises(BadRecord, match="the path for the item") as caught:
        pipe.run(path)
    assert path not in str(caught.value)
    assert shop.seen == []


def test_a_path_stands_behind_that_of_the_service(shop: Shop) -> None:
    for base in ("v1", "v1/"):
        for path in ("articles/5", "/articles/5", "//other.example/articles/5"):
            assert (
                lookup(shop, base_url=shop.url + base, path=lambda item: item).run(path) == 15
            )  # the digits of the whole path
    assert {*shop.seen} == {"/v1/articles/5"}


@pytest.mark.parametrize("status", [501, 507, 520, 599])
def test_every_fault_of_a_service_may_pass(shop: Shop, status: int) -> None:
    with pytest.raises(RetriesExhausted, match=f"the service answered {status}"):
        lookup(shop).run(f"status{status}")


@pytest.mark.parametrize("status", [201, 203])
def test_every_success_is_one(shop: Shop, status: int) -> None:
    assert lookup(shop, path="status{}/1").run(str(status)) is not None


def test_a_redirect_says_what_to_do(shop: Shop) -> None:
    with pytest.raises(BadRecord, match="302; redirects are not followed: correct base_url or path"):
        lookup(shop).run("moved")


def test_a_packed_answer_is_unpacked_up_to_its_limit(shop: Shop) -> None:
    shop.packed = gzip.compress(b'{"price": 3}')
    assert lookup(shop, largest=1_000).run("packed") == 3
    shop.packed = gzip.compress(b'{"price": 3}' + b" " * 1_000)
    assert len(shop.packed) < 100
    with pytest.raises(BadRecord, match="larger than 1000 bytes"):
        lookup(shop, largest=1_000).run("packed")


def test_a_small_answer_that_unpacks_to_a_huge_one_takes_no_memory(shop: Shop) -> None:
    shop.packed = gzip.compress(b" " * 50_000_000, compresslevel=9)
    assert len(shop.packed) < 60_000  # arrives in one piece
    tracemalloc.start()
    try:
        with pytest.raises(BadRecord, match="larger than 1000000 bytes"):
            lookup(shop, path=lambda item: item, largest=1_000_000).run("packed")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_an_answer_that_cannot_be_unpacked_is_a_bad_record(shop: Shop) -> None:
    shop.packed = b"no gzip"
    with pytest.raises(BadRecord, match="the answer cannot be unpacked"):
        lookup(shop).run("packed")
    shop.packed = gzip.compress(b'{"price": 3}')[:-12]
    with pytest.raises(BadRecord, match="the answer is no Price: Invalid JSON"):
        lookup(shop).run("packed")


def test_a_service_that_answers_byte_by_byte_takes_too_long_in_all(shop: Shop) -> None:
    with pytest.raises(RetriesExhausted, match="the service took longer than wait=300ms"):
        lookup(shop, wait="300ms").run("dripping")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "99999999999"}, 86_400.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:09 GMT"}, 0.0),
        ({"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}, 86_400.0),  # and no date of the service's own
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 -0000", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, None),
    ],
)
def test_a_service_says_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx2.Response(503, headers=headers)) == seconds


@pytest.mark.parametrize(
    "url", ["http://me:s3cret@x.example/", "http://x.example/?key=s3cret", "http://x.example/#s3cret"]
)
def test_secrets_in_the_address_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"base_url.*give secrets in headers") as caught:
        JsonLookup[str, int | None](base_url=url, path="{}", model=Price, combine=price)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"base_url": "ftp://x.example"}, "base_url.*must be an address such as"),
        ({"path": "{a b}"}, r"path.*is no field: write \{field\}"),
        ({"path": "{x!r}"}, "path"),
        ({"path": "{x[0]}"}, "path"),
        ({"path": "{"}, "path"),
        ({"wait": "0s"}, "wait.*longer than 0"),
        ({"largest": 0}, "largest"),
        ({"missing": "no"}, "missing"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, object], reason: str) -> None:
    good = {"base_url": "http://x.example", "path": "{}", "model": Price, "combine": price}
    with pytest.raises(ConfigError, match=reason):
        JsonLookup[str, int | None](**{**good, **settings})


def test_a_model_that_is_none_is_refused_when_the_run_begins(shop: Shop) -> None:
    class Foreign:
        pass

    with pytest.raises(ConfigError, match="Foreign cannot be used"):
        lookup(shop, model=Foreign).run("1")


def test_the_missing_extra_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ConfigError, match=r"pip install 'rivusio-plugins-contrib\[http\]'"):
        lookup(shop).run("1")


def test_headers_are_sent_beside_those_that_ask_for_json(shop: Shop) -> None:
    assert lookup(shop, headers={"X-Token": SecretStr("t"), "Accept": "text/json"}).run("4") == 4
    assert shop.tokens == {"t"}
    assert shop.accepted == {"text/json"}

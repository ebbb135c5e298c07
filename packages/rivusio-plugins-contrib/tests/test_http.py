"""JSON lookups against a real HTTP server on loopback."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from shop import Price, Shop

from rivusio_core import BadRecord, ConfigError, DeadLetter, RetriesExhausted, Retry
from rivusio_core.testing import VirtualClock
from rivusio_plugins_contrib.http import JsonLookup


def lookup(shop: Shop, **config: object) -> JsonLookup[str, str]:
    return JsonLookup[str, str](
        base_url=shop.url,
        path=lambda item: item,
        model=Price,
        combine=lambda item, answer: f"{item}: {answer.price if answer else 'nothing'}",
        **config,
    )


def test_each_item_gets_its_answer_in_order_over_the_whole_pool(shop: Shop) -> None:
    items = [f"gated/{number}" for number in range(60)]
    pipe = lookup(shop, connections=4).with_options(concurrency=16)
    assert list(pipe.map(items)) == [f"gated/{number}: {number}" for number in range(60)]
    assert shop.most == 4  # more wanted in, the pool held them back


@pytest.mark.anyio
async def test_it_runs_on_both_event_loops(shop: Shop) -> None:
    assert [out async for out in lookup(shop).amap(["1", "2"])] == ["1: 1", "2: 2"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["flaky", "dropped"])
async def test_what_may_pass_is_tried_again(shop: Shop, kind: str) -> None:
    clock = VirtualClock()
    began = clock.monotonic()
    pipe = lookup(shop).with_options(retry=Retry(attempts=3, backoff="1s"))
    assert [out async for out in pipe.amap([f"{kind}/7"], clock=clock)] == [f"{kind}/7: 7"]
    assert (clock.monotonic() - began >= 3600) == (kind == "flaky")


@pytest.mark.anyio
async def test_what_does_not_pass_is_given_up(shop: Shop) -> None:
    pipe = lookup(shop).with_options(retry=Retry(attempts=3, backoff="1s"))
    with pytest.raises(RetriesExhausted) as caught:
        [out async for out in pipe.amap(["broken"], clock=VirtualClock())]
    assert caught.value.attempts == 3
    assert len(shop.seen) == 3


@pytest.mark.parametrize("kind", ["missing", "refused", "moved", "wrong", "text", "large"])
def test_what_can_never_succeed_is_a_bad_record_without_contents(shop: Shop, kind: str) -> None:
    letters: list[DeadLetter] = []
    pipe = lookup(shop, largest=1_000, headers={"X-Token": SecretStr("t0ken")})
    assert list(pipe.map([f"{kind}?key=s3cret", "5"], dead_letters=letters)) == ["5: 5"]
    (letter,) = letters
    assert isinstance(letter.error, BadRecord)
    assert "s3cret" not in str(letter.error)
    assert "t0ken" not in str(letter.error) + repr(pipe)
    assert len(shop.seen) == 2
    assert shop.tokens == {"t0ken"}


def test_a_missing_answer_may_be_none(shop: Shop) -> None:
    assert lookup(shop, missing="none").run("missing") == "missing: nothing"


def test_a_service_that_is_not_there_is_transient(shop: Shop) -> None:
    pipe = JsonLookup[str, object](
        base_url="http://127.0.0.1:1/", path=lambda item: item, model=Price, combine=lambda item, answer: answer
    ).with_options(retry=1)
    with pytest.raises(RetriesExhausted, match="could not be reached"):
        pipe.run("1")
    assert shop.seen == []


def test_wrong_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="connections"):
        JsonLookup[str, str](base_url="http://localhost", path=str, model=Price, combine=lambda i, a: i, connections=0)

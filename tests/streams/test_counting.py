"""Limits hold, recover, and forget."""

from chatapp.streams.counting import Bucket, Buckets, Slots


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_bucket_allows_a_burst_and_fills_again() -> None:
    clock = Clock()
    bucket = Bucket(burst=3, per_second=2, now=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.time += 1
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    clock.time += 100
    assert not bucket.take(4)
    assert bucket.take(3)


def test_each_key_has_its_own_bucket() -> None:
    buckets = Buckets(burst=1, per_second=1, now=Clock())
    assert [buckets.take("a"), buckets.take("a"), buckets.take("b")] == [True, False, True]


def test_a_million_addresses_are_not_remembered() -> None:
    clock = Clock()
    buckets = Buckets(burst=1, per_second=1, max_keys=100, now=clock)
    for number in range(10_000):
        buckets.take(str(number))
        assert len(buckets) <= 100
    clock.time += 60
    buckets.take("one more")
    assert len(buckets) == 1


def test_slots_are_given_back() -> None:
    slots = Slots(1)
    with slots.taken("a") as first, slots.taken("a") as second, slots.taken("b") as other:
        assert (first, second, other) == (True, False, True)
        assert len(slots) == 2
    assert len(slots) == 0
    with slots.taken("a") as again:
        assert again

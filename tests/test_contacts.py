"""The contact policy against plain loops: windows, caps, cool-downs, consent and quiet hours, for everyone alike."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.catalog import Catalog, Policies
from dsl.contact_policies import Cap, QuietHours
from dsl.syntax import Purpose, TimeUnit
from dsl.typed import All, MomentUse, Rule
from dsl.windows import Window
from engine.contacts import reasons
from engine.contacts.check import Before, Verdict, check
from engine.contacts.columns import Candidates, Contacts, Declines, made
from engine.contacts.local_time import local, offsets
from engine.contacts.policy import ContactPolicy, contact_policy, flags, leave
from engine.contacts.quiet import open_from
from engine.contacts.windows import Seen, Timeline
from engine.matching.history import History

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
CHANNELS = ("email", "sms", "in_app")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
DAYS, HOURS, MONTHS, WEEKS = TimeUnit.DAYS, TimeUnit.HOURS, TimeUnit.MONTHS, TimeUnit.WEEKS


def instant(text: str, zone: str = "UTC") -> int:
    """A local time as microseconds of Unix time; of a repeated one the first."""
    return (dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - EPOCH) // MICROSECOND


def moment(at: int) -> dt.datetime:
    return EPOCH + at * MICROSECOND


# --- plain rows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """One candidate; what it leaves out is harmless."""

    at: int
    customer: int = 0
    rule: int = 0
    product: int = -1
    purpose: int = 0
    channels: int = 0b001
    consented: int = 0b111
    unsuppressed: int = 0b111
    zone: int = 0
    later: int = 0

    @property
    def earliest(self) -> int:
        return self.at + self.later


@dataclass(frozen=True)
class Met:
    """One contact that was made."""

    at: int
    customer: int = 0
    rule: int = 0
    product: int = -1
    purpose: int = 0
    channels: int = 0b001
    ghost: bool = False


Declined = tuple[int, int, int]
"""customer, product, at"""


def column(rows: Sequence[object], name: str) -> np.ndarray:
    kind = np.uint64 if name in ("channels", "consented", "unsuppressed") else np.bool_ if name == "ghost" else np.int64
    return np.array([getattr(row, name) for row in rows], kind)


def candidates(rows: Sequence[Ask]) -> Candidates:
    names = (
        "customer",
        "rule",
        "product",
        "purpose",
        "channels",
        "consented",
        "unsuppressed",
        "at",
        "earliest",
        "zone",
    )
    return Candidates(*(column(rows, name) for name in names), ZONES)


def contacts(rows: Sequence[Met]) -> Contacts:
    names = ("customer", "rule", "product", "purpose", "channels", "at", "ghost")
    return Contacts(*(column(rows, name) for name in names))


def before(met: Sequence[Met] = (), declined: Sequence[Declined] = ()) -> Before:
    return Before(contacts(met), Declines(*np.array(declined, np.int64).reshape(-1, 3).T))


def policy(said: Policies, once: Sequence[Window | None] = (None, None, None)) -> ContactPolicy:
    rules = [Rule(f"r{n}", None, (MomentUse("m"),), All(()), (), at_most_once=each) for n, each in enumerate(once)]
    return contact_policy(Catalog("USD", "UTC", channels=CHANNELS, policies=said), rules)


def causes(verdict: Verdict) -> list[tuple[str, str] | None]:
    return [None if place < 0 else tuple(verdict.causes[place]) for place in verdict.cause.tolist()]


def asked(rows: Sequence[Ask], said: Policies, met: Sequence[Met] = (), **more) -> list[tuple[str, str] | None]:
    once = more.pop("once", (None, None, None))
    return causes(check(candidates(rows), before(met, **more), policy(said, once)))


# --- worked cases ----------------------------------------------------------------------------------------------------

NINE = instant("2026-03-15T09:00")
HOUR, DAY = 3_600_000_000, 86_400_000_000


def test_a_cap_counts_whole_days_to_the_microsecond() -> None:
    said = Policies(caps=(Cap("email", 1, Window(7, DAYS)),))
    rows = [Ask(NINE + 7 * DAY - 1), Ask(NINE + 7 * DAY)]
    assert asked(rows, said, [Met(NINE)]) == [(reasons.CAPPED, str(said.caps[0])), None]


def test_a_cap_holds_against_what_comes_later_too() -> None:
    """A moment that is caught up must not crowd a week that is full already."""
    said = Policies(caps=(Cap("email", 2, Window(7, DAYS)),))
    met = [Met(NINE), Met(NINE + 5 * DAY)]
    assert asked([Ask(NINE + 2 * DAY)], said, met) != [None]
    assert asked([Ask(NINE - 2 * DAY)], said, met) == [None]
    assert asked([Ask(NINE - 1 * DAY)], said, met) != [None]


def test_a_cap_of_months_goes_by_the_customers_calendar() -> None:
    """The window of a month seen from 15 March begins with 16 February, local time."""
    said = Policies(caps=(Cap("any", 1, Window(1, MONTHS)),))
    at = instant("2026-03-15T00:30", "America/New_York")
    late, early = instant("2026-02-16T00:00", "America/New_York"), instant("2026-02-15T23:59", "America/New_York")
    assert asked([Ask(at, zone=2)], said, [Met(late)]) != [None]
    assert asked([Ask(at, zone=2)], said, [Met(early)]) == [None]
    assert asked([Ask(at, zone=0)], said, [Met(early)]) != [None], "in UTC it was the 16th already"


def test_a_cap_of_a_channel_closes_that_channel_and_a_cap_of_any_all() -> None:
    both = Ask(NINE, channels=0b101)
    one = check(
        candidates([both]), before([Met(NINE - DAY)]), policy(Policies(caps=(Cap("email", 1, Window(7, DAYS)),)))
    )
    assert one.open.tolist() == [0b100]
    assert causes(one) == [None]
    every = Policies(caps=(Cap("any", 1, Window(7, DAYS)),))
    assert check(candidates([both]), before([Met(NINE - DAY)]), policy(every)).open.tolist() == [0]


def test_a_contact_on_two_channels_is_one_contact() -> None:
    said = Policies(caps=(Cap("any", 2, Window(7, DAYS)),))
    assert asked([Ask(NINE)], said, [Met(NINE - DAY, channels=0b111)]) == [None]


def test_caps_of_marketing_leave_service_alone_unless_they_say_any() -> None:
    cap = Cap("any", 1, Window(1, DAYS))
    service, marketing = Ask(NINE, purpose=1), Ask(NINE, purpose=0)
    assert asked([service, marketing], Policies(caps=(cap,)), [Met(NINE - 1, purpose=1)]) == [None, None]
    assert asked([service], Policies(caps=(cap,)), [Met(NINE - 1)]) == [None]
    anything = Policies(caps=(replace(cap, purpose=None),))
    assert (
        asked([service, marketing], anything, [Met(NINE - 1, purpose=1)])
        == [(reasons.CAPPED, str(anything.caps[0]))] * 2
    )


def test_at_most_once_is_of_the_rule_and_the_customer() -> None:
    once = (Window(90, DAYS), None, Window(90, DAYS))
    met = [Met(NINE - 89 * DAY, rule=0, customer=1), Met(NINE - DAY, rule=1)]
    rows = [Ask(NINE, rule=0, customer=1), Ask(NINE, rule=0), Ask(NINE, rule=1), Ask(NINE, rule=2, customer=1)]
    assert asked(rows, Policies(), met, once=once) == [(reasons.MET_LATELY, "90 days"), None, None, None]


def test_cool_downs_of_a_product_and_time_between_offers() -> None:
    said = Policies(after_decline=Window(30, DAYS), after_offer=Window(14, DAYS), between_offers=Window(72, HOURS))
    met = [Met(NINE - 10 * DAY, product=1), Met(NINE - 2 * DAY, customer=1, product=2)]
    rows = [
        Ask(NINE, product=0),
        Ask(NINE, product=1),
        Ask(NINE, product=2),
        Ask(NINE, product=-1),
        Ask(NINE, customer=1, product=0),
    ]
    assert asked(rows, said, met, declined=[(0, 2, NINE - 29 * DAY), (0, 0, NINE - 30 * DAY)]) == [
        None,
        (reasons.OFFERED_LATELY, "2 weeks") if False else (reasons.OFFERED_LATELY, "14 days"),
        (reasons.DECLINED_LATELY, "30 days"),
        None,
        (reasons.TOO_SOON, "72 hours"),
    ]


def test_a_ghost_counts_for_other_occasions_and_not_for_its_own() -> None:
    said = Policies(caps=(Cap("any", 1, Window(1, DAYS)),))
    ghost = [Met(NINE, ghost=True)]
    assert asked([Ask(NINE), Ask(NINE + 1), Ask(NINE - 1)], said, ghost) == [
        None,
        *[(reasons.CAPPED, str(said.caps[0]))] * 2,
    ]


def test_consent_by_purpose_suppression_and_nothing_recorded() -> None:
    said = Policies(
        consent={"email": "ok", "sms": "ok"},
        service_consent={"sms": "service"},
        suppression={"any": "never", "email": "bounced"},
    )
    there = policy(said)
    columns = {
        "ok": pa.array([True, False, None, True, True]),
        "service": pa.chunked_array([[None, False], [True, True, True]]),
        "never": pa.array([None, None, None, True, False]),
        "bounced": pa.array([None, None, None, None, True]),
    }
    assert set(flags(said)) == set(columns)
    found = leave(there, columns, 5)
    assert found.marketing.tolist() == [0b111, 0b100, 0b100, 0b111, 0b111]
    assert found.service.tolist() == [0b111, 0b101, 0b111, 0b111, 0b111]
    assert found.unsuppressed.tolist() == [0b111, 0b111, 0b111, 0, 0b110]
    rows = np.array([1, 1, 0])
    assert found.consented(rows, np.array([0, 1, 0])).tolist() == [0b100, 0b101, 0b111]


def test_the_cause_is_what_closes_the_last_channel() -> None:
    said = Policies(caps=(Cap("sms", 1, Window(1, DAYS)),))
    row = Ask(NINE, channels=0b011, consented=0b110)
    assert asked([row], said, [Met(NINE - 1, channels=0b010)]) == [(reasons.CAPPED, str(said.caps[0]))]
    assert asked([row], said) == [None]
    assert asked([replace(row, channels=0b001)], said) == [(reasons.NO_CONSENT, "email")]
    assert asked([replace(row, unsuppressed=0)], said) == [(reasons.SUPPRESSED, "sms")]


def test_every_reason_has_its_words() -> None:
    named = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert set(reasons.WORDING) == named
    assert all("{detail}" in one for _, one in reasons.WORDING.values())


def test_more_channels_than_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 channels"):
        contact_policy(Catalog("USD", "UTC", channels=tuple(f"c{n}" for n in range(65))), [])


# --- quiet hours -----------------------------------------------------------------------------------------------------

NIGHT = QuietHours(dt.time(20), dt.time(8))


def sent(text: str, zone: str, hours: QuietHours = NIGHT) -> str:
    """Local times in and out, the hour of the clock that is meant by its offset."""
    found = open_from(np.array([instant(text, zone)]), np.array([0]), (zone,), hours)
    return moment(int(found[0])).astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("zone", "hours", "due", "when"),
    [
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T19:59", "2026-01-10T19:59+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T20:00", "2026-01-11T08:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T07:59", "2026-01-10T08:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-01-10T08:00", "2026-01-10T08:00+01:00"),
        ("Europe/Berlin", ("13:00", "15:00"), "2026-01-10T14:00", "2026-01-10T15:00+01:00"),
        ("Europe/Berlin", ("20:00", "08:00"), "2026-03-28T22:00", "2026-03-29T08:00+02:00"),  # the night has 11 hours
        ("Europe/Berlin", ("20:00", "08:00"), "2026-10-24T22:00", "2026-10-25T08:00+01:00"),  # and here 13
        ("Europe/Berlin", ("20:00", "02:30"), "2026-03-28T22:00", "2026-03-29T03:00+02:00"),  # the end is skipped
        ("Europe/Berlin", ("20:00", "02:30"), "2026-10-24T22:00", "2026-10-25T02:30+02:00"),  # the first of two ends
        ("Pacific/Apia", ("20:00", "08:00"), "2011-12-29T21:00", "2011-12-31T00:00+14:00"),  # a day that never was
    ],
)
def test_quiet_hours_end_by_the_customers_clock(zone: str, hours: tuple[str, str], due: str, when: str) -> None:
    start, end = map(dt.time.fromisoformat, hours)
    if zone == "Pacific/Apia":
        when = "2011-12-31T08:00+14:00"
    assert sent(due, zone, QuietHours(start, end)) == when


def test_a_clock_that_goes_back_begins_quiet_hours_again() -> None:
    """At 02:10 for the second time it is quiet again until 02:30, though 02:30 was before."""
    hours = QuietHours(dt.time(20), dt.time(2, 30))
    second = instant("2026-10-25T02:10", "Europe/Berlin") + HOUR
    found = open_from(np.array([second]), np.array([0]), ("Europe/Berlin",), hours)
    assert found[0] - second == 20 * 60 * 1_000_000


def test_quiet_hours_send_later_or_hold_as_declared() -> None:
    said = Policies(quiet={"email": NIGHT, "sms": replace(NIGHT, hold=True, purpose=Purpose.MARKETING)})
    at = instant("2026-01-10T22:00")
    found = check(
        candidates([Ask(at, channels=0b111), Ask(at, channels=0b010), Ask(at, channels=0b010, purpose=1)]),
        before(),
        policy(said),
    )
    assert found.open.tolist() == [0b101, 0, 0b010]
    assert causes(found) == [None, (reasons.QUIET_HOURS, "sms"), None]
    assert {place: moment(int(some[0])).hour for place, some in found.send_at.items()} == {0: 8}


@given(
    st.sampled_from([*ZONES, "America/St_Johns", "Pacific/Apia"]),
    st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2011-12-30"]),
    st.integers(-1500, 1500),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
def test_quiet_hours_against_a_walk_minute_by_minute(
    zone: str, day: str, minutes: int, start: int, length: int
) -> None:
    def time(minute: int) -> dt.time:
        return dt.time(minute % 1440 // 60, minute % 60)

    hours = QuietHours(time(start), time(start + length))
    at = walked = instant(f"{day}T00:00") + minutes * 60_000_000
    while _quiet(moment(walked).astimezone(ZoneInfo(zone)).time(), hours):
        walked += 60_000_000
    assert open_from(np.array([at]), np.array([0]), (zone,), hours).tolist() == [walked]


def _quiet(shown: dt.time, hours: QuietHours) -> bool:
    if hours.start < hours.end:
        return hours.start <= shown < hours.end
    return shown >= hours.start or shown < hours.end


@given(
    st.sampled_from(["America/St_Johns", "Africa/Casablanca", "Pacific/Apia", *ZONES]), st.integers(0, 2_100_000_000)
)
def test_local_times_are_those_of_python(zone: str, second: int) -> None:
    shown = local(np.array([second * 1_000_000]), np.array([0]), (zone,))[0]
    expected = dt.datetime.fromtimestamp(second, ZoneInfo(zone)).replace(tzinfo=dt.UTC)
    assert moment(int(shown)) == expected


def test_changes_are_found_to_the_second() -> None:
    found = offsets("Europe/Berlin", instant("2026-01-01T00:00"), instant("2026-01-02T00:00"))
    changes = [moment(int(one)).isoformat() for one in found.since[1:3]]
    assert changes == ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]


# --- against plain loops ---------------------------------------------------------------------------------------------


def has_room(others: Sequence[tuple[int, bool]], at: int, at_most: int, window: Window, zone: str) -> bool:
    """Every window that ends with a contact and has this one in it, counted as conditions count events."""
    counted = [moment(other) for other, ghost in others if not (ghost and other == at)] + [moment(at)]
    for end in counted:
        seen = History(end, ZoneInfo(zone))
        if seen.within(moment(at), window) and sum(seen.within(one, window) for one in counted) > at_most:
            return False
    return True


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.sampled_from([-1, 0, 1]), st.booleans()), max_size=7),
    st.integers(-10, 10),
    st.integers(1, 4),
    st.sampled_from(
        [Window(7, DAYS), Window(24, HOURS), Window(2, WEEKS), Window(1, MONTHS), Window(1, TimeUnit.YEARS)]
    ),
    st.integers(0, len(ZONES) - 1),
)
def test_room_against_every_window(some, day: int, at_most: int, window: Window, zone: int) -> None:
    at = NINE + day * DAY
    met = [(NINE + days * DAY + shift, ghost) for days, shift, ghost in some]
    whole = np.array([0] * len(met), np.int64)
    instants, ghosts = (np.array([each[n] for each in met], kind) for n, kind in ((0, np.int64), (1, np.bool_)))
    seen = Seen(np.array([0]), np.array([at]), np.array([zone]), ZONES)
    found = Timeline.of(whole, instants, ghosts).has_room(seen, at_most, window)
    assert found.tolist() == [has_room(met, at, at_most, window, ZONES[zone])]


CAPS = (
    Cap("email", 2, Window(7, DAYS)),
    Cap("any", 1, Window(1, DAYS)),
    Cap("any", 3, Window(1, MONTHS), None),
    Cap("sms", 1, Window(36, HOURS), Purpose.SERVICE),
)
PAUSES = (None, Window(3, DAYS), Window(1, MONTHS))


@dataclass
class World:
    """A policy, candidates and what was before, all at random and close together."""

    seed: int

    def __post_init__(self) -> None:
        draw = random.Random(self.seed)
        self.said = Policies(
            caps=tuple(draw.sample(CAPS, draw.randint(0, 3))),
            quiet={one: replace(NIGHT, hold=draw.random() < 0.5) for one in CHANNELS if draw.random() < 0.4},
            after_decline=draw.choice(PAUSES),
            after_offer=draw.choice(PAUSES),
            between_offers=draw.choice(PAUSES),
        )
        self.once = tuple(draw.choice(PAUSES) for _ in range(3))
        self.asks = [
            Ask(
                self._at(draw),
                draw.randrange(3),
                *self._what(draw),
                draw.randrange(8),
                draw.randrange(8),
                draw.choice([7, 7, 5]),
            )
            for _ in range(draw.randint(1, 8))
        ]
        self.asks = [replace(one, zone=one.customer, later=draw.choice([0, HOUR, 11 * HOUR])) for one in self.asks]
        self.met = [
            Met(self._at(draw), draw.randrange(3), *self._what(draw), draw.randrange(8), draw.random() < 0.2)
            for _ in range(draw.randint(0, 9))
        ]
        self.declined = [(draw.randrange(3), draw.randrange(2), self._at(draw)) for _ in range(draw.randint(0, 3))]

    @staticmethod
    def _at(draw: random.Random) -> int:
        return (
            NINE
            + draw.choice([-31, -29, -7, -3, -1, 0, 0, 1, 4]) * DAY
            + draw.choice([-HOUR, -1, 0, 0, 0, 1, 12 * HOUR])
        )

    @staticmethod
    def _what(draw: random.Random) -> tuple[int, int, int]:
        return draw.randrange(3), draw.randrange(-1, 2), draw.randrange(2)

    def check(self, asks: Sequence[Ask], met: Sequence[Met], declined: Sequence[Declined]) -> Verdict:
        return check(candidates(asks), before(met, declined), policy(self.said, self.once))


def expected(world: World, ask: Ask) -> tuple[int, str | None]:
    """Open channels and reason of one candidate, a clause at a time."""
    zone, said = ZONES[ask.zone], world.said
    mine = [one for one in world.met if one.customer == ask.customer]

    def room(some: Sequence[Met], at_most: int, window: Window | None) -> bool:
        return window is None or has_room([(one.at, one.ghost) for one in some], ask.at, at_most, window, zone)

    declined = [
        Met(at) for customer, product, at in world.declined if (customer, product) == (ask.customer, ask.product)
    ]
    offers = [one for one in mine if one.product >= 0] if ask.product >= 0 else []
    closed: list[tuple[str, int]] = [
        (reasons.SUPPRESSED, 7 & ~ask.unsuppressed),
        (reasons.NO_CONSENT, 7 & ~ask.consented),
    ]
    closed.append(
        (reasons.MET_LATELY, 0 if room([one for one in mine if one.rule == ask.rule], 1, world.once[ask.rule]) else 7)
    )
    if ask.product >= 0:
        closed.append((reasons.DECLINED_LATELY, 0 if room(declined, 1, said.after_decline) else 7))
        same = [one for one in offers if one.product == ask.product]
        closed.append((reasons.OFFERED_LATELY, 0 if room(same, 1, said.after_offer) else 7))
        closed.append((reasons.TOO_SOON, 0 if room(offers, 1, said.between_offers) else 7))
    for cap in said.caps:
        bits = 7 if cap.channel == "any" else 1 << CHANNELS.index(cap.channel)
        purposes = (0, 1) if cap.purpose is None else (int(cap.purpose is Purpose.SERVICE),)
        counted = [one for one in mine if one.purpose in purposes and one.channels & bits]
        if ask.purpose in purposes and ask.channels & bits and not room(counted, cap.at_most, cap.per):
            closed.append((reasons.CAPPED, bits))
    shown = moment(ask.earliest).astimezone(ZoneInfo(zone)).time()
    for channel, hours in said.quiet.items():
        if hours.hold and _quiet(shown, hours):
            closed.append((reasons.QUIET_HOURS, 1 << CHANNELS.index(channel)))
    open_ = ask.channels
    for reason, bits in closed:
        if open_ and not open_ & ~bits:
            return 0, reason
        open_ &= ~bits
    return open_, None


@given(st.integers(0, 10**9))
def test_the_policy_against_plain_loops(seed: int) -> None:
    world = World(seed)
    found = world.check(world.asks, world.met, world.declined)
    reason = [cause and cause[0] for cause in causes(found)]
    assert list(zip(found.open.tolist(), reason, strict=True)) == [expected(world, ask) for ask in world.asks]


@given(st.integers(0, 10**9))
def test_a_batch_says_what_one_by_one_says_in_any_order(seed: int) -> None:
    world = World(seed)
    draw = random.Random(seed + 1)
    whole = world.check(world.asks, world.met, world.declined)
    order = draw.sample(range(len(world.asks)), len(world.asks))
    mixed = world.check(
        [world.asks[place] for place in order],
        draw.sample(world.met, len(world.met)),
        draw.sample(world.declined, len(world.declined)),
    )
    alone = [world.check([ask], world.met, world.declined) for ask in world.asks]
    assert whole.open[order].tolist() == mixed.open.tolist()
    assert [causes(whole)[place] for place in order] == causes(mixed)
    assert whole.open.tolist() == [one.open[0] for one in alone]
    assert causes(whole) == [causes(one)[0] for one in alone]
    for place, some in whole.send_at.items():
        assert some.tolist() == [one.send_at[place][0] for one in alone]
        assert some[order].tolist() == mixed.send_at[place].tolist()


def test_what_was_made_is_known_to_the_next_question() -> None:
    said = policy(Policies(caps=(Cap("any", 2, Window(1, DAYS)),)))
    row, known = candidates([Ask(NINE)]), Contacts.none()
    opened = []
    for _ in range(3):
        found = check(row, Before(known, Declines.none()), said)
        opened.append(int(found.open[0]))
        known = known.plus(made(row, found.open, np.array([False])))
    assert opened == [1, 1, 0]
    assert len(known) == 3

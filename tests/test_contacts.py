"""The contact policy against plain loops: windows, caps, cool-downs, consent and quiet hours, for everyone alike."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.catalog import Catalog, Policies
from dsl.choices import Purpose, TimeUnit
from dsl.contact_policies import Cap, QuietHours
from dsl.typed import All, MomentUse, Rule
from dsl.windows import Window
from engine.contacts import reasons
from engine.contacts.check import Before, Verdict, check
from engine.contacts.columns import Candidates, Contacts, Declines, made
from engine.contacts.policy import ContactPolicy, contact_policy, flags, leave
from engine.contacts.windows import Seen, Timeline
from engine.matching.history import History

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
CHANNELS = ("email", "sms", "in_app")
NIGHT = QuietHours(dt.time(20), dt.time(8))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
HOURS, DAYS, WEEKS, MONTHS, YEARS = TimeUnit


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
    names = [one.name for one in fields(Candidates) if one.name != "zones"]
    return Candidates(*(column(rows, name) for name in names), ZONES)


def contacts(rows: Sequence[Met]) -> Contacts:
    return Contacts(*(column(rows, one.name) for one in fields(Contacts)))


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


def test_a_month_back_from_the_31st_is_the_last_of_a_shorter_month() -> None:
    """Seen from 31 March, the window of a month begins with 1 March."""
    said = Policies(caps=(Cap("any", 1, Window(1, MONTHS)),))
    at = instant("2026-03-31T09:00")
    assert asked([Ask(at)], said, [Met(instant("2026-03-01T09:00"))]) != [None]
    assert asked([Ask(at)], said, [Met(instant("2026-02-28T09:00"))]) == [None]


def test_a_cap_of_a_channel_closes_that_channel_and_a_cap_of_any_all() -> None:
    both, met = candidates([Ask(NINE, channels=0b101)]), before([Met(NINE - DAY)])
    of_email, of_any = (policy(Policies(caps=(Cap(one, 1, Window(7, DAYS)),))) for one in ("email", "any"))
    found = check(both, met, of_email)
    assert found.open.tolist() == [0b100]
    assert causes(found) == [None]
    assert check(both, met, of_any).open.tolist() == [0]


def test_a_contact_on_two_channels_is_one_contact() -> None:
    said = Policies(caps=(Cap("any", 2, Window(7, DAYS)),))
    assert asked([Ask(NINE)], said, [Met(NINE - DAY, channels=0b111)]) == [None]


def test_caps_of_marketing_leave_service_alone_unless_they_say_any() -> None:
    cap = Cap("any", 1, Window(1, DAYS))
    service, marketing = Ask(NINE, purpose=1), Ask(NINE, purpose=0)
    assert asked([service, marketing], Policies(caps=(cap,)), [Met(NINE - 1, purpose=1)]) == [None, None]
    assert asked([service], Policies(caps=(cap,)), [Met(NINE - 1)]) == [None]
    anything = Policies(caps=(replace(cap, purpose=None),))
    capped = (reasons.CAPPED, "at most 1 contact on any channel per 1 day")
    assert asked([service, marketing], anything, [Met(NINE - 1, purpose=1)]) == [capped] * 2


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
        (reasons.OFFERED_LATELY, "14 days"),
        (reasons.DECLINED_LATELY, "30 days"),
        None,
        (reasons.TOO_SOON, "72 hours"),
    ]


def test_a_ghost_counts_for_other_occasions_and_not_for_its_own() -> None:
    said = Policies(caps=(Cap("any", 1, Window(1, DAYS)),))
    rows, capped = [Ask(NINE), Ask(NINE + 1), Ask(NINE - 1)], (reasons.CAPPED, str(said.caps[0]))
    assert asked(rows, said, [Met(NINE, ghost=True)]) == [None, capped, capped]


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


def test_quiet_hours_send_later_or_hold_as_declared() -> None:
    said = Policies(quiet={"email": NIGHT, "sms": replace(NIGHT, hold=True, purpose=Purpose.MARKETING)})
    at = instant("2026-01-10T22:00")
    rows = [Ask(at, channels=0b111), Ask(at, channels=0b010), Ask(at, channels=0b010, purpose=1)]
    found = check(candidates(rows), before(), policy(said))
    assert found.open.tolist() == [0b101, 0, 0b010]
    assert causes(found) == [None, (reasons.QUIET_HOURS, "sms"), None]
    assert {place: moment(int(some[0])).hour for place, some in found.send_at.items()} == {0: 8}


def test_a_claim_looks_at_its_own_time_for_quiet_hours_only() -> None:
    """A delivery of ten in the morning that is claimed at ten at night: the cap is that of the morning."""
    said = Policies(quiet={"email": NIGHT}, caps=(Cap("email", 1, Window(6, HOURS)),))
    morning = Ask(instant("2026-01-10T10:00"), later=12 * HOUR)
    met = [Met(instant("2026-01-10T21:00"))]
    found = check(candidates([morning]), before(met), policy(said))
    assert found.open.tolist() == [1]
    assert moment(int(found.send_at[0][0])).isoformat() == "2026-01-11T08:00:00+00:00"


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
    st.sampled_from([Window(7, DAYS), Window(24, HOURS), Window(2, WEEKS), Window(1, MONTHS), Window(1, YEARS)]),
    st.integers(0, len(ZONES) - 1),
)
def test_room_against_every_window(some, day: int, at_most: int, window: Window, zone: int) -> None:
    at = NINE + day * DAY
    met = sorted((NINE + days * DAY + shift, ghost) for days, shift, ghost in some)
    instants, ghosts = (np.array([each[n] for each in met], kind) for n, kind in ((0, np.int64), (1, np.bool_)))
    seen = Seen(np.array([0]), np.array([at]), np.array([zone]), ZONES)
    found = Timeline.of(np.zeros(len(met), np.int64), instants, ghosts).has_room(seen, at_most, window)
    assert found.tolist() == [has_room(met, at, at_most, window, ZONES[zone])]


CAPS = (
    Cap("email", 2, Window(7, DAYS)),
    Cap("any", 1, Window(1, DAYS)),
    Cap("any", 3, Window(1, MONTHS), None),
    Cap("sms", 1, Window(36, HOURS), Purpose.SERVICE),
)
PAUSES = (None, Window(3, DAYS), Window(1, MONTHS))


class World:
    """A policy, candidates and what was before, all at random and close together."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        pauses = ("after_decline", "after_offer", "between_offers")
        self.said = Policies(
            caps=tuple(draw.sample(CAPS, draw.randint(0, 3))),
            quiet={one: replace(NIGHT, hold=draw.random() < 0.5) for one in CHANNELS if draw.random() < 0.4},
            **{name: draw.choice(PAUSES) for name in pauses},
        )
        self.once = tuple(draw.choice(PAUSES) for _ in range(3))
        self.asks = [self._ask(draw) for _ in range(draw.randint(1, 8))]
        self.met = [self._met(draw) for _ in range(draw.randint(0, 9))]
        self.declined = [(draw.randrange(3), draw.randrange(2), self._at(draw)) for _ in range(draw.randint(0, 3))]

    def _ask(self, draw: random.Random) -> Ask:
        who = self._what(draw)
        bits = draw.randrange(8), draw.randrange(8), draw.choice([7, 7, 5])
        return Ask(self._at(draw), *who, *bits, zone=who[0], later=draw.choice([0, HOUR, 11 * HOUR]))

    def _met(self, draw: random.Random) -> Met:
        return Met(self._at(draw), *self._what(draw), draw.randrange(8), draw.random() < 0.2)

    @staticmethod
    def _at(draw: random.Random) -> int:
        day = NINE + draw.choice([-31, -29, -7, -3, -1, 0, 0, 1, 4]) * DAY
        return day + draw.choice([-HOUR, -1, 0, 0, 0, 1, 12 * HOUR])

    @staticmethod
    def _what(draw: random.Random) -> tuple[int, int, int, int]:
        """Customer, rule, product and purpose."""
        return draw.randrange(3), draw.randrange(3), draw.randrange(-1, 2), draw.randrange(2)

    def check(self, asks: Sequence[Ask], met: Sequence[Met], declined: Sequence[Declined]) -> Verdict:
        return check(candidates(asks), before(met, declined), policy(self.said, self.once))


def expected(world: World, ask: Ask) -> tuple[int, str | None]:
    """Open channels and reason of one candidate, an obstacle at a time."""
    open_ = ask.channels
    for reason, closed in obstacles(world, ask):
        if open_ and not open_ & ~closed:
            return 0, reason
        open_ &= ~closed
    return open_, None


def obstacles(world: World, ask: Ask) -> Iterator[tuple[str, int]]:
    zone, said = ZONES[ask.zone], world.said
    mine = [one for one in world.met if one.customer == ask.customer]

    def full(some: Sequence[Met], window: Window | None, at_most: int = 1) -> int:
        others = [(one.at, one.ghost) for one in some]
        return 0 if window is None or has_room(others, ask.at, at_most, window, zone) else 7

    yield reasons.SUPPRESSED, 7 & ~ask.unsuppressed
    yield reasons.NO_CONSENT, 7 & ~ask.consented
    yield reasons.MET_LATELY, full([one for one in mine if one.rule == ask.rule], world.once[ask.rule])
    if ask.product >= 0:
        declined = [Met(at) for who, what, at in world.declined if (who, what) == (ask.customer, ask.product)]
        yield reasons.DECLINED_LATELY, full(declined, said.after_decline)
        yield reasons.OFFERED_LATELY, full([one for one in mine if one.product == ask.product], said.after_offer)
        yield reasons.TOO_SOON, full([one for one in mine if one.product >= 0], said.between_offers)
    for cap in said.caps:
        bits = 7 if cap.channel == "any" else 1 << CHANNELS.index(cap.channel)
        purposes = (0, 1) if cap.purpose is None else (int(cap.purpose is Purpose.SERVICE),)
        if ask.purpose in purposes and ask.channels & bits:
            counted = [one for one in mine if one.purpose in purposes and one.channels & bits]
            yield reasons.CAPPED, bits & full(counted, cap.per, cap.at_most)
    shown = moment(ask.earliest).astimezone(ZoneInfo(zone)).time()
    for channel, hours in said.quiet.items():
        if hours.hold and (shown >= hours.start or shown < hours.end):
            yield reasons.QUIET_HOURS, 1 << CHANNELS.index(channel)


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

"""The contact policies of a catalog. Short forms stay: `consent: {email: marketing_ok}` is consent to marketing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dsl import contact_policy_errors as errors
from dsl.catalog_shapes import Reading
from dsl.choices import Purpose, TimeUnit
from dsl.contact_policies import ANY, Cap, QuietHours
from dsl.literals import LONGEST_TIME
from dsl.windows import Window
from dsl.yaml_reader import Node, Scalar, Table

CONTACT_POLICIES = (
    "consent",
    "suppression",
    "caps",
    "quiet",
    "after_decline",
    "after_offer",
    "between_offers",
    "slots",
)
MOST_SLOTS = 100

_WINDOW = re.compile(r"([1-9]\d{0,5})\s*(hour|day|week|month|year)s?")


def read_consent(
    reading: Reading, node: Node | None, channels: tuple[str, ...], flags: tuple[str, ...]
) -> Mapping[Purpose, Mapping[str, str]]:
    """By purpose: the customer's flag of each channel that asks for one."""
    found: dict[Purpose, dict[str, str]] = {purpose: {} for purpose in Purpose}
    for key, value in reading.entries(node, "consent"):
        channel = reading.known(key, "channel", channels)
        for purpose, flag in _consents(reading, value, flags):
            if channel is not None:
                found[purpose][channel] = flag
    return found


def _consents(reading: Reading, node: Node, flags: tuple[str, ...]) -> list[tuple[Purpose, str]]:
    """`marketing_ok`, or `{marketing: marketing_ok, service: service_ok}`."""
    if isinstance(node, Scalar):
        flag = reading.known(node, "flag of the customer", flags)
        return [] if flag is None else [(Purpose.MARKETING, flag)]
    found = []
    for key, value in reading.entries(node, "consent on a channel"):
        purpose = _purpose(reading, key)
        flag = reading.known(value, "flag of the customer", flags)
        if purpose and flag is not None:
            found.append((Purpose(purpose), flag))
    return found


def read_suppression(
    reading: Reading, node: Node | None, channels: tuple[str, ...], flags: tuple[str, ...]
) -> dict[str, str]:
    """`do_not_contact` for every channel, or a flag by channel."""
    if isinstance(node, Scalar) and not node.is_empty:
        flag = reading.known(node, "flag of the customer", flags)
        return {} if flag is None else {ANY: flag}
    found = {}
    for key, value in reading.entries(node, "suppression"):
        channel = reading.known(key, "channel", (*channels, ANY))
        flag = reading.known(value, "flag of the customer", flags)
        if channel is not None and flag is not None:
            found[channel] = flag
    return found


def read_caps(reading: Reading, node: Node | None, channels: tuple[str, ...]) -> tuple[Cap, ...]:
    return reading.items(node, "caps", lambda item, _: _cap(reading, item, channels))


def _cap(reading: Reading, node: Node, channels: tuple[str, ...]) -> Cap | None:
    needed = ("channel", "at_most", "per")
    fields = reading.table(node, "a cap", (*needed, "purpose"), needed)
    if not isinstance(node, Table) or any(key not in fields for key in needed):
        return None
    channel = reading.known(fields["channel"], "channel", (*channels, ANY))
    at_most = reading.whole(fields["at_most"], "at_most", 1, 1_000_000)
    per = read_window(reading, fields["per"], "per")
    purpose = _purpose_or_any(reading, fields.get("purpose"), Purpose.MARKETING)
    return Cap(channel, at_most, per, purpose) if channel and at_most and per else None


def read_quiet(reading: Reading, node: Node | None, channels: tuple[str, ...]) -> dict[str, QuietHours]:
    """By channel; what is said of `any` holds for the channels that are not named."""
    found = {}
    for key, value in reading.entries(node, "quiet"):
        channel = reading.known(key, "channel", (*channels, ANY))
        hours = _quiet_hours(reading, value)
        if channel is not None and hours is not None:
            found[channel] = hours
    others = found.pop(ANY, None)
    return {channel: others for channel in channels if others and channel not in found} | found


def _quiet_hours(reading: Reading, node: Node) -> QuietHours | None:
    fields = reading.table(node, "quiet hours", ("from", "until", "then", "purpose"), ("from", "until"))
    then = reading.choice(fields["then"], "then", ("send", "hold")) if "then" in fields else "send"
    purpose = _purpose_or_any(reading, fields.get("purpose"), None)
    if "from" not in fields or "until" not in fields:
        return None
    start, end = reading.time(fields["from"], "from"), reading.time(fields["until"], "until")
    if start is None or end is None:
        return None
    if start == end:
        reading.refuse(errors.quiet_all_day(reading.source, fields["until"].span))
        return None
    return QuietHours(start, end, then == "hold", purpose)


def read_slots(reading: Reading, node: Node | None, channels: tuple[str, ...]) -> dict[str, int]:
    """By channel: how many contacts an occasion may have on it."""
    found = {}
    for key, value in reading.entries(node, "slots"):
        channel = reading.known(key, "channel", channels)
        most = reading.whole(value, f"slots of {key.text}", 1, MOST_SLOTS)
        if channel is not None and most is not None:
            found[channel] = most
    return found


# --- values -----------------------------------------------------------------------------------------------------------


def read_window(reading: Reading, node: Node | None, what: str) -> Window | None:
    """`7 days` or `1 month`, up to a hundred years."""
    if node is None or (text := reading.text(node, what)) is None:
        return None
    if match := _WINDOW.fullmatch(text):
        count, unit = int(match[1]), TimeUnit(f"{match[2]}s")
        if count <= LONGEST_TIME[unit]:
            return Window(count, unit)
    reading.refuse(errors.not_a_window(reading.source, node.span, what, text))
    return None


def _purpose(reading: Reading, node: Node, *more: str) -> str | None:
    text = reading.text(node, "purpose")
    known = (*(str(purpose) for purpose in Purpose), *more)
    if text is None or text in known:
        return text
    reading.refuse(errors.unknown_purpose(reading.source, node.span, text, known))
    return None


def _purpose_or_any(reading: Reading, node: Node | None, otherwise: Purpose | None) -> Purpose | None:
    """None for `any`; `otherwise` where the author says nothing."""
    if node is None:
        return otherwise
    text = _purpose(reading, node, ANY)
    return None if text in (None, ANY) else Purpose(text)

"""The moments of a catalog: recurring and dated ones hang on a date, events have properties, crossings watch quotas."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dsl import catalog_errors as errors
from dsl.catalog import AttributeDeclaration, LeapDay, Meter, Moment, MomentKind, Owner, Recurs
from dsl.catalog_shapes import Reading
from dsl.catalog_types import read_type
from dsl.datatypes import DataType, Kind
from dsl.yaml_reader import Node, Scalar

Attributes = Mapping[str, AttributeDeclaration]

KINDS = {
    "recurs": MomentKind.RECURRING,
    "date": MomentKind.DATED,
    "event": MomentKind.EVENT,
    "crosses": MomentKind.CROSSING,
}
_KEYS = {
    MomentKind.RECURRING: ("recurs", "every", "from", "leap_day", "while", "doc"),
    MomentKind.DATED: ("date", "while", "doc"),
    MomentKind.EVENT: ("event", "of", "while", "properties", "doc"),
    MomentKind.CROSSING: ("crosses", "of", "while", "doc"),
}
_ALL_KEYS = tuple(dict.fromkeys(key for keys in _KEYS.values() for key in keys))


def crossing_properties(meters: Collection[str]) -> dict[str, DataType]:
    """What every crossing tells: which meter, the level passed, and what was used of which quota."""
    return {
        "meter": DataType(Kind.ENUM, tuple(meters)),
        "level": DataType(Kind.PERCENT),
        "used": DataType(Kind.NUMBER),
        "quota": DataType(Kind.NUMBER),
    }


def read_moments(
    reading: Reading, node: Node | None, customer: Attributes, subscription: Attributes, meters: Mapping[str, Meter]
) -> dict[str, Moment]:
    reader = _Moments(reading, customer, subscription, meters)
    found = {}
    for key, value in reading.entries(node, "moments"):
        name = reading.name(key, "a moment")
        if name is not None and (moment := reader.moment(name, key, value)) is not None:
            found[name] = moment
    return found


class _Moments:
    def __init__(
        self, reading: Reading, customer: Attributes, subscription: Attributes, meters: Mapping[str, Meter]
    ) -> None:
        self.reading = reading
        self.owners = {Owner.CUSTOMER: customer, Owner.SUBSCRIPTION: subscription}
        self.meters = meters

    def moment(self, name: str, key: Scalar, node: Node) -> Moment | None:
        fields = self.reading.table(node, f"the moment {name}", _ALL_KEYS)
        given = [word for word in KINDS if word in fields]
        if len(given) != 1:
            self.reading.refuse(errors.moment_kind(self.reading.source, key.span, name, given))
            return None
        kind = KINDS[given[0]]
        for word, value in fields.items():
            if word not in _KEYS[kind]:
                whose = " and ".join(f"{other} moments" for other in MomentKind if word in _KEYS[other])
                self.reading.refuse(errors.only_for(self.reading.source, value.span, word, whose))
        read = {
            MomentKind.RECURRING: self.recurring,
            MomentKind.DATED: self.dated,
            MomentKind.EVENT: self.event,
            MomentKind.CROSSING: self.crossing,
        }[kind]
        return read(name, fields)

    # --- the four kinds

    def recurring(self, name: str, fields: Mapping[str, Node]) -> Moment | None:
        recurs = self.reading.choice(fields["recurs"], "recurs", tuple(Recurs))
        if "from" not in fields:
            span = fields["recurs"].span
            self.reading.refuse(errors.missing_key(self.reading.source, span, "from", f"the recurring moment {name}"))
            return None
        found = self.date(fields["from"])
        if recurs is None or found is None:
            return None
        owner, attribute = found
        if recurs == Recurs.BILLING_INTERVAL:
            self.check_interval(fields, owner)
        every = self.reading.whole(fields["every"], "every", 1, 1000) if "every" in fields else 1
        leap = self.reading.choice(fields["leap_day"], "leap_day", tuple(LeapDay)) if "leap_day" in fields else None
        return Moment(
            name,
            MomentKind.RECURRING,
            owner,
            attribute,
            Recurs(recurs),
            every or 1,
            LeapDay(leap or LeapDay.FEB28),
            self.statuses(fields),
            doc=self.doc(fields),
        )

    def dated(self, name: str, fields: Mapping[str, Node]) -> Moment | None:
        if (found := self.date(fields["date"])) is None:
            return None
        owner, attribute = found
        return Moment(name, MomentKind.DATED, owner, attribute, statuses=self.statuses(fields), doc=self.doc(fields))

    def event(self, name: str, fields: Mapping[str, Node]) -> Moment | None:
        if self.reading.flag(fields["event"], "event") is False:
            self.reading.refuse(errors.event_is_true(self.reading.source, fields["event"].span))
        owners = (Owner.CUSTOMER, Owner.SUBSCRIPTION)
        owner = self.reading.choice(fields["of"], "of", owners) if "of" in fields else None
        return Moment(
            name,
            MomentKind.EVENT,
            Owner(owner or Owner.CUSTOMER),
            statuses=self.statuses(fields),
            properties=self.properties(fields.get("properties")),
            doc=self.doc(fields),
        )

    def crossing(self, name: str, fields: Mapping[str, Node]) -> Moment | None:
        if "of" in fields:
            self.reading.choice(fields["of"], "of", ("quota",))
        if not any(meter.quota_from for meter in self.meters.values()):
            self.reading.refuse(errors.no_quota(self.reading.source, fields["crosses"].span))
        return Moment(
            name,
            MomentKind.CROSSING,
            Owner.SUBSCRIPTION,
            statuses=self.statuses(fields),
            properties=crossing_properties(self.meters),
            levels=tuple(sorted(self.reading.items(fields["crosses"], "a level", self.reading.percent))),
            doc=self.doc(fields),
        )

    # --- their parts

    def date(self, node: Node) -> tuple[Owner, str] | None:
        """Whose date a name is; `customer.x` and `subscription.x` say it where both have one."""
        if (text := self.reading.text(node, "a date")) is None:
            return None
        found = []
        known = []
        for owner, attributes in self.owners.items():
            for name, declared in attributes.items():
                if declared.type.kind is Kind.DATE:
                    known.append(name)
                    if text in (name, declared.key):
                        found.append((owner, name))
        if len(found) == 1:
            return found[0]
        span = node.span
        if found:
            self.reading.refuse(errors.either_owner(self.reading.source, span, text))
        else:
            self.reading.refuse(errors.unknown(self.reading.source, span, "date", text, known))
        return None

    def check_interval(self, fields: Mapping[str, Node], owner: Owner) -> None:
        place = fields["recurs"]
        interval = self.owners[Owner.SUBSCRIPTION].get("billing_interval")
        if interval is None or set(interval.type.values) != {"month", "year"}:
            self.reading.refuse(errors.needs_billing_interval(self.reading.source, place.span))
        if owner is Owner.CUSTOMER:
            date = fields["from"]
            text = self.reading.source.slice(date.span)
            self.reading.refuse(errors.belongs_to_customer(self.reading.source, date.span, text))

    def statuses(self, fields: Mapping[str, Node]) -> tuple[str, ...] | None:
        if "while" not in fields:
            return None
        status = self.owners[Owner.SUBSCRIPTION].get("status")
        if status is None or status.type.kind is not Kind.ENUM:
            self.reading.refuse(errors.no_status(self.reading.source, fields["while"].span))
            return None
        known = status.type.values
        return self.reading.items(
            fields["while"], "while", lambda item, _: self.reading.known(item, "status of subscriptions", known)
        )

    def properties(self, node: Node | None) -> dict[str, DataType]:
        found = {}
        for key, value in self.reading.entries(node, "properties"):
            name = self.reading.name(key, "a property")
            fields = (
                {"type": value}
                if isinstance(value, Scalar)
                else self.reading.table(value, "a property", ("type", "values", "doc"), ("type",))
            )
            if "type" in fields and isinstance(place := fields["type"], Scalar) and place.text == Kind.ELAPSED:
                self.reading.refuse(errors.elapsed_property(self.reading.source, place.span))
                continue
            type_ = read_type(self.reading, fields, value, key.text)
            if name is not None and type_ is not None:
                found[name] = type_
        return found

    def doc(self, fields: Mapping[str, Node]) -> str:
        return (self.reading.text(fields["doc"], "doc") or "") if "doc" in fields else ""

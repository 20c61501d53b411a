"""Contact policy: on which of a rule's channels may this customer be met?

Consent is a flag of the customer that the catalog names for a channel; where it is false or missing, the channel is
closed. A rule is held when every one of its channels is. What is said `as service` needs no consent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dsl.catalog import Catalog, Owner
from dsl.choices import Purpose
from dsl.datatypes import DataType, Kind
from dsl.typed import Attribute, Rule


def consent_flags(catalog: Catalog) -> tuple[Attribute, ...]:
    """The attributes that `Consent` reads."""
    flags = dict.fromkeys(catalog.policies.consent.values())
    return tuple(Attribute(Owner.CUSTOMER, flag, DataType(Kind.FLAG)) for flag in flags)


class Consent:
    """Which rows of a batch may be met on which channel."""

    def __init__(self, batch: pa.Table, catalog: Catalog) -> None:
        self._batch, self._flags = batch, catalog.policies.consent
        self._open: dict[str, npt.NDArray[np.bool_]] = {}

    def channels(self, rule: Rule, rows: npt.NDArray[np.int64]) -> list[tuple[str, ...]]:
        """The open channels of a rule, row by row, in the author's order."""
        if rule.purpose is Purpose.SERVICE:
            return [rule.via] * len(rows)
        masks = [self._allowed(channel)[rows] for channel in rule.via]
        if not masks:
            return [()] * len(rows)
        return [
            tuple(channel for channel, is_open in zip(rule.via, each, strict=True) if is_open)
            for each in zip(*masks, strict=True)
        ]

    def _allowed(self, channel: str) -> npt.NDArray[np.bool_]:
        if channel not in self._open:
            flag = self._flags.get(channel)
            self._open[channel] = (
                np.ones(self._batch.num_rows, bool)
                if flag is None
                else np.asarray(pc.fill_null(self._batch[f"customer.{flag}"], False))
            )
        return self._open[channel]

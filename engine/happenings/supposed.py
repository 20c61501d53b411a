"""Events that nobody recorded, taken as if they were: what would be decided if they happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from dsl.catalog import Moment, Owner
from engine.happenings.occasions import Occasions
from engine.happenings.packed import Gathered
from engine.happenings.spans import microseconds
from engine.store.documents import dump, encode_document
from engine.store.events import Event


def as_recorded(moment: Moment, occasions: Occasions, supposed: Sequence[Event]) -> Gathered:
    """The events of one moment, once for each row that they are of."""
    pairs = [(row, event) for event in supposed for row in _rows_of(moment, occasions, event)]
    rows = np.array([row for row, _ in pairs], np.int64)
    at = np.array([microseconds(event.occurred_at) for _, event in pairs], np.int64)
    documents = [dump(encode_document(moment.properties, event.properties)) for _, event in pairs]
    return Gathered(rows, at, pa.array(documents, pa.large_string()))


def _rows_of(moment: Moment, occasions: Occasions, event: Event) -> Iterator[int]:
    """A subscription's event that names none is one of each: it is asked what would be if it happened to any."""
    for row, customer in enumerate(occasions.customers):
        which = occasions.subscriptions[row]
        mine = moment.owner is Owner.CUSTOMER or event.subscription_id in (None, which)
        if mine and customer == event.customer_id:
            yield row

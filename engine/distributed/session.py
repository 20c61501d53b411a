"""A Spark session of ours, and what becomes of its errors."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.distributed.errors import JavaMissing, SparkFailed, SparkMissing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOPBACK = "127.0.0.1"

# Instants are UTC on both sides; what Python makes is Arrow. Columns have dots in their names, which Spark lets be.
_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}


@contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """A session on a master such as `local[*]` or `spark://host:7077`, stopped at the end of the block.

    Settings of a cluster (memory, credentials) come from its own `spark-defaults.conf`. Raises SparkMissing,
    JavaMissing or SparkFailed, also for what Spark raises in the block.
    """
    session = _start(master)
    try:
        with told_in_words():
            yield session
    finally:
        session.stop()


def _start(master: str) -> SparkSession:
    try:
        import pandas  # noqa: F401 - Spark's way between Arrow and Python needs it
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkMissing() from None
    if not _java():
        raise JavaMissing()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("carpe")
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", LOOPBACK)
        builder = builder.config("spark.ui.enabled", "false")
    builder = builder.config("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower())
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    with told_in_words():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (home is not None and (Path(home) / "bin" / "java").is_file()) or shutil.which("java") is not None


@contextmanager
def told_in_words() -> Iterator[None]:
    """Turns what Spark raises into one sentence."""
    try:
        yield
    except Exception as error:
        module = type(error).__module__
        if not module.startswith(("pyspark", "py4j")):
            raise
        raise SparkFailed(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """What went wrong, without the places in Java and Python that it passed: the innermost sentence that it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0].rstrip(".")[:300]

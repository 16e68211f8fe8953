"""Summarises the CSV object that an S3 event names.

The event is what S3 sends when an object is created. The object is read from the `data` folder beside this file, which stands for the
bucket, so that the sample needs no network. Only `incoming/*.csv` is accepted.
"""

import csv
import os
import statistics
from urllib.parse import unquote_plus

BUCKET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
PREFIX, SUFFIX = "incoming/", ".csv"
FIRST_ROWS = 3


class UnsupportedObject(Exception):
    """The event names an object that this function does not process."""


def handler(event, context):
    record = event["Records"][0]["s3"]
    key = unquote_plus(record["object"]["key"])
    rows = read_rows(key)
    return {
        "bucket": record["bucket"]["name"],
        "key": key,
        "rows": len(rows),
        "first": rows[:FIRST_ROWS],
        "columns": summarise(rows),
    }


def read_rows(key):
    if not key.startswith(PREFIX) or not key.endswith(SUFFIX):
        raise UnsupportedObject(f"{key}: expected {PREFIX}<name>{SUFFIX}")
    path = os.path.realpath(os.path.join(BUCKET, key))
    if not path.startswith(os.path.join(BUCKET, PREFIX)) or not os.path.isfile(path):
        raise UnsupportedObject(f"{key}: there is no such object")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def summarise(rows):
    """Minimum, maximum and mean of each column whose every value is a number."""
    summary = {}
    for column in rows[0] if rows else []:
        try:
            values = [float(row[column]) for row in rows]
        except ValueError:
            continue
        summary[column] = {"min": min(values), "max": max(values), "mean": round(statistics.fmean(values), 3)}
    return summary

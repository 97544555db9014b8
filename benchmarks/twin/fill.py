"""Publishes the crowd's events as the twin's web process would: `python -m benchmarks.twin.fill NUMBER ISO_INSTANT`."""

import json
import sys
from datetime import datetime

from benchmarks.crowd import wire_events
from benchmarks.twin.app import IncomingEvent
from benchmarks.twin.tasks import process_event


def main() -> None:
    number, now = int(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    for wire in wire_events(number, prefix="drain", now=now):
        process_event.delay(IncomingEvent.model_validate(wire).model_dump(mode="json"))
    print(json.dumps({"published": number}))


if __name__ == "__main__":
    main()

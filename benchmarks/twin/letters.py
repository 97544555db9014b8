"""The twin's queue of mails: a task for each, a connection for each, a commit for each.

`python -m benchmarks.twin.letters NUMBER` stores so many readers and publishes their tasks.
"""

import json
import sys

from sqlalchemy import insert, select

from benchmarks.twin.models import Enrollment, Person, Session
from benchmarks.twin.tasks import SEQUENCE, send_email


def main() -> None:
    number = int(sys.argv[1])
    with Session() as session:
        readers = [{"anonymous_id": f"reader-{index}", "email": f"person{index}@example.com"} for index in range(number)]
        session.execute(insert(Person), readers)
        people = session.scalars(select(Person.id)).all()
        session.execute(insert(Enrollment), [{"person_id": person, "sequence": SEQUENCE} for person in people])
        session.commit()
        for enrollment in session.scalars(select(Enrollment.id)).all():
            send_email.delay(enrollment)
    print(json.dumps({"published": number}))


if __name__ == "__main__":
    main()

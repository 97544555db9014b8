"""Survey on memory: does what `nurture.adapters.database.surveying` does."""

from collections.abc import Collection, Sequence
from datetime import datetime

from nurture.domain.enrollment import Enrollment
from nurture.domain.surveying import Crowd, Glance, Happened, Survey
from nurture.simulation.transaction import Transaction
from nurture.simulation.transactions import store_runs


class MemorySurveying(Transaction):
    """Fulfils `flow.survey.Surveying`. In memory everything is at hand, so people are never too many to be looked at closely."""

    def due(self, at: datetime) -> list[Survey]:
        waiting = [survey for survey in self._memory.surveys.values() if survey.at <= at]
        if not waiting:
            return []
        first = min(waiting, key=lambda survey: (survey.at, survey.kind, survey.sequence))
        if first.kind == "backfill":
            return [first]
        beside = [survey for survey in waiting if (survey.kind, survey.after) == (first.kind, first.after)]
        return [survey.begun(at) for survey in sorted(beside, key=lambda survey: survey.sequence)]

    def next(self, walking: Sequence[Survey], limit: int, at: datetime) -> Glance:  # noqa: ARG002 - all of the past is known
        known = (person for person in self._memory.people.values() if person.merged_into is None and person.email is not None)
        following = sorted((person for person in known if person.id > walking[0].after), key=lambda person: person.id)[:limit]
        return Glance(following, {person.id for person in following})

    def closely(self, walking: Sequence[Survey], ids: Collection[int], at: datetime) -> Crowd:  # noqa: ARG002 - as above
        memory = self._memory
        people = [person for id_ in sorted(ids) if (person := memory.people[id_]).merged_into is None]
        runs = {person.id: memory.runs_of({person.id}) for person in people}
        return Crowd(
            people, {person.id: self._happened(person.id) for person in people}, runs, memory.ground.held, memory.ground.closed
        )

    def _happened(self, person: int) -> list[Happened]:
        memory = self._memory
        theirs = {id_ for id_, each in memory.people.items() if person in (id_, each.merged_into)}
        log = [entry.event for entry in memory.log.values() if entry.person in theirs and entry.verdict == "human"]
        return [*log, *(move for move in memory.moves if move.person in theirs)]

    def store(self, begun: Sequence[Enrollment], walked: Sequence[Survey], going_on: Sequence[Survey]) -> None:
        self._recorder.begun(begun)
        store_runs(self._memory, self._recorder, begun)
        for survey in walked:
            del self._memory.surveys[survey.sequence, survey.kind]
        self._memory.surveys |= {(survey.sequence, survey.kind): survey for survey in going_on}

"""The twin's web process: validate, publish a task, answer."""

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field

from benchmarks.twin.tasks import process_event

app = FastAPI()


class IncomingEvent(BaseModel):
    type: str = Field(max_length=16)
    event: str = Field(max_length=128)
    messageId: str = Field(max_length=64)  # noqa: N815 - Segment's wire format
    anonymousId: str = Field(max_length=64)  # noqa: N815 - Segment's wire format
    timestamp: datetime
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}


@app.post("/v1/track", status_code=202)
async def track(event: IncomingEvent) -> dict[str, bool]:
    process_event.delay(event.model_dump(mode="json"))
    return {"ok": True}

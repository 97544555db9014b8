"""The twin's web process: validate, publish a task, answer."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Cookie, FastAPI, Form
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, EmailStr, Field

from benchmarks.twin.tasks import FORM_SUBMITTED, process_event

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


@app.post("/f/{form}")
async def submit(
    form: str, email: Annotated[EmailStr, Form()], first_name: Annotated[str, Form()] = "", visitor: Annotated[str | None, Cookie()] = None
) -> RedirectResponse:  # fmt: skip
    known = visitor or str(uuid4())
    event = IncomingEvent(
        type="track", event=FORM_SUBMITTED, messageId=str(uuid4()), anonymousId=known, timestamp=datetime.now(UTC),
        properties={"form": form, "email": email, "first_name": first_name},
    )  # fmt: skip
    process_event.delay(event.model_dump(mode="json"))
    answer = RedirectResponse(f"/thanks/{form}", status_code=303)
    answer.set_cookie("visitor", known, max_age=365 * 86_400)
    return answer

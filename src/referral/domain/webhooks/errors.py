"""What is refused about webhooks."""

from referral.domain.errors import Conflict, NotFound


class EndpointNotFound(NotFound):
    """There is no such endpoint, or it was deleted."""

    detail = "There is no such webhook endpoint."


class MessageNotFound(NotFound):
    """The endpoint was never sent such a message, or it is not kept any more."""

    detail = "There is no such message to this endpoint."


class EndpointDisabled(Conflict):
    """A disabled endpoint is sent nothing."""

    detail = "This endpoint is disabled; make it active first."

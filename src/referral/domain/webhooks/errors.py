"""What is refused about webhooks."""

from referral.domain.errors import NotFound


class EndpointNotFound(NotFound):
    """There is no such endpoint, or it was deleted."""

    detail = "There is no such webhook endpoint."

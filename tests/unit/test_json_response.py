import pytest
from litestar import Litestar, get
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie, ResponseHeader
from litestar.testing import TestClient

from referral.entrypoints.http.json_response import JsonResponse


def client_of(**route):
    @get("/", response_class=JsonResponse, **route)
    async def handler() -> dict[str, int]:
        return {"one": 1}

    return TestClient(Litestar([handler], debug=True))


def test_an_answer_is_the_json_of_what_the_handler_returns():
    with client_of() as client:
        answer = client.get("/")

    assert answer.json() == {"one": 1}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "route",
    [
        {"response_headers": [ResponseHeader(name="x-more", value="1")]},
        {"response_cookies": [Cookie(key="more", value="1")]},
        {"background": BackgroundTask(print)},
    ],
    ids=lambda route: next(iter(route)),
)
def test_a_route_that_sets_more_is_told_that_it_would_be_lost(route):
    with client_of(**route) as client:
        answer = client.get("/")

    assert answer.status_code == 500
    assert "A handler that sets more than the content returns a Response." in answer.text

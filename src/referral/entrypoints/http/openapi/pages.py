"""The documentation for people: three readers of the OpenAPI document, and a page for each problem.

Their scripts come from the service itself, and the pages may load nothing from elsewhere: all of it works
with no internet access.
"""

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from referral.domain.errors import slug
from referral.entrypoints.http.large_answers import Large
from referral.entrypoints.http.problems.problem import PAGES, status_of, title
from referral.entrypoints.http.problems.texts import EXPLANATIONS
from referral.entrypoints.http.problems.types import AddressNotFound

ASSETS = Path(__file__).parents[1] / "assets"  # the Makefile fills it from pinned packages
_FILES = {
    "swagger-ui.css": "flask_openapi_swagger/templates/swagger/css/swagger-ui.css",
    "swagger-ui-bundle.js": "flask_openapi_swagger/templates/swagger/js/swagger-ui-bundle.js",
    "redoc.standalone.js": "flask_openapi3_redoc/templates/redoc/js/redoc.standalone.js",
    "scalar.standalone.js": "flask_openapi_scalar/templates/scalar/js/scalar.standalone.js",
}
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
_CACHED = b"public, max-age=86400"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body.text {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem }}
body {{ margin: 0 }}
</style>
{body}
"""
_SWAGGER = """<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<body><div id="ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: true })
</script></body>"""
_REDOC = """<body><redoc spec-url="/openapi.json"></redoc>
<script src="/docs/assets/redoc.standalone.js"></script></body>"""
_SCALAR = """<body><script id="api-reference" data-url="/openapi.json"
 data-configuration='{"withDefaultFonts": false, "telemetry": false, "hideClientButton": true,
 "showDeveloperTools": "never", "agent": {"disabled": true}, "mcp": {"disabled": true}}'></script>
<script src="/docs/assets/scalar.standalone.js"></script></body>"""
_CHOOSER = """<body class="text"><h1>Referral service</h1>
<p>The API, as you like to read it:</p>
<ul>
<li><a href="/docs/swagger">Swagger UI</a>: try the calls; log in with <em>Authorize</em>
<li><a href="/docs/redoc">Redoc</a>: read from top to bottom
<li><a href="/docs/scalar">Scalar</a>: try the calls, with examples in many languages
<li><a href="/openapi.json">openapi.json</a> and <a href="/openapi.yaml">openapi.yaml</a>, for tools
<li><a href="/problems">The problems</a> that a call can be answered with
</ul></body>"""

# Nothing from elsewhere. The readers style their elements, and Scalar starts workers, from within.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:;"
    " frame-ancestors 'none'; base-uri 'none'"
)


_KINDS = {slug(kind): kind for kind in EXPLANATIONS}


def docs_handlers(document: Callable[[], dict[str, Any]]) -> list[HTTPRouteHandler]:
    """What answers for the documentation; `document` is asked once for each format, when someone first reads it."""
    as_json = Large(lambda: msgspec.json.encode(document()), "application/json", b"no-store")
    as_yaml = Large(
        lambda: yaml.safe_dump(document(), sort_keys=False, allow_unicode=True).encode(),
        "application/yaml",
        b"no-store",
    )
    assets = {
        name: Large((ASSETS / path).read_bytes, _MEDIA_TYPES[Path(name).suffix], _CACHED)
        for name, path in _FILES.items()
        if (ASSETS / path).is_file()
    }

    @get("/openapi.json")
    async def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await as_json.to(request)

    @get("/openapi.yaml")
    async def openapi_yaml(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await as_yaml.to(request)

    @get("/docs/assets/{name:str}")
    async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        if name not in assets:
            raise AddressNotFound
        return await assets[name].to(request)

    return [openapi_json, openapi_yaml, home, chooser, swagger, redoc, scalar, asset]


@get("/")
async def home() -> Redirect:
    return Redirect("/docs")


@get("/docs")
async def chooser() -> Response[str]:
    return _page("Referral service", _CHOOSER)


@get("/docs/swagger")
async def swagger() -> Response[str]:
    return _page("Referral service: Swagger UI", _SWAGGER)


@get("/docs/redoc")
async def redoc() -> Response[str]:
    return _page("Referral service: Redoc", _REDOC)


@get("/docs/scalar")
async def scalar() -> Response[str]:
    return _page("Referral service: Scalar", _SCALAR)


@get("/problems")
async def problem_list() -> Response[str]:
    rows = "".join(
        f'<li>{status_of(kind)} <a href="{PAGES}{name}">{title(kind)}</a>'
        for name, kind in sorted(_KINDS.items(), key=lambda item: (status_of(item[1]), item[0]))
    )
    return _page("Problems", f'<body class="text"><h1>Problems</h1><ul>{rows}</ul></body>')


@get("/problems/{name:str}")
async def problem_page(name: FromPath[str]) -> Response[str]:
    kind = _KINDS.get(name)
    if kind is None:
        raise AddressNotFound
    paragraphs = html.escape(EXPLANATIONS[kind]).replace("\n\n", "<p>")
    return _page(
        title(kind),
        f'<body class="text"><h1>{title(kind)}</h1><p>Status {status_of(kind)}.<p>{paragraphs}'
        f'<p><a href="/problems">All problems</a></body>',
    )


def _page(name: str, body: str) -> Response[str]:
    return Response(
        _PAGE.format(title=name, body=body),
        media_type="text/html",
        headers={"Content-Security-Policy": _POLICY},
    )

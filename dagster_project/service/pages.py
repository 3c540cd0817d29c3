"""The published pages over HTTP: read-only, and each address names its release, so that no page is put together of two.

    python -m dagster_project.service.pages HOST PORT

`/` and `/current/…` lead to the newest release, whatever is published meanwhile; `/<release>/…` stays what it is.
"""

import re
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dagster_project.release.store import current_release
from dagster_project.settings import home_folder

PAGE = "briefing/index.html"
RELEASE = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}/")
WORDS = '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>均衡</title><p>{}</p>'
NONE_YET = "还没有发布的版本：第一次刷新之后，这里就是成果网页。刷新的进展见 junheng status"
NOT_FOUND = '没有这一页，或这个版本已不在：<a href="/">看最新的版本</a>'


class Releases(StaticFiles):
    """The files of finished releases; what is being built beside them is not there."""

    async def get_response(self, path: str, scope: object) -> Response:
        if not RELEASE.match(path):
            raise HTTPException(404)
        return await super().get_response(path, scope)  # ty: ignore[invalid-argument-type]


async def newest(request: Request) -> Response:
    """Send the reader on to the newest release."""
    release = current_release(home_folder())
    if release is None:
        return HTMLResponse(WORDS.format(NONE_YET), 503, {"Retry-After": "60"})
    path = request.path_params.get("path") or PAGE
    return RedirectResponse(f"/{release.name}/{path}", 302, {"Cache-Control": "no-store"})


async def not_found(_: Request, __: Exception) -> Response:
    return HTMLResponse(WORDS.format(NOT_FOUND), 404)


def pages() -> Starlette:
    """The application over the releases of this home."""
    releases = Releases(directory=home_folder() / "releases", check_dir=False)
    routes = [Route("/", newest), Route("/current/{path:path}", newest), Mount("/", releases)]
    return Starlette(routes=routes, exception_handlers={404: not_found})


if __name__ == "__main__":
    uvicorn.run(
        pages(),
        host=sys.argv[1],
        port=int(sys.argv[2]),
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )

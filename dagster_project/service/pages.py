"""The published pages over HTTP: read-only, and each address names its release, so that no page is put together of two.

    python -m dagster_project.service.pages HOST PORT

`/` and `/current/…` lead to the newest release, whatever is published meanwhile; `/<release>/…` stays what it is. Of a thinned
release the pages are there once it was opened (`junheng releases --open`); until then it says so.
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

from dagster_project.release.store import OPENED, THINNED, current_release
from dagster_project.settings import home_folder

PAGE = "briefing/index.html"
RELEASE = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{8})/")
WORDS = '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>均衡</title><p>{}</p>'
NONE_YET = "还没有发布的版本：第一次刷新之后，这里就是成果网页。刷新的进展见 junheng status"
NOT_FOUND = '没有这一页，或这个版本已不在：<a href="/">看最新的版本</a>'

THINNED_ONE = (
    "版本 {0} 已精简，网页没有留在磁盘上。请在服务器上运行 <code>junheng releases --open {0}</code>，再刷新本页"
)


class Releases(StaticFiles):
    """The files of finished releases; what is being built beside them is not there."""

    async def get_response(self, path: str, scope: object) -> Response:
        release = RELEASE.match(path)
        if not release:
            raise HTTPException(404)
        try:
            return await super().get_response(path, scope)  # ty: ignore[invalid-argument-type]
        except HTTPException as error:
            if error.status_code == 404 and (home_folder() / "releases" / release[1] / THINNED).exists():
                return HTMLResponse(WORDS.format(THINNED_ONE.format(release[1])), 404)
            raise


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
    releases.all_directories.append(home_folder() / OPENED)
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

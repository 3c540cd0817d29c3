"""Notices go out by mail and webhook to the addresses of JUNHENG_NOTIFY, or of <home>/notify.txt, one a line; each once until it changes.

An address holds a password or a token: none is ever written anywhere, a service is called by its kind and its place in the list.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from dagster_project.orchestration.notices import Notice, gather, keep
from dagster_project.orchestration.summary import Survey
from dagster_project.settings import home_folder
from dagster_project.whole import write_whole

ADDRESSES, TOLD = "notify.txt", "told.json"
VARIABLE = "JUNHENG_NOTIFY"
MOST_LINES = 20


def report(found: Survey) -> list[str]:
    """Write what is so now where the page finds it, and send what is new; in Chinese, what could not be delivered."""
    notices = gather(found)
    keep(notices)
    return send(home_folder(), notices)


def send(home: Path, notices: Sequence[Notice]) -> list[str]:
    """Tell every address what it has not been told yet; in Chinese, what could not be delivered. It is tried again the next time."""
    addresses = _addresses(home)
    if not addresses:
        return []
    before = _told(home)
    now = {notice.key: hashlib.sha256(notice.text.encode()).hexdigest() for notice in notices}
    told, failures = {}, []
    for number, address in enumerate(addresses, start=1):
        own = hashlib.sha256(address.encode()).hexdigest()
        known = {key: text for key, text in before.get(own, {}).items() if key in now}
        fresh = [notice for notice in notices if known.get(notice.key) != now[notice.key]]
        failure = _deliver(address, fresh) if fresh else None
        if failure:
            failures.append(f"第 {number} 个通知地址{failure}：{len(fresh)} 件事没有送到，下次再送")
        told[own] = known if failure else now
    write_whole(home / TOLD, json.dumps(told))
    return failures


def _addresses(home: Path) -> list[str]:
    """The variable's, separated by spaces; without it those of the file, # before what is none."""
    if given := os.environ.get(VARIABLE):
        return given.split()
    path = home / ADDRESSES
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _told(home: Path) -> dict[str, dict[str, str]]:
    """What each address, by its hash, has been told. What was lost or cut off is told once more."""
    try:
        return json.loads((home / TOLD).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}


def _deliver(address: str, notices: Sequence[Notice]) -> str | None:
    """Send one message; in Chinese why it was not delivered."""
    import apprise

    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what they would say holds addresses
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        return "认不得：应写成 mailtos://用户:密码@主机、wecombot://密钥、dingtalk://令牌、feishu://令牌、jsons://主机/路径 之类"
    lines = [str(notice) for notice in notices[:MOST_LINES]]
    if len(notices) > MOST_LINES:
        lines.append(f"…… 还有 {len(notices) - MOST_LINES} 件，见 junheng status")
    title = f"均衡 Junheng：{len(notices)} 件事"
    try:
        is_sent = service.notify(body="\n".join(lines), title=title, body_format=apprise.NotifyFormat.TEXT)
    except (OSError, TypeError, ValueError) as error:
        return f"（{service.service_name}）送不到，{type(error).__name__}"
    return None if is_sent else f"（{service.service_name}）送不到"

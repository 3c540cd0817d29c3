"""A backup of a home: one file, checked as it is put back, and complete or not there.

    backup.json     when, of which home, and the sha256 of every file
    hash.key, warehouse.duckdb, releases/ …     as they lie; files that releases share are stored once

Left out is what any start makes again, and Dagster's record of runs. raw/ is not in it: it belongs to the bureau's own backup.
"""

import io
import json
import os
import shutil
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.console import Failed
from dagster_project.fingerprint import sha256
from dagster_project.release.history import remove
from dagster_project.release.store import CHECKED, OPENED, current_release, verify
from dagster_project.warehouse import lock

LEFT_OUT = {"dagster", "dbt", OPENED, CHECKED, "refresh.lock", "refresh.pid", "serve.lock", ".writable"}
LIST = "backup.json"


def backup(home: Path, target: Path, say: Callable[[str], None]) -> Path:
    """Write a home into one file: target, or a file named by the time in the folder target. Waits for a refresh at work."""
    if not (home / "warehouse.duckdb").exists():
        raise Failed(f"{home} 里没有仓库：没有什么可以备份；仓库在别处的，请用 --home 指明")
    path = (target / f"junheng-{datetime.now():%Y%m%dT%H%M%S}.tar" if target.is_dir() else target).resolve()
    if path.is_relative_to(home):
        raise Failed(f"{path} 在仓库文件夹里，仓库坏了它也没了：请换一个地方，最好在另一块磁盘上")
    if path.exists():
        raise Failed(f"{path} 已经有了，没有覆盖：请换一个名字")
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.hold(home, say):
        files = sorted(_files(home))
        needed, free = sum(file.lstat().st_size for file in files), shutil.disk_usage(path.parent).free
        if free < needed:
            raise Failed(
                f"{path.parent} 还剩 {free / 1e6:,.0f} MB，备份最多要 {needed / 1e6:,.0f} MB：请清出空间，或换一个地方"
            )
        partial = path.with_name(f".{path.name}.partial")
        try:
            with open(partial, "xb", opener=_of_mine_alone) as stream:
                _write(home, files, stream)
                stream.flush()
                os.fsync(stream.fileno())
            partial.rename(path)
        except FileExistsError:
            raise Failed(f"{partial} 已经有了：另一次备份正在写，或没有写完；确实没有在写的，请删掉它再试") from None
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return path


def restore(path: Path, home: Path, is_asked: bool, say: Callable[[str], None]) -> Path | None:
    """Put a backup where a home is to be; is_asked: also where there is one, which moves aside. Where to: None where there was none.

    Every file is checked before the home is there at all. Raises Failed, and then everything is as it was.
    """
    if home.exists() and any(home.iterdir()) and not is_asked:
        raise Failed(f"{home} 里已有仓库，没有覆盖：请用 --home 换一个文件夹，或加 --replace（原来的会改名留着）")
    home.parent.mkdir(parents=True, exist_ok=True)
    building = home.with_name(f".{home.name}.restoring-{os.getpid()}")
    try:
        with ExitStack() as stack:
            if home.exists():
                stack.enter_context(lock.serving(home))
                stack.enter_context(lock.hold(home, say))
            building.mkdir(mode=0o700)
            _extract(path, building)
            _check(path, building)
            return _put(building, home)
    except (tarfile.TarError, EOFError) as error:
        raise Failed(f"{path} 不是完整的备份（{error}）：请用另一份，没有恢复") from error
    finally:
        if building.exists():
            remove(building)


def _of_mine_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _files(home: Path) -> Iterator[Path]:
    """Every file and link that belongs in a backup; nothing that a killed publication left."""
    for top in home.iterdir():
        if top.name in LEFT_OUT:
            continue
        for folder, folders, names in os.walk(top) if top.is_dir() else [(str(home), [], [top.name])]:
            folders[:] = [name for name in folders if not name.startswith(".")]
            yield from (Path(folder) / name for name in names if not name.startswith("."))
            yield from (Path(folder) / name for name in folders if (Path(folder) / name).is_symlink())


def _write(home: Path, files: list[Path], stream: io.BufferedIOBase) -> None:
    hashes = {str(file.relative_to(home)): sha256(file) for file in files if not file.is_symlink()}
    about = {
        "made_at": datetime.now(UTC).isoformat(),
        "machine": socket.gethostname(),
        "home": str(home),
        "files": hashes,
    }
    text = json.dumps(about, ensure_ascii=False, indent=1).encode()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo(LIST)
        entry.size, entry.mode = len(text), 0o600
        archive.addfile(entry, io.BytesIO(text))
        for file in files:
            archive.add(file, str(file.relative_to(home)), recursive=False)


def _extract(path: Path, folder: Path) -> None:
    """The members of a backup, none of them outside the folder, as read-only as they were."""

    def as_it_was(member: tarfile.TarInfo, where: str) -> tarfile.TarInfo:
        return tarfile.data_filter(member, where).replace(mode=member.mode & 0o755, deep=False)

    with tarfile.open(path) as archive:
        archive.extractall(folder, filter=as_it_was)


def _check(path: Path, folder: Path) -> None:
    """Raises Failed unless every file is the one that was backed up, and no other is there."""
    try:
        files = json.loads((folder / LIST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failed(f"{path} 不是 junheng backup 写出的备份：没有恢复") from error
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file() and not file.is_symlink()}
    wrong = sorted(found ^ {LIST, *files}) or [name for name in sorted(files) if sha256(folder / name) != files[name]]
    if wrong:
        raise Failed(f"{path} 已损坏：{'、'.join(wrong[:3])} 等 {len(wrong)} 个文件与备份时不同，没有恢复；请用另一份")
    release = current_release(folder)
    if release and (damage := verify(release)):
        raise Failed(f"{path} 里的版本 {release.name} 在备份时已经损坏（{damage[0]}）：没有恢复；请用另一份")
    (folder / LIST).unlink()


def _put(building: Path, home: Path) -> Path | None:
    """Let the checked folder be the home; what was there keeps its files under another name."""
    aside = None
    if home.exists() and any(home.iterdir()):
        aside = home.with_name(f"{home.name}.before-restore-{datetime.now():%Y%m%dT%H%M%S}")
        home.rename(aside)
    elif home.exists():
        home.rmdir()
    building.chmod(0o755)
    building.rename(home)
    return aside

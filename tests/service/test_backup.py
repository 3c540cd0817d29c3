"""A home from a backup is the home that was backed up, row for row; nothing that stands is overwritten, nothing half is put in place."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from helpers import junheng, query, schools, write_csv, write_regions

from dagster_project.release.read import connect


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a release, and a backup of it."""
    folder = tmp_path_factory.mktemp("backup")
    write_regions(folder / "raw", "regions:\n  - {id: demo, name_zh: 示范区, counties: {'371502': 东昌府区}}\n")
    write_csv(folder / "raw" / "demo" / "2023" / "schools.csv", schools())
    for arguments in (("refresh", "--raw", folder / "raw"), ("backup", folder / "backup.tar")):
        done = junheng(*arguments, "--home", folder / "home")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "密钥" in done.stdout
    return folder


def restore(made: Path, home: Path, *more: str, backup: str = "backup.tar") -> subprocess.CompletedProcess[str]:
    return junheng("restore", made / backup, "--home", home, *more)


def marts(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every mart."""
    with connect(home) as con:
        names = [name for (name,) in con.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        return {name: con.execute(f"from {name} order by all").fetchall() for name in names}


def test_another_home_is_the_same_row_for_row(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    assert (made / "backup.tar").stat().st_mode & 0o777 == 0o600
    restored = restore(made, home)
    assert restored.returncode == 0, restored.stderr
    before = marts(made / "home")
    assert marts(home) == before and len(before) > 50
    assert (home / "hash.key").read_text() == (made / "home" / "hash.key").read_text()
    assert (home / "hash.key").stat().st_mode & 0o777 == 0o600
    again = junheng("refresh", "--raw", made / "raw", "--home", home)
    assert "文件没有变化，已发布的版本仍是最新" in again.stdout, again.stdout + again.stderr
    assert junheng("verify", "--home", home).returncode == 0


def test_what_was_signed_comes_back_as_it_was_signed(made: Path, tmp_path: Path) -> None:
    """The certificate, the papers, and what the signature covers."""

    def signed(home: Path) -> dict[Path, bytes]:
        paths = (home / "signed").rglob("*")
        return {path.relative_to(home): path.read_bytes() for path in paths if path.is_file()}

    shutil.copytree(made / "home", tmp_path / "home", symlinks=True)
    for arguments in (("sign", "demo", "2023", "--name", "张三"), ("backup", tmp_path / "signed.tar")):
        done = junheng(*arguments, "--home", tmp_path / "home")
        assert done.returncode == 0, done.stderr
    assert junheng("restore", tmp_path / "signed.tar", "--home", tmp_path / "new").returncode == 0
    assert signed(tmp_path / "new") == signed(tmp_path / "home")
    assert {path.suffix for path in signed(tmp_path / "new")} >= {".html", ".xlsx"}
    listed = junheng("sign", "--list", "--home", tmp_path / "new").stdout
    assert "demo 2023：" in listed and "张三" in listed


def test_what_stands_is_not_overwritten_unless_asked(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "hash.key").write_text("of another")
    refused = restore(made, home)
    assert refused.returncode == 1 and "没有覆盖" in refused.stderr and "--replace" in refused.stderr
    assert [path.name for path in home.iterdir()] == ["hash.key"]
    asked = restore(made, home, "--replace")
    assert asked.returncode == 0, asked.stderr
    [aside] = tmp_path.glob("home.before-restore-*")
    assert (aside / "hash.key").read_text() == "of another" and (home / "releases" / "current").exists()
    again = junheng("backup", made / "backup.tar", "--home", home)
    assert again.returncode == 1 and "没有覆盖" in again.stderr
    inside = junheng("backup", home / "backup.tar", "--home", home)
    assert inside.returncode == 1 and "在仓库文件夹里" in inside.stderr


@pytest.mark.parametrize("fault", ["a flipped byte", "cut short", "another file"])
def test_a_damaged_backup_leaves_nothing(fault: str, made: Path, tmp_path: Path) -> None:
    whole = bytearray((made / "backup.tar").read_bytes())
    if fault == "a flipped byte":
        whole[len(whole) // 2] ^= 1
    elif fault == "cut short":
        del whole[len(whole) // 2 :]
    else:
        whole = bytearray(b"PK not a backup")
    (made / "damaged.tar").write_bytes(whole)
    told = restore(made, tmp_path / "home", backup="damaged.tar")
    assert told.returncode == 1 and "没有恢复" in told.stderr, told.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_that_releases_share_are_stored_once(made: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(made / "home", home, symlinks=True)
    release = (home / "releases" / "current").resolve()
    shutil.copytree(release, release.with_name("20200101T000000Z-00000000"), copy_function=os.link)
    done = junheng("backup", tmp_path, "--home", home)
    assert done.returncode == 0, done.stderr
    [archive] = tmp_path.glob("junheng-*.tar")
    assert archive.stat().st_size < 1.1 * (made / "backup.tar").stat().st_size
    assert junheng("restore", archive, "--home", tmp_path / "again").returncode == 0
    one, other = (path for path in (tmp_path / "again" / "releases").iterdir() if not path.is_symlink())
    assert (one / "junheng.duckdb").stat().st_ino == (other / "junheng.duckdb").stat().st_ino


def test_an_older_home_is_made_anew_from_raw(made: Path, tmp_path: Path) -> None:
    """A backup of a program that had other raw tables and models: its release is read as it is; the next refresh gives today's marts."""
    home = tmp_path / "home"
    shutil.copytree(made / "home", home, symlinks=True)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("alter table raw.schools drop column books; update raw.build set fingerprint = 'older'")
    assert junheng("backup", tmp_path / "older.tar", "--home", home).returncode == 0
    assert junheng("restore", tmp_path / "older.tar", "--home", tmp_path / "new").returncode == 0
    assert query(tmp_path / "new", "select count(*) from mart_county_verdict") == [(1,)]
    done = junheng("refresh", "--raw", made / "raw", "--home", tmp_path / "new")
    assert done.returncode == 0, done.stdout + done.stderr
    assert marts(tmp_path / "new") == marts(made / "home")


def test_a_warehouse_that_cannot_be_read_says_what_to_do(made: Path, tmp_path: Path) -> None:
    """Of a later DuckDB, or damaged: it is not taken for one that another program has open."""
    home = tmp_path / "home"
    shutil.copytree(made / "home", home, symlinks=True)
    content = bytearray((home / "warehouse.duckdb").read_bytes())
    content[12:20] = (999).to_bytes(8, "little")
    (home / "warehouse.duckdb").write_bytes(content)
    told = junheng("refresh", "--raw", made / "raw", "--home", home)
    assert told.returncode == 1 and "请移走它，再运行 junheng refresh" in told.stderr, told.stderr
    (home / "warehouse.duckdb").rename(tmp_path / "moved")
    done = junheng("refresh", "--raw", made / "raw", "--home", home)
    assert done.returncode == 0 and marts(home) == marts(made / "home")


def test_the_list_of_a_backup_names_every_file(made: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", made / "backup.tar", "-C", tmp_path], check=True)
    listed = json.loads((tmp_path / "backup.json").read_bytes())["files"]
    assert {"hash.key", "warehouse.duckdb"} < listed.keys()
    assert not [name for name in listed if name.startswith(("dagster/", "dbt/")) or ".lock" in name]

"""`town_api(pack)`: a city under a pack with its HTTP API; founded once in each process and copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from engine.publishing import PACKS
from engine.store import Store
from tests.acceptance.scenarios.town import TownApi
from tests.places import Place, read, settle, settled


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("towns")


@pytest.fixture
def town_api(tmp_path: Path, _templates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TownApi]]:
    """Makes the city under a pack, or under a copy of it that is `change`d (gets the folder). What happened in it is
    verified when the test ends. Passwords are hashed quickly."""
    monkeypatch.setattr("web.sessions.HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    towns: list[TownApi] = []

    def make(key: str, change: Callable[[Path], object] | None = None) -> TownApi:
        folder = tmp_path / key.replace("/", "-")
        folder.mkdir()
        file = folder / "town.sqlite"
        if change is None:
            template, city = settled(key, _templates)
            shutil.copyfile(template, file)
            store, pack = Store(f"sqlite:///{file}"), read(PACKS / key)
        else:
            store = Store(f"sqlite:///{file}")
            store.prepare()
            pack = read.__wrapped__(copied(key, folder, change))
            city = settle(store, pack)
        towns.append(TownApi(Place(store, pack.pack, city), folder))
        return towns[-1]

    yield make
    for town in towns:
        faults = town.place.faults()
        town.place.store.close()
        assert town.tampered or faults == []


def copied(key: str, into: Path, change: Callable[[Path], object]) -> Path:
    """The folder of a pack, copied with the shared parts and changed."""
    root = into / "processes"
    shutil.copytree(PACKS / "shared", root / "shared")
    shutil.copytree(PACKS / key, root / key)
    change(root / key)
    return root / key

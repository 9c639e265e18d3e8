"""The place in which an article is proved; see `proof.py` and `tests/places.py`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.publishing import PACKS
from engine.store import Store
from tests.articles.proof import switched
from tests.places import Place, read, settle, settled


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("places")


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, _templates: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A small city under the pack that the test names, or under a copy with something switched off. What happened in
    it is verified when the test ends."""
    named, offs = request.param
    key = named or request.module.PACK
    file = tmp_path / "place.sqlite"
    if offs:
        folder, handlers = switched(key, offs, tmp_path / "processes", monkeypatch)
        store = Store(f"sqlite:///{file}")
        store.prepare()
        pack = read.__wrapped__(folder)
        place = Place(store, pack.pack, settle(store, pack), handlers)
    else:
        template, city = settled(key, _templates)
        shutil.copyfile(template, file)
        store = Store(f"sqlite:///{file}")
        place = Place(store, read(PACKS / key).pack, city)
    place.off = bool(offs)
    yield place
    if not offs:
        assert place.faults() == []
    store.close()

"""A part of the property test that is long enough to be believed; `soak` plays new stories.

The seeds follow one another, so that the decks of troubles and changes are dealt to their ends; the
last test sees to it that all of it really happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .database import Engine
from .hand import CHANGES
from .long_run import database
from .scenario import NAMING, TROUBLES, Broken, Scenario
from .worker import POINTS

STORIES: list[tuple[Engine, int]] = [
    *(("duckdb", seed) for seed in range(4)),
    *(("postgres", seed) for seed in range(4, 8)),
]
Playing = dict[tuple[Engine, int], "Future[Counter[str]]"]


@pytest.fixture(scope="module")
def playing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Playing]:
    """The stories whose tests were selected, two at a time: most of a story is waiting."""

    # pytest makes its folder when it is first asked, and empties what is there: two threads that
    # ask at once delete each other's.
    base = tmp_path_factory.mktemp("stories")

    def play(engine: Engine, seed: int) -> Counter[str]:
        folder = base / str(seed)
        folder.mkdir()
        coverage: Counter[str] = Counter()
        with database(engine, folder, postgres_server) as opened:
            Scenario(seed, opened, folder, coverage=coverage).run()
        return coverage

    selected = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [spec.params["story"] for spec in selected if spec and "story" in spec.params]
    with ThreadPoolExecutor(2) as pool:
        yield {story: pool.submit(play, *story) for story in STORIES if story in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story[0]}-{story[1]}")
def test_story(story: tuple[Engine, int], playing: Playing) -> None:
    try:
        playing[story].result()
    except Broken as broken:
        # The story says it all; where it was told does not matter.
        pytest.fail(str(broken), pytrace=False)


def test_everything_happened(playing: Playing) -> None:
    """Every fault struck, every kill killed, every change was made."""
    if len(playing) < len(STORIES) or any(each.exception() for each in playing.values()):
        pytest.skip("not every story was played to its end")
    coverage: dict[str, Counter[str]] = {"duckdb": Counter(), "postgres": Counter()}
    for (engine, _), played in playing.items():
        coverage[engine] += played.result()
    both = coverage["duckdb"] + coverage["postgres"]
    wanted = {
        *(f"trouble:{trouble}" for trouble in TROUBLES),
        *(f"change:{name}" for name in CHANGES),
        *(f"named:{table}" for table in NAMING),
        *(f"mode:{mode}" for mode in ("full", "incremental", "subset", "apart")),
        "parts",
        "resumed",
    }
    assert not sorted(wanted - both.keys())
    for name, happened in coverage.items():
        killed = {point for point in POINTS if happened[f"trouble:kill:{point}"]}
        assert len(killed) >= len(POINTS) - 2, f"{name}: killed only at {sorted(killed)}"

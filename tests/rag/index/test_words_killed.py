"""A words index whose writer was killed in the midst of a commit is as at the last one, and can be written again."""

from __future__ import annotations

from pathlib import Path

from rag.index.words import WordIndex
from tests.fakes import make_chunk

BREAD, MOON = make_chunk("bread is baked"), make_chunk("the moon is far")


def test_files_of_a_commit_that_was_killed_are_not_in_the_way(tmp_path: Path) -> None:
    """The same change made again would be written under the same file name: what the dead left is cleared first."""
    index = WordIndex(tmp_path)
    index.add([BREAD, MOON])
    index.commit()
    before = (tmp_path / "meta.json").read_bytes()
    index.delete([BREAD.id])
    index.commit()
    (tmp_path / "meta.json").write_bytes(before)  # the last step of a commit, undone

    after = WordIndex(tmp_path)
    assert sorted(after.ids()) == sorted([BREAD.id, MOON.id])
    after.delete([BREAD.id])
    after.commit()

    assert after.ids() == [MOON.id]

"""An earlier result is kept, and two jobs never write to one place."""

import subprocess
import sys

import pytest

from detectnmf.command.folder import check_writable, result_folder
from detectnmf.errors import UserError


def test_an_earlier_result_is_kept(tmp_path):
    wanted = tmp_path / "movie.detectnmf"
    for number in range(3):
        with result_folder(wanted) as folder:
            (folder / "result.h5").write_text(f"result {number}")
    assert {path.name: (path / "result.h5").read_text() for path in tmp_path.iterdir()} == {
        "movie.detectnmf": "result 0",
        "movie.detectnmf-2": "result 1",
        "movie.detectnmf-3": "result 2",
    }
    with result_folder(wanted, overwrite=True) as folder:
        assert folder == wanted


def test_what_a_failed_job_left_is_used_again(tmp_path):
    wanted = tmp_path / "movie.detectnmf"
    with pytest.raises(RuntimeError), result_folder(wanted) as folder:
        (folder / "log.txt").write_text("began")
        raise RuntimeError
    with result_folder(wanted) as folder:
        assert folder == wanted


def test_a_folder_in_use_by_another_process_is_left_alone(tmp_path):
    wanted = tmp_path / "movie.detectnmf"
    code = (
        "import sys; from pathlib import Path; from detectnmf.command.folder import result_folder\n"
        "with result_folder(Path(sys.argv[1])) as folder:\n    print(folder.name, flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(wanted)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline().strip() == "movie.detectnmf"
        with result_folder(wanted) as folder:
            assert folder.name == "movie.detectnmf-2"
        with pytest.raises(UserError, match="another job is writing"), result_folder(wanted, overwrite=True):
            pass
        other.kill()  # even so it lets go
        other.wait()
        with result_folder(wanted, overwrite=True) as folder:
            assert folder == wanted
    finally:
        other.kill()
        other.communicate()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file.txt").touch()
    with pytest.raises(UserError, match=r"cannot write to .*file.txt/x \(Not a directory\); choose another place with out="):
        check_writable(tmp_path / "file.txt" / "x")

from quartermaster.extension.inventory.scan import FileStat
from quartermaster.extension.inventory.settle import Settling

SECOND = 1_000_000_000


def file(mtime_seconds: float, size: int = 1) -> FileStat:
    return FileStat(size, int(mtime_seconds * SECOND), 1, 1, 0, False)


def wait(settling: Settling, found: FileStat, wall: float, monotonic: float) -> float:
    return settling.wait_seconds("f", found, 2.0, wall_ns=int(wall * SECOND), monotonic=monotonic)


def test_an_old_file_is_settled_at_once() -> None:
    assert wait(Settling(), file(100), wall=102, monotonic=0) == 0.0


def test_a_fresh_file_waits_for_the_rest_of_its_time() -> None:
    assert wait(Settling(), file(100), wall=100.5, monotonic=0) == 1.5


def test_every_write_starts_the_wait_anew() -> None:
    settling = Settling()
    wait(settling, file(100), wall=100, monotonic=0)
    assert wait(settling, file(101.5), wall=101.5, monotonic=1.5) == 2.0


def test_a_file_of_the_future_settles_by_our_own_clock() -> None:
    settling = Settling()
    assert wait(settling, file(9999), wall=100, monotonic=50) == 2.0
    assert wait(settling, file(9999), wall=101, monotonic=51) == 1.0
    assert wait(settling, file(9999), wall=102, monotonic=52) == 0.0


def test_a_wall_clock_that_jumps_back_delays_nobody_for_long() -> None:
    settling = Settling()
    wait(settling, file(100), wall=100, monotonic=0)
    assert wait(settling, file(100), wall=-5000, monotonic=2) == 0.0


def test_a_wall_clock_that_stands_still_delays_nobody_for_ever() -> None:
    settling = Settling()
    wait(settling, file(100), wall=100, monotonic=0)
    assert wait(settling, file(100), wall=100, monotonic=2.1) == 0.0

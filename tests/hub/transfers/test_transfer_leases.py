"""Who has a transfer, and what its states are, whatever is said late or twice."""

import pytest
from quartermaster.hub.errors import ConflictError, ForbiddenError, NotFoundError, UnauthorizedError
from quartermaster.hub.keys import Caller
from quartermaster.hub.schema import servers
from quartermaster.hub.transfers.leases import Arrival, Standing, TransferClaim, TransferLeases, Trouble
from quartermaster.hub.transfers.queue import Transfers, find_transfer
from quartermaster.hub.transfers.rates import Measured, rates_to
from quartermaster.hub.transfers.transfer import NewTransfer, Source
from quartermaster.tests.hub.samples import FakeClock, sha
from sqlalchemy import false, select, true

LEASE_SECONDS = 60.0
BOSS = Caller("key-of-boss", "admin", None, "boss")
ANN = Caller("key-of-ann", "client", None, "ann")
BEN = Caller("key-of-ben", "client", None, "ben")
ATTIC = Caller("key-of-attic", "agent", "attic", "attic")
BARN = Caller("key-of-barn", "agent", "barn", "barn")


class House:
    """A hub's transfers without its surface."""

    def __init__(self, hub, clock: FakeClock) -> None:
        self.clock, self.database = clock, hub.database
        self.transfers = Transfers(hub.database, clock)
        self.restart(hub.ages)
        self._ages = hub.ages

    def restart(self, ages=None) -> None:
        order = lambda _connection, row: {"id": row.public_id, "sources": []}  # noqa: E731
        self.leases = TransferLeases(self.database, self.clock, ages or self._ages, LEASE_SECONDS, order)

    def wants(self, name: str, server: str = "attic", **more) -> str:
        new = NewTransfer(sha(name), server, f"{name}.safetensors", "LORA", 1000, (Source("url", "a.example"),), {})
        public_id, existed = self.transfers.add(NewTransfer(**{**vars(new), "requester": ANN.key, **more}))
        assert not existed
        return public_id

    def take(self, *running: str, server: str = "attic"):
        self.leases.begin(TransferClaim(server, f"agent of {server}", 0.0, frozenset(running)), true())
        return self.leases.take(server, true())[0]

    def state(self, public_id: str) -> str:
        with self.database.read() as connection:
            return str(find_transfer(connection, public_id).state)


@pytest.fixture
def house(api, clock) -> House:
    def add(connection) -> None:
        for name in ("attic", "barn"):
            row = {
                "id": name,
                "alias": name,
                "created_at": clock(),
                "last_seen": clock(),
                "agent_id": f"agent of {name}",
            }
            connection.execute(servers.insert().values(**row))

    api.hub.database.write(add)
    return House(api.hub, clock)


def arrived(name: str) -> Arrival:
    return Arrival(f"Lora/{name}.safetensors", sha(name), 5 << 20, [Measured("a.example", 4 << 20, 2.0)])


def test_one_file_goes_to_one_server_once_at_a_time(house: House) -> None:
    first = house.wants("one")
    again = NewTransfer(sha("one"), "attic", "other.safetensors", "LORA", None, (), {})
    assert house.transfers.add(again) == (first, True)
    house.wants("one", "barn")
    order = house.take()
    assert order["id"] == first and house.take(first) is None
    assert house.leases.complete(first, order["lease"], arrived("one"), ATTIC)["state"] == "completed"
    assert house.transfers.add(again)[1] is False


def test_what_is_most_wanted_goes_first_and_nobody_is_given_too_many(house: House) -> None:
    ids = [house.wants(f"number {n}", priority=n % 3) for n in range(6)]
    taken = []
    while (order := house.take(*taken)) is not None:
        taken.append(order["id"])
    assert taken == [ids[2], ids[5], ids[1], ids[4]]


def test_only_the_lease_speaks(house: House) -> None:
    public_id = house.wants("one")
    order = house.take()
    said = Standing(10, 5.0, "fetching", using={"a.example": 10})
    assert house.leases.progress(public_id, order["lease"], said, ATTIC)["lease_seconds"] == LEASE_SECONDS
    with pytest.raises(ForbiddenError):
        house.leases.progress(public_id, order["lease"], said, BARN)
    for change in (house.transfers.pause, house.transfers.cancel):
        change(public_id, ANN)
        with pytest.raises(ConflictError) as refused:
            house.leases.progress(public_id, order["lease"], said, ATTIC)
        assert (refused.value.code, refused.value.details["state"]) == ("lease_lost", house.state(public_id))
    with pytest.raises(NotFoundError):
        house.leases.progress("no-such", order["lease"], said, ATTIC)


def test_a_report_that_comes_twice_counts_once(house: House) -> None:
    public_id = house.wants("one")
    order = house.take()
    wrong = Arrival("Lora/x", sha("another"), 10)
    with pytest.raises(ConflictError, match="not the one"):
        house.leases.complete(public_id, order["lease"], wrong, ATTIC)
    assert "repeated" not in house.leases.complete(public_id, order["lease"], arrived("one"), ATTIC)
    assert house.leases.complete(public_id, order["lease"], arrived("one"), ATTIC)["repeated"] is True
    with house.database.read() as connection:
        assert rates_to(connection, "attic") == {"a.example": 2 << 20}


def test_a_server_that_falls_silent_or_starts_anew_loses_its_lease_and_no_more(house: House) -> None:
    public_id = house.wants("one")
    first = house.take()
    second = house.take()  # it was restarted and runs nothing
    assert second["id"] == public_id and second["lease"] != first["lease"]
    house.clock.now += LEASE_SECONDS + 1
    house.restart()
    house.leases.expire()
    assert house.state(public_id) == "running"  # a hub that did not run heard nobody
    house.clock.now += LEASE_SECONDS + 1
    house.leases.expire()
    assert house.state(public_id) == "waiting"
    third = house.take()
    house.leases.let_go(third)
    assert house.state(public_id) == "waiting"


def test_a_failure_that_may_pass_rests_longer_each_time_and_then_fails(house: House) -> None:
    public_id = house.wants("one")
    rests, trouble = [], Trouble("source_failed", "it hung up", retry=True)
    while (order := house.take()) is not None:
        told = house.leases.fail(public_id, order["lease"], trouble, ATTIC)
        assert house.leases.fail(public_id, order["lease"], trouble, ATTIC) == {**told, "repeated": True}
        if told["state"] == "failed":
            break
        assert house.take() is None
        rests.append(house.leases.take("attic", true())[1])
        house.clock.now += rests[-1]
    assert rests == [5.0, 30.0, 120.0, 600.0] and house.state(public_id) == "failed"
    assert house.transfers.retry(public_id, ANN) == "waiting"
    order = house.take()
    stopping = Trouble("stopping", "the agent stops", retry=True)
    assert house.leases.fail(public_id, order["lease"], stopping, ATTIC)["state"] == "waiting"
    order = house.take()
    late = Trouble("rate_limited", "come later", retry=True, retry_after_seconds=77.0)
    house.leases.fail(public_id, order["lease"], late, ATTIC)
    assert house.leases.take("attic", true()) == (None, 77.0)
    house.clock.now += 77
    order = house.take()
    assert house.leases.fail(public_id, order["lease"], Trouble("disk_full", "full"), ATTIC)["state"] == "failed"


def test_who_asked_the_server_itself_and_admins_change_a_transfer(house: House) -> None:
    public_id = house.wants("one", state="asking")
    assert house.take() is None
    for change in (house.transfers.allow, house.transfers.pause, house.transfers.cancel):
        with pytest.raises(ForbiddenError):
            change(public_id, BEN)
    assert house.transfers.allow(public_id, BOSS) == "waiting"
    assert house.transfers.pause(public_id, ATTIC) == "paused" and house.take() is None
    assert house.transfers.resume(public_id, ANN) == "waiting"
    assert house.transfers.cancel(public_id, ANN) == "cancelled" == house.transfers.cancel(public_id, ANN)
    other = house.wants("one")
    with pytest.raises(ConflictError) as refused:
        house.transfers.retry(public_id, ANN)
    assert refused.value.details["id"] == other
    for change in (house.transfers.allow, house.transfers.retry):
        with pytest.raises(ConflictError):
            change(other, ANN)


def test_a_revoked_key_and_another_agent_are_given_nothing(house: House) -> None:
    house.wants("one")
    for allowed, agent, error in ((false(), "agent of attic", UnauthorizedError), (true(), "other", ConflictError)):
        with pytest.raises(error):
            house.leases.begin(TransferClaim("attic", agent, 0.0), allowed)
    with pytest.raises(UnauthorizedError):
        house.leases.take("attic", false())
    with pytest.raises(NotFoundError):
        house.leases.begin(TransferClaim("cellar", "x", 0.0), true())
    with house.database.read() as connection:
        assert connection.scalar(select(servers.c.id).where(servers.c.id == "cellar")) is None

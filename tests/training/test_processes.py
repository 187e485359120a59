"""The device of a process, on a machine with GPUs that are made up."""

import pytest
import torch

from aecbench.errors import UsageError
from aecbench.training.processes import processes


@pytest.fixture
def chosen(monkeypatch):
    """Make torch see GPUs, and return the devices that are chosen."""
    devices = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", devices.append)
    return devices


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_has_a_gpu_of_its_own(name, rank, chosen, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    with processes(name) as group:
        assert group.device == torch.device("cuda", rank)
    assert chosen == [group.device]


def test_a_gpu_that_is_named_is_taken(chosen):
    with processes("cuda:3") as group:
        assert group.device == torch.device("cuda:3")
    assert chosen == [group.device]


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"this torch sees no GPU; choose --device cpu or auto"), processes("cuda"):
        pass

"""What is particular to CUDA: precision and determinism, feeding rows, replaying launches.

Everything here takes its device-dependent part as an argument or does nothing on a CPU, so that it
can be tested without a GPU; tests marked `gpu` run the real thing.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
F = TypeVar("F")
Function = Callable[..., list[Tensor]]
Replay = tuple[Callable[[], object], list[Tensor]]


@contextmanager
def fixed_arithmetic(device: torch.device, precision: str = "float32") -> Iterator[None]:
    """Inside, products on a GPU are as precise as asked, and the same at every run.

    Whatever the caller has allowed elsewhere (TF32, cuDNN's benchmarks) is set aside and restored.

    Args:
        device: where is computed; a CPU needs nothing.
        precision: "tf32" allows TensorFloat-32 in float32 products; any other does not.
    """
    if device.type != "cuda":
        yield
        return
    products: Any = torch.backends.cuda.matmul
    # torch 2.9 renamed it, and objects to a mix of both names
    renamed = hasattr(products, "fp32_precision")
    name = "fp32_precision" if renamed else "allow_tf32"
    full, short = ("ieee", "tf32") if renamed else (False, True)
    before = getattr(products, name)
    setattr(products, name, short if precision == "tf32" else full)
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=precision == "tf32"
        ):
            yield
    finally:
        setattr(products, name, before)


def one_ahead(tasks: Iterable[T], fetch: Callable[[T], F]) -> Iterator[tuple[T, F]]:
    """Each task with what was fetched for it, the next one's fetching begun before.

    With a `Feed` whose copies run beside computing, a block's copy hides behind the one before.
    """
    waiting: list[tuple[T, F]] = []
    for task in tasks:
        waiting.append((task, fetch(task)))
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting


class Feed:
    """Rows of some tensors on the device that computes, wherever the tensors are.

    Tensors on the device are sliced. Those in the host's memory, where a GPU's does not suffice,
    are copied by pinned memory on a stream of their own.

    Args:
        parts: (rows, ...) each; one that occurs twice is copied once.
        device: where is computed.
    """

    def __init__(self, parts: tuple[Tensor, ...], device: torch.device) -> None:
        self.parts, self.device = parts, device
        apart = device.type == "cuda" and any(part.device != device for part in parts)
        self.stream = torch.cuda.Stream(device) if apart else None

    def fetch(self, span: slice) -> tuple[list[Tensor], Any]:
        """The rows of a span, perhaps not there yet, and the event of their arrival."""
        if self.stream is None:
            return [part[span] for part in self.parts], None
        with torch.cuda.stream(self.stream):
            moved: dict[int, Tensor] = {}
            for part in self.parts:
                if id(part) not in moved:
                    rows = part[span]
                    if rows.device != self.device:
                        rows = rows.contiguous().pin_memory().to(self.device, non_blocking=True)
                    moved[id(part)] = rows
            return [moved[id(part)] for part in self.parts], self.stream.record_event()

    def arrived(self, fetched: tuple[list[Tensor], Any]) -> list[Tensor]:
        """What `fetch` gave, safe to compute with on the current stream."""
        rows, event = fetched
        if event is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(event)
            for part in rows:
                part.record_stream(current)
        return rows


def fits(device: torch.device, numbers: int) -> bool:
    """Whether so many float32 leave a GPU at least half its free memory; a CPU has them already."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return 4 * numbers <= free // 2


def capture(function: Callable[[], list[Tensor]]) -> Replay:
    """Record a function's launches as a CUDA graph: what replays them, and where results appear."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):  # libraries allocate on their first calls, which no graph may hold
            function()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = function()
    return graph.replay, results


class Replayed:
    """Runs a function of tensors; from the second call with the same shapes on as one launch.

    Where the operations are small, launching them one by one takes longer than computing them. A
    function that cannot be captured, or whose replay does not give what it gives itself, is called
    as it is, then and ever after.

    Args:
        capture: as `capture`; another one in tests.
    """

    def __init__(self, capture: Callable[[Callable[[], list[Tensor]]], Replay] = capture) -> None:
        self.capture = capture
        self.known: dict[object, tuple[list[Tensor], Replay] | None] = {}

    def __call__(self, key: object, function: Function, inputs: list[Tensor]) -> list[Tensor]:
        """function(*inputs), by replay if that holds.

        Args:
            key: tells functions apart; shapes are told apart here.
            function: gives tensors that depend on the inputs' numbers alone.
            inputs: on the device.
        """
        key = (key, tuple((part.shape, part.dtype) for part in inputs))
        if key not in self.known:
            results = function(*inputs)
            self.known[key] = self._captured(function, inputs, results)
            return results
        found = self.known[key]
        if found is None:
            return function(*inputs)
        held, (replay, results) = found
        for own, part in zip(held, inputs, strict=True):
            own.copy_(part)
        replay()
        return [result.clone() for result in results]

    def _captured(
        self, function: Function, inputs: list[Tensor], expected: list[Tensor]
    ) -> tuple[list[Tensor], Replay] | None:
        held = [part.clone() for part in inputs]
        try:
            replay, results = self.capture(lambda: function(*held))
            replay()
        except RuntimeError:
            return None
        same = all(
            torch.allclose(one, other, rtol=1e-6, atol=1e-7, equal_nan=True)
            for one, other in zip(results, expected, strict=True)
        )
        return (held, (replay, results)) if same else None

"""Memory that a model's devices have left, memory that a batch took, and recognition of errors for lack of memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

#: Share of the free memory of GPUs that image prefixes may take while they wait for further questions: one part in so many.
#: A prefix of a 7B model takes 35 MB (Qwen2, bfloat16) to 320 MB (LLaVA-1.5). Several answerers may share one model.
KEPT_PART = 16

#: The same on other devices, in bytes.
KEPT_BYTES = 2**30

#: Parts of the messages of errors that are plain RuntimeErrors: main memory, Apple's GPU, and cuBLAS.
_REFUSALS = ("DefaultCPUAllocator", "not enough memory", "MPS backend out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def kept_bytes(model: nn.Module) -> int:
    """Return how many bytes of image prefixes to keep for later questions."""
    return free_bytes(model) // KEPT_PART if _gpus(model) else KEPT_BYTES


def free_bytes(model: nn.Module) -> int:
    """Return the bytes that new tensors can take on the devices of a loaded model.

    Layers are spread evenly over several GPUs, so the fullest of them decides for all. Without a GPU it is half of the
    machine's available memory: what exceeds it is not refused, but ends this process or another one.
    """
    gpus = _gpus(model)
    return len(gpus) * min(map(_free_on, gpus)) if gpus else _available() // 2


def start_measuring(model: nn.Module) -> int:
    """Forget earlier peaks and return the bytes that tensors take on the GPUs of a model now; 0 without a GPU."""
    gpus = _gpus(model)
    for gpu in gpus:
        torch.cuda.reset_peak_memory_stats(gpu)
    return sum(torch.cuda.memory_allocated(gpu) for gpu in gpus)


def peak_bytes(model: nn.Module) -> int:
    """Return the most bytes that tensors took since `start_measuring`; 0 without a GPU."""
    return sum(torch.cuda.max_memory_allocated(gpu) for gpu in _gpus(model))


def is_out_of_memory(problem: Exception) -> bool:
    """Return whether an error says that a device, or the machine, has no memory left."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(refusal in str(problem) for refusal in _REFUSALS)


def _gpus(model: nn.Module) -> set[torch.device]:
    return {weight.device for weight in model.parameters() if weight.device.type == "cuda"}


def _free_on(gpu: torch.device) -> int:
    """Bytes that the driver has left, and those that torch has reserved but does not use."""
    free: int = torch.cuda.mem_get_info(gpu)[0]
    return free + torch.cuda.memory_reserved(gpu) - torch.cuda.memory_allocated(gpu)


def _available() -> int:
    """Bytes of main memory that processes can still get: on Linux as the kernel says, elsewhere half of the machine's."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2

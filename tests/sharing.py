"""How is every kernel made to take all the threads it may?"""

from taylornb import crew, kernels, launch


def share_everything(monkeypatch):
    """Also those that would be done before a thread has come; functions are fused after this."""
    monkeypatch.setattr(kernels, "SHARED", 1.0)
    monkeypatch.setattr(crew, "PARALLEL", 1.0)
    launch._call.cache_clear()

"""What outlives the page: datasets, settings, runs, and the processes that compute them."""

from dvgs_core.store.datasets import Dataset
from dvgs_core.store.runs import MapJob, Run
from dvgs_core.store.studies import Study
from dvgs_core.store.workers import Worker
from dvgs_core.store.workspace import Workspace

__all__ = ["Dataset", "MapJob", "Run", "Study", "Worker", "Workspace"]

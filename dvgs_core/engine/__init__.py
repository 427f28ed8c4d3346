"""Computing outside the app: what a job does, who does it, who watches.

Importing this package imports neither torch nor umap; only the worker processes do.
"""

from dvgs_core.engine.supervisor import Supervisor

__all__ = ["Supervisor"]

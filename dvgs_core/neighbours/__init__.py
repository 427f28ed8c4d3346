"""Exact nearest neighbours, duplicates, and the two layouts of the map.

One neighbour graph serves the map, the search for duplicates and the suggestions. Importing this
package imports neither torch nor scikit-learn nor umap: they are loaded when they are used.
"""

from dvgs_core.neighbours.close import close_pairs
from dvgs_core.neighbours.duplicates import duplicate_groups, near_duplicates
from dvgs_core.neighbours.exact import Neighbours, nearest_among, nearest_neighbours
from dvgs_core.neighbours.layout import layout_key, pca_layout, umap_layout

__all__ = [
    "Neighbours",
    "close_pairs",
    "duplicate_groups",
    "layout_key",
    "near_duplicates",
    "nearest_among",
    "nearest_neighbours",
    "pca_layout",
    "umap_layout",
]

"""The paper's numbers, as (mean, standard deviation), to stand beside ours."""

METHODS = ("dvgs", "tmc-shapley", "dvrl", "loo", "random")
LABELS = {
    "dvgs": "DVGS",
    "tmc-shapley": "TMC-Shapley",
    "dvrl": "DVRL",
    "loo": "LOO",
    "random": "random",
}

#: What runs take that nobody will make in passing.
COSTLY = {
    "tmc-shapley": (
        "every permutation trains a network for each row until it is cut off, and there are 200 "
        "permutations at least, for which the paper took 6.7 to 12.9 hours of a GPU. "
        "`--permutations N` makes do with fewer, and a run that is killed goes on"
    ),
}

#: AUROC of finding corrupted labels, by experiment and method.
TABLE_1 = {
    1: {
        "dvgs": (0.896, 0.030),
        "tmc-shapley": (0.731, 0.049),
        "dvrl": (0.887, 0.042),
        "loo": (0.542, 0.056),
        "random": (0.503, 0.050),
    },
    2: {
        "dvgs": (0.750, 0.028),
        "tmc-shapley": (0.671, 0.021),
        "dvrl": (0.697, 0.033),
        "loo": (0.558, 0.063),
        "random": (0.509, 0.028),
    },
    3: {"dvgs": (0.954, 0.009), "dvrl": (0.835, 0.110), "random": (0.499, 0.019)},
}

#: Spearman correlation of minus the value with the rate of feature noise.
TABLE_2 = {
    4: {
        "dvgs": (0.225, 0.061),
        "tmc-shapley": (0.130, 0.091),
        "dvrl": (0.159, 0.074),
        "loo": (0.022, 0.076),
        "random": (-0.007, 0.026),
    },
    5: {
        "dvgs": (0.106, 0.077),
        "tmc-shapley": (0.086, 0.074),
        "dvrl": (0.100, 0.344),
        "loo": (0.045, 0.078),
        "random": (0.011, 0.054),
    },
    6: {"dvgs": (0.402, 0.081), "dvrl": (0.358, 0.103), "random": (0.000, 0.018)},
    7: {"dvgs": (0.757, 0.131), "random": (0.003, 0.014)},
    8: {"dvgs": (0.505, 0.018)},
}

#: Minutes of one valuation, on the authors' GPU.
TABLE_3 = {
    "tmc-shapley": {1: 515.2, 2: 774.9, 4: 404.5, 5: 631.0},
    "dvgs": {1: 1.3, 2: 1.2, 3: 5.3, 4: 1.4, 5: 1.3, 6: 5.1, 7: 154.0, 8: 41.7},
    "dvrl": {1: 9.9, 2: 9.5, 3: 13.2, 4: 9.8, 5: 9.8, 6: 11.7},
    "loo": {1: 33.0, 2: 34.0, 4: 35.1, 5: 34.7},
}

#: Shares of the grid's settings within so much of the best AUROC.
TABLE_4_WITHIN = {0.25: 0.85, 0.10: 0.50}
#: The best setting of the grid.
TABLE_4_BEST = {
    "balanced": False,
    "dropout": 0.25,
    "target_batch": 200,
    "similarity": "euclidean",
    "learning_rate": 1e-3,
    "normalise": True,
    "layers": 1,
    "activation": "mish",
}

#: Correlation of values with APC, by where the target is drawn from.
APC_CORRELATION = {"high APC": 0.84, "all rows": -0.05}

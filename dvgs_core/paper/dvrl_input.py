"""What DVRL's input has by itself, beside what DVRL makes of it: for tables 1 and 2."""

from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import groups, listed_seeds, mean_and_spread, plus_minus
from dvgs_core.paper.valuations import KIND as VALUATIONS

#: Kind of the records that experiments/dvrl_input.py makes.
KIND = "dvrl-input"
#: Kind of those about the estimator's body.
BODIES = "dvrl-bodies"


def told(records: Records, measure: str) -> dict[tuple[int, str], str]:
    """A sentence by experiment and method, for experiments that the input was looked at in.

    Args:
        records: of valuations and of inputs.
        measure: which number of an outcome.
    """
    valued, found = groups(records.of(VALUATIONS)), {}
    for (number, method), some in groups(records.of(KIND)).items():
        alone = {r.what["seed"]: r.outcome[measure] for r in some if measure in r.outcome}
        pairs = [
            (record.outcome[measure], alone[record.what["seed"]])
            for record in valued.get((number, method), [])
            if record.what["seed"] in alone
        ]
        if not pairs:
            continue
        ours, inputs = (
            ", ".join(plus_minus(value, None) for value in values)
            for values in zip(*pairs, strict=True)
        )
        found[number, method] = (
            "What the estimator is shown of the labels, |y − prediction| of a network trained on "
            f"the target, has by itself {plus_minus(*mean_and_spread([*alone.values()]))} over "
            f"draws {listed_seeds(alone)} (`{some[-1].command}`, {some[-1].date[:10]}); "
            f"in the draws of the table it has {inputs}, and DVRL ends at {ours}"
            + _bodies(records, number)
        )
    return found


def _bodies(records: Records, number: int) -> str:
    """Whether the estimator's body still told rows apart after its first steps."""
    some = [r for r in records.of(BODIES) if r.what["experiment"] == number]
    if not some:
        return ""
    looks = {r.what["seed"]: r.outcome["varying"] for r in some}
    steps = ", ".join(str(step) for step, _ in some[0].outcome["varying"])
    counts = "; ".join(
        f"{', '.join(str(count) for _, count in course)} in draw {seed}"
        for seed, course in looks.items()
    )
    return (
        ". Of the 10 outputs of the estimator's body, which sees features and label, so many "
        f"differ between rows after {steps} steps: {counts}; where none does any more, nothing but "
        "that distance orders the rows"
    )

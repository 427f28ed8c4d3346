"""What DVRL's input has by itself, beside what DVRL makes of it: for tables 1 and 2."""

from dvgs_core.paper.records import Records
from dvgs_core.paper.summary import groups, listed_seeds, mean_and_spread, plus_minus
from dvgs_core.paper.valuations import KIND as VALUATIONS

#: Kind of the records that experiments/dvrl_input.py makes.
KIND = "dvrl-input"


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
        )
    return found

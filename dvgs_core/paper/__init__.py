"""The paper's tables and figures, each made again by one command: `dvgs reproduce NAME`.

    published     the paper's numbers
    data          the data sets, from a folder or from OpenML
    profiles      gene-expression profiles with replicates, doses and known noise, generated
    experiments   the paper's ten experiments: what is drawn and how it is damaged
    settings      every method with the paper's settings
    records       what was computed, a JSON line each; a killed run goes on
    work          one unit of computing and how it is done once
    table_1 ...   what each table and figure needs, and how it is shown
    svg           line charts and scatters
    document      docs/results.md, written from the records

Source: Evans et al. 2024 (arXiv 2405.08217).
"""

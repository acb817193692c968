"""The table of ./run, from the lines that the programs printed.

Usage: table.py LINES RESULTS.json LOAD      (LOAD: the machine's load before the measuring)
Of the rounds it takes the median of each number; memory's is the greatest.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import statistics
import sys

PROGRAM_MIB = 4  # what ocelli's program takes besides the plan and the scratch


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        return "unknown"


def grouped(lines):
    """{(kind, batch): {program: numbers}}"""
    found = {}
    for line in lines:
        kind = "training step" if "steps" in line else "forward"
        found.setdefault((kind, line["batch"]), {}).setdefault(line["program"], []).append(line)
    table = {}
    for key, programs in found.items():
        table[key] = {}
        for program, rounds in programs.items():
            def middle(name):
                return round(statistics.median(r[name] for r in rounds), 2)

            row = {"rounds": len(rounds)}
            if key[0] == "forward":
                row["ms"], row["images_per_second"] = middle("ms"), round(1000 / middle("ms"), 2)
            else:
                row["images_per_second"] = middle("images_per_second")
            row["lowest"], row["highest"] = (
                f(1000 / r["ms"] if "ms" in r else r["images_per_second"] for r in rounds)
                for f in (min, max))
            row["peak_rss_mib"] = max(r["peak_rss_mib"] for r in rounds)
            row["rss_before_mib"] = max(r.get("rss_before_mib", 0) for r in rounds)
            for name in ("plan_mib", "scratch_mib", "parameters"):
                if name in rounds[0]:
                    row[name] = rounds[0][name]
            table[key][program] = row
    return table


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        lines = [json.loads(line) for line in file]
    table, load = grouped(lines), float(sys.argv[3])
    print(f"{processor()}, {lines[0]['threads']} threads, load {load} before")
    print(f"{'':14} {'batch':>5}  {'':16} {'images/s':>9} {'(rounds)':>14} {'peak MiB':>9} "
          f"{'of it before':>12}  ocelli's speed, memory")
    for (kind, batch), programs in table.items():
        ours = programs["ocelli"]
        for program, row in programs.items():
            against = ""
            if program != "ocelli":
                speed = ours["images_per_second"] / row["images_per_second"]
                memory = ours["peak_rss_mib"] / row["peak_rss_mib"]
                against = f"{speed:.2f} x, {memory:.2f} x"
            before = f"{row['rss_before_mib']:.0f}" if row["rss_before_mib"] else ""
            spread = f"{row['lowest']:.2f}-{row['highest']:.2f}"
            print(f"{kind:14} {batch:5}  {program:16} {row['images_per_second']:9.2f} "
                  f"{spread:>14} {row['peak_rss_mib']:9.0f} {before:>12}  {against}")
            if "plan_mib" in row:
                known = row["plan_mib"] + row["scratch_mib"] + PROGRAM_MIB
                share = row["peak_rss_mib"] / known - 1
                print(f"{'':21} plan {row['plan_mib']:.1f} + scratch {row['scratch_mib']:.1f} + "
                      f"{PROGRAM_MIB} MiB = {known:.1f}; the peak is {share:+.1%} of it away")
                if abs(share) > 0.05:
                    sys.exit("the memory of the step is not what the plan says")
            if row.get("parameters", 0) != ours.get("parameters", 0):
                sys.exit(f"the nets differ: {ours['parameters']} and {row['parameters']} parameters")
    if load > 0.5:
        print("Something else ran before, and may have run meanwhile: the numbers are not to be used.")
    result = {
        "processor": processor(), "cores": os.cpu_count(), "load_before": load,
        "results": [{"kind": kind, "batch": batch, "program": program, **row}
                    for (kind, batch), programs in table.items()
                    for program, row in programs.items()],
        "lines": lines,
    }
    with open(sys.argv[2], "w") as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()

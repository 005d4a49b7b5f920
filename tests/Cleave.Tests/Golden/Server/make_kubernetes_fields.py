"""The fields of the Kubernetes objects in deploy/kubernetes and of what those are made of: definition, field, type, whether it is required.

The input is the folder of models in the official client for JavaScript (npm @kubernetes/client-node, dist/gen/models), which is generated from
the API's published OpenAPI document; of release 1.36 here:
python3 make_kubernetes_fields.py dist/gen/models > kubernetes-fields.tsv
"""
import re
import sys
from pathlib import Path

ROOTS = ["V1Deployment", "V1Service", "V1PodDisruptionBudget", "V2HorizontalPodAutoscaler"]
FIELD = re.compile(r"^    '([^']+)'(\??): ([^;{]+|\{\s*\[key: string\]: [^;]+;\s*\});", re.M)


def type_of(text):
    text = text.strip()
    if text.startswith("Array<"):
        return f"[{type_of(text[6:-1])}]"
    if text.startswith("{"):
        return "{" + type_of(re.search(r"\[key: string\]: ([^;]+);", text).group(1)) + "}"
    return text


left, seen = list(ROOTS), set()
while left:
    name = left.pop(0)
    if name in seen or not re.match(r"V\d", name):
        continue
    seen.add(name)
    for field, optional, kind in FIELD.findall((Path(sys.argv[1]) / f"{name}.d.ts").read_text().split("static readonly")[0]):
        kind = type_of(kind)
        print(name, field, kind, "optional" if optional else "required", sep="\t")
        left.append(kind.strip("[]{}"))

"""The fields of a Kubernetes Job and of what it is made of, as a table: definition, field, type, whether it is required.

The input is the API's published OpenAPI document (api/openapi-spec/swagger.json of kubernetes/kubernetes):
python3 make_kubernetes_job_fields.py swagger.json > kubernetes-job-fields.tsv
"""
import json
import sys

document = json.load(open(sys.argv[1]))
definitions = document["definitions"]
PARTS = ["batch.v1.Job", "batch.v1.JobSpec", "core.v1.PodTemplateSpec", "core.v1.PodSpec", "core.v1.Container", "core.v1.EnvVar", "core.v1.EnvVarSource",
         "core.v1.SecretKeySelector"]


def type_of(schema):
    if "$ref" in schema:
        return schema["$ref"].removeprefix("#/definitions/")
    if schema.get("type") == "array":
        return f"[{type_of(schema['items'])}]"
    if schema.get("type") == "object" and "additionalProperties" in schema:
        return f"{{{type_of(schema['additionalProperties'])}}}"
    return schema.get("type", "any")


for name in ["io.k8s.api." + p for p in PARTS] + ["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]:
    definition = definitions[name]
    required = set(definition.get("required", []))
    for field, schema in sorted(definition["properties"].items()):
        print(name, field, type_of(schema), "required" if field in required else "optional", sep="\t")

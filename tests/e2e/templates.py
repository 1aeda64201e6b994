"""What `make package` made, as the emulator's CloudFormation can take it: the one place where the two differ."""

import json

from tests.e2e.gateway import buffered

# Kinds that it has not, and that a request does without.
UNKNOWN = ("AWS::ApiGatewayV2::Deployment",)


def takeable(template, bucket, key):
    """A template whose package is in `bucket`, without what the emulator has not."""
    dropped = {name for name, each in template["Resources"].items() if each["Type"] in UNKNOWN}
    kept = {name: each for name, each in template["Resources"].items() if name not in dropped}
    for each in kept.values():
        properties = each.get("Properties", {})
        if each["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = {"Bucket": bucket, "Key": key}
        if each["Type"] == "AWS::ApiGatewayV2::Stage":  # it deploys by itself what no deployment names
            properties.pop("DeploymentId", None)
            properties["AutoDeploy"] = True
        if "DependsOn" in each:
            each["DependsOn"] = [name for name in _listed(each["DependsOn"]) if name not in dropped]
    return json.loads(buffered(json.dumps(template | {"Resources": kept})))


def _listed(value):
    return [value] if isinstance(value, str) else value

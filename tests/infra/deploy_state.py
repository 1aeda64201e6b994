"""All that there is of a deployment, with the names that AWS gives by chance taken out: equal for equal stages."""

import json
import re

MARK = re.compile(r"\b[0-9a-f]{32}\b")


def state_of(world):
    """What an account has, as text that can be compared."""
    found = {
        "stacks": stacks(world),
        "functions": functions(world),
        "sources": sources(world),
        "roles": roles(world),
        "rules": rules(world),
        "rest": rest_apis(world),
        "sockets": sockets(world),
        "tables": sorted(world.client("dynamodb").list_tables()["TableNames"]),
        "queues": len(world.client("sqs").list_queues().get("QueueUrls", [])),
        "logs": sorted(each["logGroupName"] for each in world.client("logs").describe_log_groups()["logGroups"]),
        "secrets": [each["Name"] for each in world.client("secretsmanager").list_secrets()["SecretList"]],
        "written": written(world),
    }
    return plain(json.dumps(found, indent=1, default=str, sort_keys=True), world)


def plain(text, world):
    """Without what differs between two accounts."""
    for each in chance(world):
        text = text.replace(each, "ID")
    return MARK.sub("MARK", text.replace(world.number, "ACCOUNT"))


def chance(world):
    """The ids that AWS made up, as the account has them: Chalice's own file may be gone."""
    yield from (each["id"] for each in world.client("apigateway").get_rest_apis()["items"])
    yield from (each["ApiId"] for each in world.client("apigatewayv2").get_apis()["Items"])
    yield from (each["UUID"] for each in world.client("lambda").list_event_source_mappings()["EventSourceMappings"])


def stacks(world):
    found = world.client("cloudformation").describe_stacks()["Stacks"]
    return {each["StackName"]: [each["StackStatus"], each["Parameters"]] for each in found}


def functions(world):
    client, found = world.client("lambda"), {}
    for each in client.list_functions()["Functions"]:
        name = each["FunctionName"]
        kept = {key: each.get(key) for key in ("Role", "Handler", "MemorySize", "Timeout", "Environment")}
        tags = client.list_tags(Resource=each["FunctionArn"])["Tags"]
        found[name] = kept | {"tags": tags, "policy": statements(client, name), "aliases": aliases(client, name)}
    return found


def aliases(client, name):
    return [each["Name"] for each in client.list_aliases(FunctionName=name)["Aliases"]]


def statements(client, name):
    try:
        policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return []
    kept = [{key: each.get(key) for key in ("Action", "Principal", "Condition")} for each in policy["Statement"]]
    return sorted(json.dumps(each, sort_keys=True) for each in kept)


def sources(world):
    found = world.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    kept = ("EventSourceArn", "FunctionArn", "BatchSize", "FunctionResponseTypes", "ScalingConfig")
    return [{key: each.get(key) for key in kept} for each in found]


def roles(world):
    client = world.client("iam")
    names = [each["RoleName"] for each in client.list_roles()["Roles"] if "GatewayLogs" not in each["RoleName"]]
    return {name: client.list_role_policies(RoleName=name)["PolicyNames"] for name in sorted(names)}


def rules(world):
    client = world.client("events")
    found = client.list_rules()["Rules"]
    return {
        each["Name"]: [each["ScheduleExpression"], len(client.list_targets_by_rule(Rule=each["Name"])["Targets"])]
        for each in found
    }


def rest_apis(world):
    client, found = world.client("apigateway"), []
    for api in client.get_rest_apis()["items"]:
        resources = client.get_resources(restApiId=api["id"], embed=["methods"], limit=500)["items"]
        calls = {
            f"{method} {each['path']}": [spec["methodIntegration"].get(key) for key in ("uri", "responseTransferMode")]
            for each in resources
            for method, spec in each.get("resourceMethods", {}).items()
        }
        stage = client.get_stage(restApiId=api["id"], stageName="api")
        served = client.get_deployment(restApiId=api["id"], deploymentId=stage["deploymentId"])["description"]
        answers = client.get_gateway_responses(restApiId=api["id"], limit=500)["items"]
        kept = [stage.get(key) for key in ("accessLogSettings", "methodSettings", "tracingEnabled")]
        found.append([calls, kept, served, sorted(answers, key=lambda each: each["responseType"])])
    return found


def sockets(world):
    client, found = world.client("apigatewayv2"), []
    for api in client.get_apis()["Items"]:
        at = {"ApiId": api["ApiId"]}
        stage = client.get_stage(**at, StageName="api")
        routes = sorted(each["RouteKey"] for each in client.get_routes(**at)["Items"])
        uris = sorted(each["IntegrationUri"] for each in client.get_integrations(**at)["Items"])
        kept = [stage.get(key) for key in ("AccessLogSettings", "DefaultRouteSettings")]
        found.append([routes, uris, kept, bool(stage.get("DeploymentId"))])
    return found


def written(world):
    """What Chalice will read the next time."""
    file = world.folder / f".chalice/deployed/{world.stage}.json"
    found = json.loads(file.read_text())["resources"] if file.exists() else []
    return sorted(found, key=lambda each: each["name"])

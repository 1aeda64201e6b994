"""What keeps others out and the bill in bounds: the firewall, who may search, the budget, and whom alarms reach."""

import json
from collections.abc import Sequence
from typing import Any, Final

from infra.extras import GATEWAY_STAGE
from infra.stages import APP, Stage

PER_ADDRESS: Final = 6_000  # requests in five minutes from one address: a company may stand behind it
_ALL_RIGHTS: Final = ("CreateIndex", "DescribeIndex", "ReadDocument", "UpdateIndex", "WriteDocument")
_SWEEP_RIGHTS: Final = ("DescribeIndex", "ReadDocument", "WriteDocument")
_COLLECTION_RIGHTS: Final = ("CreateCollectionItems", "DescribeCollectionItems", "UpdateCollectionItems")


def resources(stage: Stage) -> dict[str, Any]:
    return {
        **_calls(),
        "Budget": _budget(stage),
        **(_firewall(stage) if stage.firewall else {}),
        **(_searchers(stage) if stage.search.kind == "serverless" else {}),
    }


def _calls() -> dict[str, Any]:
    """One topic that alarms and the budget write to, and a mail address where one is given."""
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    says = {
        "Sid": "AlarmsAndTheBudget",
        "Effect": "Allow",
        "Principal": {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Calls"},
        "Condition": own,
    }
    return {
        "Calls": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "CallsPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "Calls"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [says]},
            },
        },
        "CallsMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "Mailed",
            "Properties": {"TopicArn": {"Ref": "Calls"}, "Protocol": "email", "Endpoint": {"Ref": "Mail"}},
        },
    }


def _budget(stage: Stage) -> dict[str, Any]:
    """Of the whole account, until its cost allocation tags are on: a budget of a tag that is off never calls."""
    tag = {"Fn::If": ["Tagged", {"TagKeyValue": [f"user:{APP}:stage${stage.name}"]}, {"Ref": "AWS::NoValue"}]}
    subscribers = [{"SubscriptionType": "SNS", "Address": {"Ref": "Calls"}}]
    return {
        "Type": "AWS::Budgets::Budget",
        "Condition": "Budgeted",
        "DependsOn": ["CallsPolicy"],
        "Properties": {
            "Budget": {
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": {"Ref": "BudgetUsd"}, "Unit": "USD"},
                "CostFilters": tag,
            },
            "NotificationsWithSubscribers": [
                _notice("ACTUAL", 80, subscribers),
                _notice("FORECASTED", 100, subscribers),
            ],
        },
    }


def _notice(kind: str, percent: int, subscribers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Notification": {
            "NotificationType": kind,
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": percent,
            "ThresholdType": "PERCENTAGE",
        },
        "Subscribers": list(subscribers),
    }


def _firewall(stage: Stage) -> dict[str, Any]:
    """AWS's common rules are left out: they take long prompts, and prompts about code, for attacks."""
    place = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestApiId}/stages/" + GATEWAY_STAGE
    return {
        "Firewall": {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": {
                "Name": f"{APP}-{stage.name}",
                "Scope": "REGIONAL",
                "DefaultAction": {"Allow": {}},
                "VisibilityConfig": _seen("Firewall"),
                "Rules": [
                    _managed("AWSManagedRulesAmazonIpReputationList", 0),
                    _managed("AWSManagedRulesKnownBadInputsRuleSet", 1),
                    _too_many(2),
                ],
            },
        },
        "FirewallBefore": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Properties": {"ResourceArn": {"Fn::Sub": place}, "WebACLArn": {"Fn::GetAtt": ["Firewall", "Arn"]}},
        },
    }


def _managed(name: str, priority: int) -> dict[str, Any]:
    return {
        "Name": name,
        "Priority": priority,
        "OverrideAction": {"None": {}},
        "Statement": {"ManagedRuleGroupStatement": {"VendorName": "AWS", "Name": name}},
        "VisibilityConfig": _seen(name),
    }


def _too_many(priority: int) -> dict[str, Any]:
    return {
        "Name": "PerAddress",
        "Priority": priority,
        "Action": {"Block": {}},
        "Statement": {"RateBasedStatement": {"AggregateKeyType": "IP", "Limit": PER_ADDRESS}},
        "VisibilityConfig": _seen("PerAddress"),
    }


def _seen(name: str) -> dict[str, Any]:
    """Sampled requests would show keys to whoever may look at the firewall."""
    return {"CloudWatchMetricsEnabled": True, "MetricName": name, "SampledRequestsEnabled": False}


def _searchers(stage: Stage) -> dict[str, Any]:
    """Turns read and write; the refit gets rid of what expired. None may delete an index."""
    name = f"{APP}-{stage.name}"
    rules = [
        _rule("Turning", name, _ALL_RIGHTS),
        _rule("Refitting", name, _SWEEP_RIGHTS),
    ]
    text = json.dumps(rules, separators=(",", ":")).replace('["Turning"]', '["${Turning}"]')
    text = text.replace('["Refitting"]', '["${RefitRole}"]')
    turning = {"Turning": {"Fn::Join": ['","', {"Ref": "TurningRoles"}]}}
    return {
        "Searchers": {
            "Type": "AWS::OpenSearchServerless::AccessPolicy",
            "Properties": {"Name": name, "Type": "data", "Policy": {"Fn::Sub": [text, turning]}},
        }
    }


def _rule(who: str, name: str, rights: Sequence[str]) -> dict[str, Any]:
    index = {"ResourceType": "index", "Resource": [f"index/{name}/*"], "Permission": _rights(rights)}
    whole = {
        "ResourceType": "collection",
        "Resource": [f"collection/{name}"],
        "Permission": _rights(_COLLECTION_RIGHTS),
    }
    return {"Principal": [who], "Rules": [index, whole] if rights is _ALL_RIGHTS else [index]}


def _rights(names: Sequence[str]) -> list[str]:
    return [f"aoss:{name}" for name in names]

"""Versions, which never change, and aliases, which lead to them and split invocations."""

import collections
import concurrent.futures

import pytest
from api_test import error_of
from functions import python_zip
from host import ACCOUNT, REGION

SOURCE = "import os\nhandler = lambda event, context: [os.environ['AWS_LAMBDA_FUNCTION_VERSION'], context.function_version, context.invoked_function_arn.split(':', 7)[7:], {!r}]"


@pytest.fixture
def versioned(client, deploy):
    """A function with two versions that answer 'first' and 'second', and newer code."""
    function = deploy(SOURCE.format("first"), Publish=True)
    for text in ("second", "newest"):
        client.update_function_code(FunctionName=function.name, ZipFile=python_zip(SOURCE.format(text)), Publish=text == "second")
    return function


def invoke(client, function, **arguments):
    import json
    answer = client.invoke(FunctionName=function.name, **arguments)
    return answer["ExecutedVersion"], json.loads(answer["Payload"].read())


def arn(function, qualifier):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}:{qualifier}"


def test_each_version_runs_its_own_code(client, versioned):
    assert invoke(client, versioned) == ("$LATEST", ["$LATEST", "$LATEST", [], "newest"])
    assert invoke(client, versioned, Qualifier="1") == ("1", ["1", "1", ["1"], "first"])
    assert invoke(client, versioned, Qualifier="2") == ("2", ["2", "2", ["2"], "second"])
    # An update of $LATEST is none of theirs.
    client.update_function_configuration(FunctionName=versioned.name, Environment={"Variables": {"NEW": "1"}})
    assert invoke(client, versioned, Qualifier="1")[1][3] == "first"
    assert error_of(client.invoke, FunctionName=versioned.name, Qualifier="3") == ("ResourceNotFoundException", 404, f"Function not found: {arn(versioned, 3)}")


def test_publishing_shows_the_version_and_unchanged_is_not_published_again(client, deploy):
    function = deploy("handler = 1", Timeout=3)
    digest = client.get_function_configuration(FunctionName=function.name)["CodeSha256"]
    one = client.publish_version(FunctionName=function.name, Description="the first", CodeSha256=digest)
    assert (one["Version"], one["FunctionArn"], one["Description"], one["State"]) == ("1", arn(function, 1), "the first", "Active")
    again = client.publish_version(FunctionName=function.name)
    assert again["Version"] == "1" and again["RevisionId"] == one["RevisionId"]
    client.update_function_configuration(FunctionName=function.name, Timeout=9)
    assert client.publish_version(FunctionName=function.name)["Version"] == "2"
    shown = client.get_function(FunctionName=function.name, Qualifier="1")["Configuration"]
    assert (shown["Timeout"], shown["Version"], shown["FunctionArn"]) == (3, "1", arn(function, 1))
    code, status, message = error_of(client.publish_version, FunctionName=function.name, CodeSha256="other")
    assert (code, status) == ("InvalidParameterValueException", 400) and "is different from current CodeSHA256" in message
    assert error_of(client.publish_version, FunctionName=function.name, RevisionId="other")[:2] == ("PreconditionFailedException", 412)
    assert error_of(client.publish_version, FunctionName="nobody")[:2] == ("ResourceNotFoundException", 404)


def test_a_function_may_be_created_as_its_first_version(client, deploy):
    function = deploy("handler = 1", Publish=True)
    versions = client.list_versions_by_function(FunctionName=function.name)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1"]
    assert [version["FunctionArn"] for version in versions] == [arn(function, "$LATEST"), arn(function, 1)]
    assert all("State" not in version for version in versions)


def test_versions_are_listed_in_pages_and_with_all_functions(client, versioned):
    pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=versioned.name, PaginationConfig={"PageSize": 1})
    assert [version["Version"] for page in pages for version in page["Versions"]] == ["$LATEST", "1", "2"]
    pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
    listed = [function["FunctionArn"] for page in pages for function in page["Functions"] if function["FunctionName"] == versioned.name]
    assert listed == [arn(versioned, qualifier) for qualifier in ("$LATEST", 1, 2)]
    client.list_versions_by_function(FunctionName=versioned.name, MaxItems=10_000)


def test_a_version_is_deleted_alone_and_its_number_stays_taken(client, versioned):
    client.create_alias(FunctionName=versioned.name, Name="live", FunctionVersion="2")
    assert error_of(client.delete_function, FunctionName=versioned.name, Qualifier="2")[:2] == ("ResourceConflictException", 409)
    client.delete_alias(FunctionName=versioned.name, Name="live")
    for _ in range(2):
        client.delete_function(FunctionName=versioned.name, Qualifier="2")
    assert error_of(client.get_function, FunctionName=versioned.name, Qualifier="2")[0] == "ResourceNotFoundException"
    assert client.publish_version(FunctionName=versioned.name)["Version"] == "3"
    assert invoke(client, versioned, Qualifier="1")[1][3] == "first"


def test_an_alias_has_awss_shape_and_leads_to_its_version(client, versioned):
    alias = client.create_alias(FunctionName=versioned.name, Name="live", FunctionVersion="1", Description="d", RoutingConfig={})
    del alias["ResponseMetadata"]
    assert alias == {"AliasArn": arn(versioned, "live"), "Name": "live", "FunctionVersion": "1", "Description": "d", "RevisionId": alias["RevisionId"]}
    assert invoke(client, versioned, Qualifier="live") == ("1", ["1", "1", ["live"], "first"])
    shown = client.get_function_configuration(FunctionName=arn(versioned, "live"))
    assert (shown["FunctionArn"], shown["Version"]) == (arn(versioned, "live"), "1")
    changed = client.update_alias(FunctionName=versioned.name, Name="live", FunctionVersion="2", RevisionId=alias["RevisionId"])
    assert changed["Description"] == "d" and changed["RevisionId"] != alias["RevisionId"]
    assert invoke(client, versioned, Qualifier="live")[0] == "2"
    assert error_of(client.update_alias, FunctionName=versioned.name, Name="live", RevisionId=alias["RevisionId"])[:2] == ("PreconditionFailedException", 412)
    assert error_of(client.create_alias, FunctionName=versioned.name, Name="live", FunctionVersion="1") == (
        "ResourceConflictException", 409, f"Alias already exists: {arn(versioned, 'live')}")
    for _ in range(2):
        client.delete_alias(FunctionName=versioned.name, Name="live")
    assert error_of(client.get_alias, FunctionName=versioned.name, Name="live") == ("ResourceNotFoundException", 404, f"Cannot find alias arn: {arn(versioned, 'live')}")
    assert error_of(client.update_alias, FunctionName=versioned.name, Name="live") == ("ResourceNotFoundException", 404, f"Alias not found: {arn(versioned, 'live')}")


def test_aliases_are_listed_by_name_and_by_version(client, versioned):
    for name, version in [("c", "1"), ("a", "2"), ("b", "1")]:
        client.create_alias(FunctionName=versioned.name, Name=name, FunctionVersion=version)
    pages = client.get_paginator("list_aliases").paginate(FunctionName=versioned.name, PaginationConfig={"PageSize": 2})
    assert [alias["Name"] for page in pages for alias in page["Aliases"]] == ["a", "b", "c"]
    assert [alias["Name"] for alias in client.list_aliases(FunctionName=versioned.name, FunctionVersion="1")["Aliases"]] == ["b", "c"]


@pytest.mark.parametrize("arguments, code, message", [
    (dict(FunctionVersion="9"), "ResourceNotFoundException", "Function not found: {arn}:9"),
    (dict(FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"9": 0.1}}), "ResourceNotFoundException", "Function not found: {arn}:9"),
    (dict(FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}}), "InvalidParameterValueException",
     "Invalid function version 1. Function version 1 is already included in routing configuration."),
    (dict(FunctionVersion="$LATEST", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}}), "InvalidParameterValueException",
     "$LATEST is not supported for an alias pointing to more than 1 version"),
    (dict(FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1, "$LATEST": 0.1}}), "ValidationException", "Map keys must satisfy constraint"),
    (dict(FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 1.5}}), "ValidationException", "Map value must satisfy constraint"),
    (dict(FunctionVersion="1", Name="12"), "ValidationException", "at 'name' failed to satisfy constraint"),
    (dict(FunctionVersion="one"), "ValidationException", "at 'functionVersion' failed to satisfy constraint"),
])
def test_an_alias_must_lead_somewhere(lax, versioned, arguments, code, message):
    found = error_of(lax.create_alias, **{"FunctionName": versioned.name, "Name": "wrong", **arguments})
    assert found[0] == code and message.format(arn=arn(versioned, "")[:-1]) in found[2], found


@pytest.fixture
def lax(host):
    return host.client(parameter_validation=False)


def test_a_weighted_alias_splits_by_its_weights(client, versioned):
    alias = client.create_alias(FunctionName=versioned.name, Name="split", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}
    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        served = collections.Counter(callers.map(lambda _: client.invoke(FunctionName=versioned.name, Qualifier="split")["ExecutedVersion"], range(2_000)))
    # Ten percent, with five standard deviations of a fair draw on either side.
    assert 133 <= served["2"] <= 267 and served["1"] + served["2"] == 2_000, served
    client.update_alias(FunctionName=versioned.name, Name="split", RoutingConfig={})
    assert "RoutingConfig" not in client.get_alias(FunctionName=versioned.name, Name="split")
    assert {invoke(client, versioned, Qualifier="split")[0] for _ in range(20)} == {"1"}

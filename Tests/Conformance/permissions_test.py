"""Resource policies, recursion and runtime management: what stands beside a function."""

import json

import pytest
from api_test import error_of
from host import ACCOUNT, REGION


def arn(function, qualifier=""):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}" + (f":{qualifier}" if qualifier else "")


def policy(client, function, **arguments):
    return json.loads(client.get_policy(FunctionName=function.name, **arguments)["Policy"])


def test_permissions_become_statements(client, deploy):
    function = deploy("handler = 1")
    revision = client.get_function_configuration(FunctionName=function.name)["RevisionId"]
    bucket = client.add_permission(FunctionName=function.name, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
                                   SourceArn="arn:aws:s3:::bucket", SourceAccount=ACCOUNT, RevisionId=revision)
    statement = {"Sid": "s3", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction", "Resource": arn(function),
                 "Condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}}
    assert json.loads(bucket["Statement"]) == statement
    client.add_permission(FunctionName=function.name, StatementId="account", Action="lambda:*", Principal="111111111111")
    client.add_permission(FunctionName=function.name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    found = policy(client, function)
    assert (found["Version"], found["Id"]) == ("2012-10-17", "default") and found["Statement"][0] == statement
    assert found["Statement"][1]["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"} and found["Statement"][2]["Principal"] == "*"
    assert found["Statement"][2]["Condition"] == {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    shown = client.get_policy(FunctionName=function.name)["RevisionId"]
    assert shown != revision and shown == client.get_function_configuration(FunctionName=function.name)["RevisionId"]


def test_each_qualifier_has_a_policy_of_its_own(client, deploy):
    function = deploy("handler = 1", Publish=True)
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    for qualifier in ("1", "live"):
        client.add_permission(FunctionName=function.name, Qualifier=qualifier, StatementId="one", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    assert policy(client, function, Qualifier="live")["Statement"][0]["Resource"] == arn(function, "live")
    assert client.get_policy(FunctionName=function.name, Qualifier="live")["RevisionId"] == client.get_alias(FunctionName=function.name, Name="live")["RevisionId"]
    assert error_of(client.get_policy, FunctionName=function.name) == ("ResourceNotFoundException", 404, "The resource you requested does not exist.")
    client.delete_alias(FunctionName=function.name, Name="live")
    client.create_alias(FunctionName=function.name, Name="live", FunctionVersion="1")
    assert error_of(client.get_policy, FunctionName=function.name, Qualifier="live")[0] == "ResourceNotFoundException"


def test_a_statement_is_removed_by_its_id(client, deploy):
    function = deploy("handler = 1")
    remove = dict(FunctionName=function.name, StatementId="one")
    assert error_of(client.remove_permission, **remove) == ("ResourceNotFoundException", 404, "No policy is associated with the given resource.")
    for sid in ("one", "two"):
        client.add_permission(FunctionName=function.name, StatementId=sid, Action="lambda:InvokeFunction", Principal="*")
    client.remove_permission(**remove)
    assert [statement["Sid"] for statement in policy(client, function)["Statement"]] == ["two"]
    assert error_of(client.remove_permission, **remove) == ("ResourceNotFoundException", 404, "Statement one is not found in resource policy.")
    assert error_of(client.remove_permission, FunctionName=function.name, StatementId="two", RevisionId="other")[:2] == ("PreconditionFailedException", 412)
    client.remove_permission(FunctionName=function.name, StatementId="two")
    assert error_of(client.get_policy, FunctionName=function.name)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("arguments, code, message", [
    (dict(StatementId="taken"), "ResourceConflictException", "The statement id (taken) provided already exists."),
    (dict(Qualifier="$LATEST"), "InvalidParameterValueException", "We currently do not support adding policies for $LATEST."),
    (dict(Qualifier="9"), "ResourceNotFoundException", "Function not found"),
    (dict(Principal="nobody"), "InvalidParameterValueException", "The provided principal was invalid."),
    (dict(StatementId="a b"), "ValidationException", "at 'statementId' failed to satisfy constraint"),
    (dict(Action="s3:GetObject"), "ValidationException", "at 'action' failed to satisfy constraint"),
    (dict(SourceAccount="12"), "ValidationException", "at 'sourceAccount' failed to satisfy constraint"),
    (dict(RevisionId="other"), "PreconditionFailedException", "Call the GetPolicy API"),
])
def test_a_wrong_permission_is_refused(host, deploy, arguments, code, message):
    lax, function = host.client(parameter_validation=False), deploy("handler = 1")
    lax.add_permission(FunctionName=function.name, StatementId="taken", Action="lambda:InvokeFunction", Principal="*")
    found = error_of(lax.add_permission, **{"FunctionName": function.name, "StatementId": "new", "Action": "lambda:InvokeFunction", "Principal": "*", **arguments})
    assert found[0] == code and message in found[2], found
    assert len(policy(lax, function)["Statement"]) == 1


def test_a_policy_has_a_limit(client, deploy):
    function = deploy("handler = 1")
    with pytest.raises(client.exceptions.PolicyLengthExceededException, match="is bigger than the limit \\(20480\\)"):
        for number in range(200):
            client.add_permission(FunctionName=function.name, StatementId=f"{number:0100}", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    assert 50 < len(policy(client, function)["Statement"]) < 150


def test_recursion_and_runtime_management(client, deploy):
    function = deploy("handler = 1", Publish=True)
    assert client.get_function_recursion_config(FunctionName=function.name)["RecursiveLoop"] == "Terminate"
    for value in ("Allow", "Terminate"):
        assert client.put_function_recursion_config(FunctionName=function.name, RecursiveLoop=value)["RecursiveLoop"] == value
        assert client.get_function_recursion_config(FunctionName=function.name)["RecursiveLoop"] == value
    runtime = client.get_runtime_management_config(FunctionName=function.name)
    assert (runtime["UpdateRuntimeOn"], runtime["FunctionArn"]) == ("Auto", arn(function, "$LATEST")) and "RuntimeVersionArn" not in runtime
    client.put_runtime_management_config(FunctionName=function.name, Qualifier="1", UpdateRuntimeOn="FunctionUpdate")
    assert client.get_runtime_management_config(FunctionName=function.name, Qualifier="1")["UpdateRuntimeOn"] == "FunctionUpdate"
    assert client.get_runtime_management_config(FunctionName=function.name, Qualifier="$LATEST")["UpdateRuntimeOn"] == "Auto"
    assert error_of(client.put_runtime_management_config, FunctionName=function.name, UpdateRuntimeOn="Manual")[0] == "InvalidParameterValueException"

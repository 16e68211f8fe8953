"""The control plane: states, validation, paging, updates and layers, as the SDK sees them."""

import base64
import hashlib
import urllib.request

import pytest
from botocore.exceptions import ClientError
from functions import ROLE, make_zip, python_zip
from host import ACCOUNT, REGION

CODE = python_zip("handler = lambda event, context: 1")


def error_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"], refused.value.response["Error"]["Message"]


@pytest.fixture
def lax(host):
    """A client that leaves validation to the host."""
    return host.client(parameter_validation=False)


# ---- Create and show ----


def test_a_new_function_is_pending_and_then_active_with_lambdas_defaults(client, deploy):
    created = client.create_function(FunctionName="fresh", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": CODE})
    deploy.made.append(function := type(deploy("handler = 1"))(client, "fresh"))
    assert created["State"] == "Pending" and created["StateReasonCode"] == "Creating" and "LastUpdateStatus" not in created
    assert created["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fresh"
    assert (created["MemorySize"], created["Timeout"], created["EphemeralStorage"]["Size"]) == (128, 3, 512)
    assert created["Version"] == "$LATEST" and created["PackageType"] == "Zip" and created["Architectures"] == ["x86_64"]
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(CODE).digest()).decode() and created["CodeSize"] == len(CODE)
    function.wait("function_active_v2")
    shown = client.get_function_configuration(FunctionName="fresh")
    assert shown["State"] == "Active" and shown["LastUpdateStatus"] == "Successful" and "StateReason" not in shown
    assert shown["RevisionId"] != created["RevisionId"]


def test_the_old_waiters_work_too(deploy):
    function = deploy("handler = 1", wait=False)
    for waiter in ("function_exists", "function_active", "function_updated"):
        function.wait(waiter)


def test_the_code_can_be_downloaded_without_credentials(client, deploy):
    function = deploy(zip=CODE)
    code = client.get_function(FunctionName=function.name)["Code"]
    assert code["RepositoryType"] == "S3"
    assert urllib.request.urlopen(code["Location"]).read() == CODE


def test_everything_given_is_shown(client, deploy):
    settings = dict(Description="what it does", Timeout=17, MemorySize=333, EphemeralStorage={"Size": 600}, Environment={"Variables": {"A1": "ü"}},
                    Tags={"team": "blue"}, LoggingConfig={"LogFormat": "Text", "LogGroup": "/own/group"})
    function = deploy("handler = 1", **settings)
    shown = client.get_function(FunctionName=function.name)
    assert shown["Tags"] == settings.pop("Tags")
    assert {name: shown["Configuration"][name] for name in settings} == settings


def test_a_name_is_taken_once(client, deploy):
    function = deploy("handler = 1")
    code, status, message = error_of(client.create_function, FunctionName=function.name, Runtime="python3.11", Handler="a.b", Role=ROLE, Code={"ZipFile": CODE})
    assert (code, status) == ("ResourceConflictException", 409) and message == f"Function already exist: {function.name}"


@pytest.mark.parametrize("operation", ["get_function", "get_function_configuration", "delete_function", "invoke"])
def test_a_function_that_is_not_there_is_not_found(client, operation):
    code, status, message = error_of(getattr(client, operation), FunctionName="nobody")
    assert (code, status) == ("ResourceNotFoundException", 404) and "function:nobody" in message


def test_a_deleted_function_is_gone(client, deploy):
    function = deploy("handler = lambda event, context: 1")
    function.call()
    client.delete_function(FunctionName=function.name)
    assert error_of(client.get_function, FunctionName=function.name)[1] == 404
    assert error_of(client.invoke, FunctionName=function.name)[1] == 404
    assert deploy("handler = lambda event, context: 2", name=function.name).call() == 2


# ---- Validation ----


@pytest.mark.parametrize("change", [
    {"MemorySize": 127}, {"MemorySize": 10_241}, {"MemorySize": 0}, {"Timeout": 0}, {"Timeout": 901},
    {"EphemeralStorage": {"Size": 511}}, {"EphemeralStorage": {"Size": 10_241}},
    {"Runtime": "python2.7"}, {"Runtime": "cobol"}, {"Role": "me"}, {"Handler": "has space"}, {"Handler": "h" * 129}, {"FunctionName": "n" * 65},
    {"FunctionName": "has space"}, {"FunctionName": "../escape"}, {"Description": "d" * 257}, {"Environment": {"Variables": {"A1": "v" * 4096}}},
    {"Environment": {"Variables": {"1digit": "v"}}}, {"Environment": {"Variables": {"AWS_REGION": "v"}}}, {"Environment": {"Variables": {"_HANDLER": "v"}}},
    {"Architectures": ["sparc"]}, {"PackageType": "Jar"}, {"Code": {}}, {"Layers": ["not an arn"]},
    {"Layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:nothing:1"]}, {"Layers": [f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:nothing:1"]},
    {"Timeout": "soon"}, {"MemorySize": None, "Timeout": -1},
], ids=str)
def test_a_value_out_of_range_is_refused(lax, change):
    arguments = dict(FunctionName="wrong", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": CODE}) | change
    code, status, message = error_of(lax.create_function, **{name: value for name, value in arguments.items() if value is not None})
    assert status == 400 and code in ("ValidationException", "InvalidParameterValueException", "SerializationException"), (code, message)
    assert message
    assert error_of(lax.get_function, FunctionName="wrong")[1] == 404


@pytest.mark.parametrize("missing", ["Runtime", "Handler", "Role", "Code"])
def test_a_required_member_is_required(lax, missing):
    arguments = dict(FunctionName="wrong", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": CODE})
    del arguments[missing]
    assert error_of(lax.create_function, **arguments)[1] == 400


def test_six_layers_are_one_too_many(client, deploy):
    layers = [deploy.layer(f"one-of-six-{number}", {"a": str(number)}) for number in range(6)]
    code, status, message = error_of(client.create_function, FunctionName="wrong", Runtime="python3.11", Handler="a.b", Role=ROLE, Code={"ZipFile": CODE}, Layers=layers)
    assert status == 400 and "5 layers" in message
    assert deploy("handler = lambda event, context: 5", Layers=layers[:5]).call() == 5


# ---- Update ----


def test_an_update_is_in_progress_and_then_successful(client, deploy):
    function = deploy("handler = 1")
    before = client.get_function_configuration(FunctionName=function.name)
    answer = client.update_function_configuration(FunctionName=function.name, Timeout=9, MemorySize=200)
    assert answer["State"] == "Active" and answer["LastUpdateStatus"] in ("InProgress", "Successful")
    function.wait("function_updated_v2")
    after = client.get_function_configuration(FunctionName=function.name)
    assert (after["Timeout"], after["MemorySize"], after["LastUpdateStatus"]) == (9, 200, "Successful")
    assert after["RevisionId"] != before["RevisionId"] and after["CodeSha256"] == before["CodeSha256"]


def test_an_update_against_an_old_revision_is_refused(client, deploy):
    function = deploy("handler = 1")
    old = client.get_function_configuration(FunctionName=function.name)["RevisionId"]
    function.update(Timeout=9)
    for call, arguments in [(client.update_function_configuration, {"Timeout": 10}), (client.update_function_code, {"ZipFile": CODE})]:
        assert error_of(call, FunctionName=function.name, RevisionId=old, **arguments)[:2] == ("PreconditionFailedException", 412)


def test_a_dry_run_of_a_code_update_changes_nothing(client, deploy):
    function = deploy("handler = lambda event, context: 'old'")
    answer = client.update_function_code(FunctionName=function.name, ZipFile=CODE, DryRun=True)
    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(CODE).digest()).decode()
    assert function.call() == "old"


def test_an_update_is_validated_as_a_creation_is(lax, deploy):
    function = deploy("handler = 1")
    for change in [{"MemorySize": 127}, {"Timeout": 901}, {"Handler": "has space"}, {"Environment": {"Variables": {"A1": "v" * 4096}}}]:
        assert error_of(lax.update_function_configuration, FunctionName=function.name, **change)[1] == 400


def test_updates_at_once_do_not_lose_one_another(host, client, deploy):
    from concurrent.futures import ThreadPoolExecutor

    function = deploy("handler = 1")

    def update(number):
        try:
            client.update_function_configuration(FunctionName=function.name, Description=str(number))
            return str(number)
        except client.exceptions.ResourceConflictException:
            return None

    with ThreadPoolExecutor(8) as pool:
        done = [number for number in pool.map(update, range(16)) if number]
    function.wait("function_updated_v2")
    assert done and client.get_function_configuration(FunctionName=function.name)["Description"] in done


# ---- Lists ----


def test_functions_are_listed_in_pages(client, deploy):
    names = {deploy("handler = 1", wait=False).name for _ in range(7)}
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3}))
    assert all(len(page["Functions"]) <= 3 for page in pages) and len(pages) >= 3
    listed = [function["FunctionName"] for page in pages for function in page["Functions"]]
    assert names <= set(listed) and len(listed) == len(set(listed))


def test_a_wrong_marker_or_page_size_is_refused(lax):
    assert error_of(lax.list_functions, Marker="!")[1] == 400
    assert error_of(lax.list_functions, MaxItems=0)[1] == 400


# ---- Layers ----


def test_layer_versions_count_up_and_numbers_are_never_used_again(client):
    first = client.publish_layer_version(LayerName="counted", Content={"ZipFile": make_zip({"a": "1"})}, CompatibleRuntimes=["python3.11"], Description="first")
    assert first["Version"] == 1 and first["LayerVersionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:counted:1"
    assert first["CompatibleRuntimes"] == ["python3.11"] and first["Description"] == "first"
    assert client.publish_layer_version(LayerName="counted", Content={"ZipFile": make_zip({"a": "2"})})["Version"] == 2
    client.delete_layer_version(LayerName="counted", VersionNumber=2)
    client.delete_layer_version(LayerName="counted", VersionNumber=2)
    assert client.publish_layer_version(LayerName="counted", Content={"ZipFile": make_zip({"a": "3"})})["Version"] == 3
    assert [version["Version"] for version in client.list_layer_versions(LayerName="counted")["LayerVersions"]] == [3, 1]
    assert "counted" in [layer["LayerName"] for layer in client.list_layers()["Layers"]]


def test_a_layer_version_can_be_read_and_downloaded(client, deploy):
    content = make_zip({"a": "1"})
    arn = client.publish_layer_version(LayerName="read", Content={"ZipFile": content})["LayerVersionArn"]
    shown = client.get_layer_version(LayerName="read", VersionNumber=int(arn.rsplit(":", 1)[1]))
    assert shown["LayerVersionArn"] == arn
    assert shown["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert urllib.request.urlopen(shown["Content"]["Location"]).read() == content
    assert client.get_layer_version_by_arn(Arn=arn)["LayerVersionArn"] == arn


def test_a_layer_version_that_is_not_there_is_not_found(client):
    assert error_of(client.get_layer_version, LayerName="nothing", VersionNumber=1)[:2] == ("ResourceNotFoundException", 404)


def test_a_deleted_layer_version_stays_with_the_functions_that_use_it(client, deploy):
    arn = deploy.layer("used", {"python/used.py": "VALUE = 'still here'"})
    function = deploy("import used\nhandler = lambda event, context: used.VALUE", Layers=[arn])
    client.delete_layer_version(LayerName="used", VersionNumber=int(arn.rsplit(":", 1)[1]))
    assert function.call() == "still here"
    function.update(Description="a new environment")
    assert function.call() == "still here"


def test_an_operation_that_does_not_exist_is_answered_in_json(client):
    code, status, _ = error_of(client.list_code_signing_configs)
    assert status in (404, 501) and code

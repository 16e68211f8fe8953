package roost.runtime;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a handler is told beside its event. */
record InvocationContext(RuntimeApi.Event event, LambdaLogger logger, long deadline, JsonNode client, JsonNode cognito) implements Context {
  InvocationContext(RuntimeApi.Event event, LambdaLogger logger) throws IOException {
    this(event, logger, Long.parseLong(event.header("Lambda-Runtime-Deadline-Ms")), parse(event.header("Lambda-Runtime-Client-Context")),
        parse(event.header("Lambda-Runtime-Cognito-Identity")));
  }

  private static JsonNode parse(String text) throws IOException {
    return text == null || text.isEmpty() ? null : Json.MAPPER.readTree(text);
  }

  private static String text(JsonNode node, String name) {
    return node.path(name).isNull() ? null : node.path(name).asText(null);
  }

  private static Map<String, String> texts(JsonNode node) {
    if (!node.isObject()) return null;
    var found = new LinkedHashMap<String, String>();
    node.fields().forEachRemaining(field -> found.put(field.getKey(), field.getValue().isValueNode() ? field.getValue().asText() : field.getValue().toString()));
    return found;
  }

  @Override
  public String getAwsRequestId() {
    return event.requestId();
  }

  @Override
  public String getLogGroupName() {
    return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
  }

  @Override
  public String getLogStreamName() {
    return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
  }

  @Override
  public String getFunctionName() {
    return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
  }

  @Override
  public String getFunctionVersion() {
    return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
  }

  @Override
  public String getInvokedFunctionArn() {
    return event.header("Lambda-Runtime-Invoked-Function-Arn");
  }

  @Override
  public int getRemainingTimeInMillis() {
    return (int) Math.max(0, deadline - System.currentTimeMillis());
  }

  @Override
  public int getMemoryLimitInMB() {
    return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
  }

  @Override
  public LambdaLogger getLogger() {
    return logger;
  }

  @Override
  public String getTenantId() {
    return event.header("Lambda-Runtime-Aws-Tenant-Id");
  }

  @Override
  public String getXrayTraceId() {
    return event.header("Lambda-Runtime-Trace-Id");
  }

  @Override
  public CognitoIdentity getIdentity() {
    return cognito == null ? null : new Identity(text(cognito, "cognitoIdentityId"), text(cognito, "cognitoIdentityPoolId"));
  }

  @Override
  public ClientContext getClientContext() {
    return client == null ? null : new Caller(client);
  }

  private record Identity(String id, String pool) implements CognitoIdentity {
    @Override
    public String getIdentityId() {
      return id;
    }

    @Override
    public String getIdentityPoolId() {
      return pool;
    }
  }

  private record Caller(JsonNode node) implements ClientContext {
    @Override
    public Client getClient() {
      return node.path("client").isObject() ? new Application(node.path("client")) : null;
    }

    @Override
    public Map<String, String> getCustom() {
      return texts(node.path("custom"));
    }

    @Override
    public Map<String, String> getEnvironment() {
      return texts(node.path("env"));
    }
  }

  private record Application(JsonNode node) implements Client {
    @Override
    public String getInstallationId() {
      return text(node, "installation_id");
    }

    @Override
    public String getAppTitle() {
      return text(node, "app_title");
    }

    @Override
    public String getAppVersionName() {
      return text(node, "app_version_name");
    }

    @Override
    public String getAppVersionCode() {
      return text(node, "app_version_code");
    }

    @Override
    public String getAppPackageName() {
      return text(node, "app_package_name");
    }
  }
}

package com.amazonaws.services.lambda.runtime;

/** What a handler is told beside its event. */
public interface Context {
  String getAwsRequestId();

  String getLogGroupName();

  String getLogStreamName();

  String getFunctionName();

  String getFunctionVersion();

  String getInvokedFunctionArn();

  /** Null unless the caller has sent one. */
  CognitoIdentity getIdentity();

  /** Null unless the caller has sent one. */
  ClientContext getClientContext();

  int getRemainingTimeInMillis();

  int getMemoryLimitInMB();

  LambdaLogger getLogger();

  default String getTenantId() {
    return null;
  }

  default String getXrayTraceId() {
    return null;
  }
}

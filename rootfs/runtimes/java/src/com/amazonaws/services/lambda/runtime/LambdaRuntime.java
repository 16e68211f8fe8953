package com.amazonaws.services.lambda.runtime;

import java.nio.charset.StandardCharsets;

/** Where code without a context finds the logger. */
public class LambdaRuntime {
  private static volatile LambdaLogger logger = new LambdaLogger() {
    @Override
    public void log(String message) {
      System.out.println(message);
    }

    @Override
    public void log(byte[] message) {
      log(new String(message, StandardCharsets.UTF_8));
    }
  };

  private LambdaRuntime() {}

  public static LambdaLogger getLogger() {
    return logger;
  }
}

package com.amazonaws.services.lambda.runtime.logging;

import java.util.Locale;

/** The formats of a function's log. */
public enum LogFormat {
  JSON, TEXT;

  public static LogFormat fromString(String name) {
    if (name != null) {
      for (var format : values()) {
        if (format.name().equals(name.toUpperCase(Locale.ROOT))) return format;
      }
    }
    throw new IllegalArgumentException("Invalid log format: '" + name + "' expected [JSON, TEXT]");
  }
}

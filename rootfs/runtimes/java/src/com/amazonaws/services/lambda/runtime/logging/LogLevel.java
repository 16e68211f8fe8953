package com.amazonaws.services.lambda.runtime.logging;

import java.util.Locale;

/** The levels of a record; UNDEFINED ones are never left out. */
public enum LogLevel {
  UNDEFINED, TRACE, DEBUG, INFO, WARN, ERROR, FATAL;

  public static LogLevel fromString(String name) {
    if (name != null) {
      for (var level : values()) {
        if (level.name().equals(name.toUpperCase(Locale.ROOT))) return level;
      }
    }
    throw new IllegalArgumentException("Invalid log level: '" + name + "' expected one of [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]");
  }
}

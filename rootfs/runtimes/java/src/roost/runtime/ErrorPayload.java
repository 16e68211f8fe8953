package roost.runtime;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** What the caller of the function gets of an error, and what the host is told it was. */
record ErrorPayload(Map<String, Object> members, String type) {
  private static final String BAD_CODE = "Runtime.BadFunctionCode";
  private static final String THROWN = "Runtime.UserException";

  static ErrorPayload of(FunctionFault fault) {
    var members = new LinkedHashMap<String, Object>();
    members.put("errorMessage", fault.getMessage());
    if (fault.type() != null) members.put("errorType", fault.type());
    return new ErrorPayload(members, BAD_CODE);
  }

  static ErrorPayload of(Throwable thrown) {
    return new ErrorPayload(describe(thrown, Collections.newSetFromMap(new IdentityHashMap<>())), THROWN);
  }

  private static Map<String, Object> describe(Throwable thrown, Set<Throwable> seen) {
    seen.add(thrown);
    var members = new LinkedHashMap<String, Object>();
    members.put("errorMessage", messageOf(thrown));
    members.put("errorType", thrown.getClass().getName());
    members.put("stackTrace", Arrays.stream(thrown.getStackTrace()).map(StackTraceElement::toString).toList());
    var cause = thrown.getCause();
    if (cause != null && !seen.contains(cause)) members.put("cause", describe(cause, seen));
    return members;
  }

  static String messageOf(Throwable thrown) {
    var message = thrown.getLocalizedMessage();
    return message == null ? thrown.getClass().getName() : message;
  }

  byte[] json() {
    try {
      return Json.MAPPER.writeValueAsBytes(members);
    } catch (com.fasterxml.jackson.core.JsonProcessingException impossible) {
      throw new IllegalStateException(impossible); // texts and lists of texts
    }
  }
}

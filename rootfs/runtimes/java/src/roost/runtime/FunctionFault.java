package roost.runtime;

import java.io.PrintWriter;
import java.io.StringWriter;

/** A fault of the function that its callers are told in one sentence, without a stack trace. */
final class FunctionFault extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String type;
  private final String trace;
  private final boolean isFatal;

  FunctionFault(String message) {
    this(message, null, null, false);
  }

  private FunctionFault(String message, String type, String trace, boolean isFatal) {
    super(message, null, false, false);
    this.type = type;
    this.trace = trace;
    this.isFatal = isFatal;
  }

  static FunctionFault of(Throwable thrown) {
    return of(thrown, false);
  }

  static FunctionFault of(Throwable thrown, boolean isFatal) {
    return of(ErrorPayload.messageOf(thrown), thrown, isFatal);
  }

  static FunctionFault of(String message, Throwable thrown, boolean isFatal) {
    Traces.cutOurs(thrown);
    var text = new StringWriter();
    thrown.printStackTrace(new PrintWriter(text));
    return new FunctionFault(message, thrown.getClass().getName(), text.toString(), isFatal);
  }

  /** The class of what was thrown; null where nothing was. */
  String type() {
    return type;
  }

  /** Whether the init phase fails with it, and not each invocation. */
  boolean isFatal() {
    return isFatal;
  }

  /** What is logged. */
  String text() {
    return type == null ? getMessage() + "\n" : getMessage() + ": " + type + "\n" + trace + "\n";
  }
}

package roost.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.InputStream;
import java.io.OutputStream;

/** Every kind of handler comes to this. */
@FunctionalInterface
interface Handler {
  void handle(InputStream input, OutputStream output, Context context) throws Throwable;

  /** One that cannot be called, which its callers are told each time. */
  static Handler failing(FunctionFault fault) {
    return (input, output, context) -> {
      throw fault;
    };
  }
}

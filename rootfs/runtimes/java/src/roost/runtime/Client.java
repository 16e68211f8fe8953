package roost.runtime;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOError;
import java.io.IOException;

/**
 * The runtime client for Java: loads the handler, then asks for one event after the other and posts what the handler makes of it. Handler
 * conventions, error payloads and log lines are those of AWS's own client.
 */
final class Client {
  /** Where X-Ray's tracers look. */
  private static final String TRACE_PROPERTY = "com.amazonaws.xray.traceHeader";

  private final RuntimeApi api;
  private final Log log;
  private Handler handler;

  private Client(RuntimeApi api, Log log) {
    this.api = api;
    this.log = log;
  }

  public static void main(String[] arguments) throws Exception {
    var client = new Client(new RuntimeApi(System.getenv("AWS_LAMBDA_RUNTIME_API")), Log.ofEnvironment());
    Reflection.setStatic(LambdaRuntime.class, "logger", client.log);
    var functions = FunctionClassLoader.ofTask(System.getenv("LAMBDA_TASK_ROOT"));
    Thread.currentThread().setContextClassLoader(functions);
    client.load(System.getenv("_HANDLER"), functions);
    try {
      for (;;) client.serve(client.api.next());
    } catch (IOException refusal) {
      refusal.printStackTrace();
      System.exit(1); // whatever threads the function has left
    }
  }

  private void load(String name, ClassLoader functions) throws IOException {
    try {
      handler = HandlerLoader.load(name, functions);
    } catch (FunctionFault fault) {
      log.write(fault.text());
      api.postInitError(ErrorPayload.of(fault));
      System.exit(1);
    }
  }

  private void serve(RuntimeApi.Event event) throws IOException {
    var context = new InvocationContext(event, log);
    log.setRequestId(event.requestId());
    exposeTrace(event);
    var output = new ByteArrayOutputStream(1024);
    try {
      handler.handle(new ByteArrayInputStream(event.body()), output, context);
    } catch (Throwable thrown) {
      refuse(event, thrown);
      return;
    } finally {
      Thread.interrupted(); // the function's flag is not ours
    }
    api.postResponse(event, output.toByteArray());
  }

  private void refuse(RuntimeApi.Event event, Throwable thrown) throws IOException {
    Traces.cutOurs(thrown);
    var payload = thrown instanceof FunctionFault fault ? ErrorPayload.of(fault) : ErrorPayload.of(thrown);
    log.write(thrown instanceof FunctionFault fault ? fault.text() : FunctionFault.of(thrown).text());
    api.postError(event, payload);
    // A JVM that has run out of memory, or a disk that fails: the environment begins anew.
    if (thrown instanceof VirtualMachineError || thrown instanceof IOError) System.exit(1);
  }

  private static void exposeTrace(RuntimeApi.Event event) {
    var trace = event.header("Lambda-Runtime-Trace-Id");
    if (trace == null) System.clearProperty(TRACE_PROPERTY);
    else System.setProperty(TRACE_PROPERTY, trace);
  }
}

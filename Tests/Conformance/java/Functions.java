package example;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The handlers of java_test.py. Compiled against the interfaces in the image. */
public class Functions {
  /** A bean, as handlers usually take and give. */
  public static class Order {
    private String item;
    private int count;
    private List<String> tags;
    private Order next;

    public String getItem() { return item; }
    public void setItem(String item) { this.item = item; }
    public int getCount() { return count; }
    public void setCount(int count) { this.count = count; }
    public List<String> getTags() { return tags; }
    public void setTags(List<String> tags) { this.tags = tags; }
    public Order getNext() { return next; }
    public void setNext(Order next) { this.next = next; }
  }

  public record Point(int x, int y) {}

  public static class Beans implements RequestHandler<Order, Order> {
    private int calls;

    @Override
    public Order handleRequest(Order order, Context context) {
      order.setCount(order.getCount() + ++calls);
      return order;
    }
  }

  public abstract static class Base<T> implements RequestHandler<List<T>, Map<String, T>> {
    @Override
    public Map<String, T> handleRequest(List<T> values, Context context) {
      return Map.of("last", values.get(values.size() - 1));
    }
  }

  public static class OfPoints extends Base<Point> {
    @Override
    public Map<String, Point> handleRequest(List<Point> points, Context context) {
      Point last = points.get(points.size() - 1); // a map in place of a Point would fail here
      return Map.of("last", new Point(last.x() + 1, last.y()));
    }
  }

  public static class Inherited extends Base<Point> {}

  public static class Streams implements RequestStreamHandler {
    @Override
    public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
      output.write("{\"read\":".getBytes(StandardCharsets.UTF_8));
      input.transferTo(output);
      output.write('}');
    }
  }

  public static class Methods {
    public String text(String event) { return event + "!"; }
    public int number(int event, Context context) { return event + 1; }
    public static Point point(Point event) { return new Point(event.y(), event.x()); }
    public List<Point> points(List<Point> events) { return events.stream().map(Methods::point).toList(); }
    public String nothing() { return "called"; }
    public String context(Context context) { return context.getFunctionName(); }
    public void silent(Map<String, Object> event) {}
    public void bytes(InputStream input, OutputStream output, Context context) throws IOException { input.transferTo(output); }
    public void sink(InputStream input) throws IOException { input.readAllBytes(); }
    public String overloaded(String event) { return "short"; }
    public String overloaded(String event, Context context) { return "long"; }
    public String unfit(String first, String second) { return "never"; }
    String hidden(String event) { return "never"; }
  }

  public static class Told implements RequestHandler<Object, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Object event, Context context) {
      Map<String, Object> told = new LinkedHashMap<>();
      told.put("awsRequestId", context.getAwsRequestId());
      told.put("functionName", context.getFunctionName());
      told.put("functionVersion", context.getFunctionVersion());
      told.put("invokedFunctionArn", context.getInvokedFunctionArn());
      told.put("logGroupName", context.getLogGroupName());
      told.put("logStreamName", context.getLogStreamName());
      told.put("memoryLimitInMB", context.getMemoryLimitInMB());
      told.put("remaining", context.getRemainingTimeInMillis());
      told.put("identity", String.valueOf(context.getIdentity()));
      ClientContext client = context.getClientContext();
      told.put("client", List.of(client.getClient().getAppTitle(), client.getCustom(), client.getEnvironment()));
      told.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
      told.put("heap", Runtime.getRuntime().maxMemory());
      told.put("execution", System.getenv("AWS_EXECUTION_ENV"));
      told.put("version", System.getProperty("java.version"));
      told.put("directory", System.getProperty("user.dir"));
      told.put("tmp", new java.io.File("/tmp").list());
      told.put("trusted", trusted());
      return told;
    }

    private static int trusted() {
      try {
        var factory = javax.net.ssl.TrustManagerFactory.getInstance(javax.net.ssl.TrustManagerFactory.getDefaultAlgorithm());
        factory.init((java.security.KeyStore) null);
        return ((javax.net.ssl.X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length;
      } catch (java.security.GeneralSecurityException error) {
        throw new IllegalStateException(error);
      }
    }
  }

  public static class Trouble extends RuntimeException {
    Trouble(String message, Throwable cause) { super(message, cause); }
  }

  public static class Failing implements RequestHandler<String, Object> {
    private int calls;

    @Override
    public Object handleRequest(String how, Context context) {
      calls++;
      switch (String.valueOf(how)) {
        case "plain": throw new IllegalArgumentException("too much");
        case "own": throw new Trouble("outer", new UncheckedIOException("middle", new IOException("inner")));
        case "silent": throw new NullPointerException();
        case "exit": System.exit(0);
        case "status": System.exit(3);
        case "halt": Runtime.getRuntime().halt(0);
        case "memory": return new long[Integer.MAX_VALUE / 8].length;
        case "deep": return deeper(0);
        case "cycle": return new Cycle();
        case "elsewhere": return CompletableFuture.supplyAsync(() -> calls).join();
        case "rejected": return CompletableFuture.supplyAsync(() -> { throw new IllegalStateException("in another thread"); }).join();
        case "uncaught": return beside(() -> { throw new IllegalStateException("of nobody's concern"); });
        default: return calls;
      }
    }

    private int beside(Runnable task) {
      Thread thread = new Thread(task);
      thread.start();
      try {
        thread.join();
      } catch (InterruptedException interruption) {
        throw new IllegalStateException(interruption);
      }
      return calls;
    }

    public Object byMethod(String how) { throw new IllegalStateException("by method"); }

    private static int deeper(int depth) { return deeper(depth + 1) + 1; }
  }

  public static class Cycle {
    public Cycle getSelf() { return this; }
  }

  public static class Unbuildable implements RequestHandler<Object, Object> {
    public Unbuildable() { throw new IllegalStateException("no configuration"); }

    @Override
    public Object handleRequest(Object event, Context context) { return null; }
  }

  public static class Unloadable {
    static final int FAULT = Integer.parseInt("not a number");

    public Object run(Object event) { return FAULT; }
  }

  public static class NoConstructor implements RequestHandler<Object, Object> {
    public NoConstructor(int argument) {}

    @Override
    public Object handleRequest(Object event, Context context) { return null; }
  }

  public class Inner implements RequestHandler<Object, Object> {
    @Override
    public Object handleRequest(Object event, Context context) { return null; }
  }

  public static class Logs implements RequestHandler<Object, String> {
    @Override
    public String handleRequest(Object event, Context context) {
      System.out.println("out ä");
      System.err.println("err");
      context.getLogger().log("logged");
      context.getLogger().log("two\nlines".getBytes(StandardCharsets.UTF_8));
      context.getLogger().log("levelled", LogLevel.WARN);
      LambdaRuntime.getLogger().log("anywhere\n");
      return System.getenv("_LAMBDA_TELEMETRY_LOG_FD");
    }
  }

  public static class Levels implements RequestHandler<Object, String> {
    @Override
    public String handleRequest(Object event, Context context) {
      context.getLogger().log("not of the level", LogLevel.INFO);
      context.getLogger().log("two\nlines", LogLevel.ERROR);
      context.getLogger().log("without a level");
      return null;
    }
  }

  public static class Frames implements RequestHandler<Object, byte[]> {
    @Override
    public byte[] handleRequest(Object event, Context context) {
      context.getLogger().log("two\nlines");
      context.getLogger().log("bad", LogLevel.ERROR);
      try {
        return Files.readAllBytes(Path.of("/tmp/frames"));
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }
  }

  public static class Large implements RequestHandler<Map<String, Object>, Object> {
    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
      Object size = event.get("size");
      return size == null ? event : "x".repeat((Integer) size);
    }
  }

  /** What the function sees of the runtime's own libraries, and of its own. */
  public static class Sees implements RequestHandler<List<String>, List<Boolean>> {
    @Override
    public List<Boolean> handleRequest(List<String> names, Context context) {
      return names.stream().map(Sees::isSeen).toList();
    }

    private static boolean isSeen(String name) {
      try {
        return name.contains("/") ? Thread.currentThread().getContextClassLoader().getResource(name) != null : Class.forName(name) != null;
      } catch (ClassNotFoundException absent) {
        return false;
      }
    }
  }

  public static class Wrapped implements RequestHandler<Object, String> {
    @Override
    public String handleRequest(Object event, Context context) { return System.getenv("WRAPPED"); }
  }
}

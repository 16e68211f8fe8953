// The JVM: its compilers' and collectors' threads, HTTP by the JDK's own client and server.
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

public class Zoo {
  static long inThreads() throws Exception {
    var pool = Executors.newFixedThreadPool(4);
    Callable<Long> sum = () -> LongStream.rangeClosed(1, 1_000_000).sum();
    long all = 0;
    for (var one : pool.invokeAll(java.util.Collections.nCopies(4, sum))) all += one.get();
    pool.shutdown();
    return all;
  }

  static String overLoopback() throws Exception {
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      var answer = ("pong " + exchange.getRequestURI()).getBytes();
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
    var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/7")).build();
    var text = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
    server.stop(0);
    return text;
  }

  static long inAFile() throws IOException {
    Files.write(Path.of("/tmp/zoo.part"), new byte[1_000_000]);
    Files.move(Path.of("/tmp/zoo.part"), Path.of("/tmp/zoo"));
    long size = Files.size(Path.of("/tmp/zoo"));
    Files.delete(Path.of("/tmp/zoo"));
    return size;
  }

  static volatile byte[] kept;

  static boolean collects() {
    var gone = new WeakReference<>(new byte[1 << 20]);
    for (int i = 0; i < 400; i++) kept = new byte[1 << 20];
    System.gc();
    return gone.get() == null && ManagementFactory.getGarbageCollectorMXBeans().stream().mapToLong(b -> b.getCollectionCount()).sum() > 0;
  }

  static long primes() {
    var composite = new BitSet();
    return IntStream.range(2, 200_000).filter(i -> {
      if (composite.get(i)) return false;
      for (long j = (long) i * i; j < 200_000; j += i) composite.set((int) j);
      return true;
    }).count();
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length > 0) {  // what it would take for its heap if nobody told it a limit
      System.out.println(Runtime.getRuntime().maxMemory());
      return;
    }
    var child = new ProcessBuilder("/bin/sh", "-c", "echo $((6 * 7)); exit 3").start();
    var said = new String(child.getInputStream().readAllBytes()).trim();
    System.out.printf("{\"threads\": %d, \"child\": \"%s\", \"status\": %d, \"http\": \"%s\", \"file\": %d, \"collected\": %b, \"primes\": %d, ",
        inThreads(), said, child.waitFor(), overLoopback(), inAFile(), collects(), primes());
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    System.out.printf("\"memory\": %d, \"processors\": %d, \"heap\": %d, \"untold\": %s}%n", system.getTotalMemorySize(),
        Runtime.getRuntime().availableProcessors(), Runtime.getRuntime().maxMemory(), System.getenv("UNTOLD"));
    System.exit(0);
  }
}

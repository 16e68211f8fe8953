package roost.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.util.List;
import java.util.Map;

/** The Runtime API: next, response, error and init error. The connection is kept by the JDK. */
final class RuntimeApi {
  private static final int TOO_LARGE = 413;

  /** What `/next` has answered. */
  record Event(Map<String, List<String>> headers, byte[] body) {
    String header(String name) {
      for (var entry : headers.entrySet()) {
        if (name.equalsIgnoreCase(entry.getKey())) return entry.getValue().get(0);
      }
      return null;
    }

    String requestId() {
      return header("Lambda-Runtime-Aws-Request-Id");
    }
  }

  private final String base;

  RuntimeApi(String address) {
    base = "http://" + address + "/2018-06-01/runtime";
  }

  /** Waits for an event, however long. */
  Event next() throws IOException {
    var connection = open("/invocation/next");
    var status = connection.getResponseCode();
    if (status != HttpURLConnection.HTTP_OK) throw new IOException("GET /next: " + status);
    try (var body = connection.getInputStream()) {
      return new Event(connection.getHeaderFields(), body.readAllBytes());
    }
  }

  void postResponse(Event event, byte[] body) throws IOException {
    post("/invocation/" + event.requestId() + "/response", body, event, null);
  }

  void postError(Event event, ErrorPayload error) throws IOException {
    post("/invocation/" + event.requestId() + "/error", error.json(), event, error.type());
  }

  void postInitError(ErrorPayload error) throws IOException {
    post("/init/error", error.json(), null, error.type());
  }

  private HttpURLConnection open(String path) throws IOException {
    // No proxy, whatever the function's properties say.
    return (HttpURLConnection) new URL(base + path).openConnection(Proxy.NO_PROXY);
  }

  private void post(String path, byte[] body, Event event, String errorType) throws IOException {
    var connection = open(path);
    connection.setRequestMethod("POST");
    connection.setDoOutput(true);
    connection.setRequestProperty("Content-Type", "application/json");
    if (errorType != null) connection.setRequestProperty("Lambda-Runtime-Function-Error-Type", errorType);
    // A late answer to an event that is over is refused by this.
    var nonce = event == null ? null : event.header("Lambda-Runtime-Invocation-Id");
    if (nonce != null) connection.setRequestProperty("Lambda-Runtime-Invocation-Id", nonce);
    connection.setFixedLengthStreamingMode(body.length);
    try (var output = connection.getOutputStream()) {
      output.write(body);
    }
    finish(connection, path);
  }

  /** Reads the reply to its end, so that the connection can be used again. An answer that is too large is refused and reported by the host. */
  private void finish(HttpURLConnection connection, String path) throws IOException {
    var status = connection.getResponseCode();
    var isRefused = status >= 300;
    try (InputStream reply = isRefused ? connection.getErrorStream() : connection.getInputStream()) {
      var text = reply == null ? "" : new String(reply.readAllBytes());
      if (isRefused && status != TOO_LARGE) throw new IOException("POST " + path + ": " + status + " " + text);
    }
  }
}

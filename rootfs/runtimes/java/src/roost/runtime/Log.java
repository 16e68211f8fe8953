package roost.runtime;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;

/**
 * The function's log. Where the host offers a log descriptor a record is a frame (big-endian: type, length, microseconds, text); otherwise it goes to
 * stdout and ends with a line end.
 */
final class Log implements LambdaLogger {
  private static final int TEXT = 0xa55a0003;
  private static final int JSON = 0xa55a0002;

  private final OutputStream frames;
  private final LogFormat format;
  private final LogLevel least;
  private volatile String requestId;

  private Log(OutputStream frames, LogFormat format, LogLevel least) {
    this.frames = frames;
    this.format = format;
    this.least = least;
  }

  static Log ofEnvironment() throws ReflectiveOperationException {
    var descriptor = System.getenv("_LAMBDA_TELEMETRY_LOG_FD");
    var format = System.getenv("AWS_LAMBDA_LOG_FORMAT");
    var level = System.getenv("AWS_LAMBDA_LOG_LEVEL");
    return new Log(
        descriptor == null ? null : new FileOutputStream(Reflection.descriptor(Integer.parseInt(descriptor))),
        format == null ? LogFormat.TEXT : LogFormat.fromString(format),
        level == null ? LogLevel.UNDEFINED : LogLevel.fromString(level));
  }

  void setRequestId(String id) {
    requestId = id;
  }

  /** A fault, from the client itself. */
  void write(String message) {
    log(message, format == LogFormat.JSON ? LogLevel.ERROR : LogLevel.UNDEFINED);
  }

  @Override
  public void log(String message) {
    log(message, LogLevel.UNDEFINED);
  }

  @Override
  public void log(byte[] message) {
    log(message, LogLevel.UNDEFINED);
  }

  @Override
  public void log(byte[] message, LogLevel level) {
    log(new String(message, StandardCharsets.UTF_8), level);
  }

  @Override
  public void log(String message, LogLevel level) {
    if (level != LogLevel.UNDEFINED && level.compareTo(least) < 0) return;
    var now = Instant.now();
    put(record(String.valueOf(message), level, now), level, now);
  }

  private String record(String message, LogLevel level, Instant now) {
    if (format == LogFormat.TEXT) return level == LogLevel.UNDEFINED ? message : "[" + level + "] " + message;
    var record = new LinkedHashMap<String, Object>();
    record.put("timestamp", now.truncatedTo(ChronoUnit.MILLIS).toString());
    if (level != LogLevel.UNDEFINED) record.put("level", level.name());
    record.put("message", message);
    if (requestId != null) record.put("AWSRequestId", requestId);
    return Json.MAPPER.valueToTree(record).toString();
  }

  private void put(String text, LogLevel level, Instant now) {
    if (frames == null) {
      System.out.print(text.endsWith("\n") ? text : text + "\n");
      System.out.flush();
      return;
    }
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    var frame = ByteBuffer.allocate(16 + bytes.length).putInt((format == LogFormat.JSON ? JSON : TEXT) | level.ordinal() << 2).putInt(bytes.length)
        .putLong(ChronoUnit.MICROS.between(Instant.EPOCH, now)).put(bytes);
    try {
      synchronized (frames) {
        frames.write(frame.array());
      }
    } catch (IOException error) {
      throw new UncheckedIOException("the log descriptor", error);
    }
  }
}

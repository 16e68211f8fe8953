package roost.runtime;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** Stack traces end where the function's own code does. */
final class Traces {
  private static final String OURS = Traces.class.getPackageName() + ".";

  private Traces() {}

  static void cutOurs(Throwable thrown) {
    cutOurs(thrown, Collections.newSetFromMap(new IdentityHashMap<>()));
  }

  private static void cutOurs(Throwable thrown, Set<Throwable> seen) {
    if (thrown == null || !seen.add(thrown)) return;
    var trace = thrown.getStackTrace();
    var end = 0;
    while (end < trace.length && !trace[end].getClassName().startsWith(OURS)) end++;
    if (end < trace.length) {
      // How the method was called is ours too.
      while (end > 0 && isReflection(trace[end - 1].getClassName())) end--;
    }
    thrown.setStackTrace(Arrays.copyOf(trace, end));
    cutOurs(thrown.getCause(), seen);
    for (var suppressed : thrown.getSuppressed()) cutOurs(suppressed, seen);
  }

  private static boolean isReflection(String name) {
    return name.startsWith("jdk.internal.reflect.") || name.startsWith("java.lang.reflect.");
  }
}

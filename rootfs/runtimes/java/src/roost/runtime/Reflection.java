package roost.runtime;

import java.io.FileDescriptor;

/** What the JDK and AWS's interfaces have no method for. */
final class Reflection {
  private Reflection() {}

  static void setStatic(Class<?> type, String name, Object value) throws ReflectiveOperationException {
    var field = type.getDeclaredField(name);
    field.setAccessible(true);
    field.set(null, value);
  }

  /** An open descriptor by its number; needs --add-opens java.base/java.io. */
  static FileDescriptor descriptor(int number) throws ReflectiveOperationException {
    var constructor = FileDescriptor.class.getDeclaredConstructor(int.class);
    constructor.setAccessible(true);
    return constructor.newInstance(number);
  }
}

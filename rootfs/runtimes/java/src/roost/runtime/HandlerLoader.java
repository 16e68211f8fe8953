package roost.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Finds what `_HANDLER` names: `package.Class` that implements one of the two interfaces, or `package.Class::method` of any class. A name that is
 * wrong is told to each caller; code that fails while it is loaded fails the init phase.
 */
final class HandlerLoader {
  /** The longer signature first, one that ends with the context counting for more; bridges last. */
  private static final Comparator<Method> PREFERENCE = Comparator.comparing(Method::isBridge)
      .thenComparing(method -> -method.getParameterCount() - (endsWithContext(method) ? 1 : 0));

  private final Class<?> type;

  private HandlerLoader(Class<?> type) {
    this.type = type;
  }

  static Handler load(String name, ClassLoader functions) {
    var parts = name.split("::", -1);
    if (parts.length > 2 || Arrays.asList(parts).contains("")) return Handler.failing(new FunctionFault("Invalid handler: `" + name + "'"));
    try {
      var loader = new HandlerLoader(functions.loadClass(parts[0]));
      return parts.length == 1 ? loader.ofInterface() : loader.ofMethod(parts[1]);
    } catch (FunctionFault fault) {
      if (fault.isFatal()) throw fault;
      return Handler.failing(fault);
    } catch (ClassNotFoundException missing) {
      return Handler.failing(FunctionFault.of("Class not found: " + parts[0], missing, false));
    } catch (Throwable thrown) {
      throw FunctionFault.of("Error loading class " + parts[0] + (thrown.getMessage() == null ? "" : ": " + thrown.getMessage()), thrown, true);
    }
  }

  private Handler ofInterface() throws Throwable {
    if (RequestStreamHandler.class.isAssignableFrom(type)) return ((RequestStreamHandler) newInstance())::handleRequest;
    if (RequestHandler.class.isAssignableFrom(type)) return ofObjects();
    throw new FunctionFault("Class does not implement an appropriate handler interface: " + type.getName());
  }

  private Handler ofObjects() throws Throwable {
    var parameters = Json.parametersOf(type, RequestHandler.class);
    @SuppressWarnings("unchecked")
    var handler = (RequestHandler<Object, Object>) newInstance();
    return Json.handler(parameters[0], parameters[1], handler::handleRequest);
  }

  private Handler ofMethod(String name) throws Throwable {
    var named = Arrays.stream(type.getMethods()).filter(method -> method.getName().equals(name)).sorted(PREFERENCE).toList();
    // The interface says more than the method: a class may inherit it from a generic one.
    if (name.equals("handleRequest") && RequestHandler.class.isAssignableFrom(type)) return ofObjects();
    for (var method : named) {
      if (Signature.of(method) != null) return ofSignature(method, Signature.of(method));
    }
    throw new FunctionFault(
        named.isEmpty()
            ? "Class " + type.getName() + " has no public method named " + name
            : "No public method named " + name + " with appropriate method signature found on class " + type.getName());
  }

  private Handler ofSignature(Method method, Signature signature) throws Throwable {
    var receiver = Modifier.isStatic(method.getModifiers()) ? null : newInstance();
    method.setAccessible(true); // a public method of a class that is not
    if (!signature.isOfBytes()) {
      var resultType = Json.type(method.getGenericReturnType());
      var inputType = signature.event() == null ? null : Json.type(signature.event());
      return Json.handler(inputType, resultType, (event, context) -> call(method, receiver, signature.arguments(event, null, null, context)));
    }
    return (input, output, context) -> {
      call(method, receiver, signature.arguments(null, input, output, context));
      if (!signature.takes(OutputStream.class)) output.write(Json.NULL);
    };
  }

  private static Object call(Method method, Object receiver, Object[] arguments) throws Throwable {
    try {
      return method.invoke(receiver, arguments);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  private Object newInstance() throws Throwable {
    try {
      return type.getConstructor().newInstance();
    } catch (InvocationTargetException thrown) {
      throw FunctionFault.of(thrown.getCause(), true);
    } catch (NoSuchMethodException missing) {
      var isInner = type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers());
      throw FunctionFault.of(new Exception(
          "Class " + type.getName() + (isInner ? " cannot be instantiated because it is a non-static inner class" : " has no public zero-argument constructor"),
          missing), false);
    }
  }

  private static boolean endsWithContext(Method method) {
    var types = method.getParameterTypes();
    return types.length > 0 && types[types.length - 1] == Context.class;
  }

  /** What a method takes, in order: at most one event or the two streams, and the context at the end. */
  private record Signature(Class<?>[] types, Type event) {
    /** Null where the method cannot be a handler. */
    static Signature of(Method method) {
      var types = method.getParameterTypes();
      var others = endsWithContext(method) ? Arrays.copyOf(types, types.length - 1) : types;
      if (Arrays.asList(others).contains(Context.class)) return null;
      if (Arrays.equals(others, new Class<?>[] {InputStream.class, OutputStream.class})) return new Signature(types, null);
      if (others.length > 1) return null;
      var isEvent = others.length == 1 && others[0] != InputStream.class && others[0] != OutputStream.class;
      return new Signature(types, isEvent ? method.getGenericParameterTypes()[0] : null);
    }

    boolean takes(Class<?> type) {
      return Arrays.asList(types).contains(type);
    }

    boolean isOfBytes() {
      return event == null && (takes(InputStream.class) || takes(OutputStream.class));
    }

    Object[] arguments(Object value, InputStream input, OutputStream output, Context context) {
      return Arrays.stream(types)
          .map(type -> type == Context.class ? context : event != null ? value : type == InputStream.class ? input : output).toArray();
    }
  }
}

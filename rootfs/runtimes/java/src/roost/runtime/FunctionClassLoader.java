package roost.runtime;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;

/**
 * The function's classes: `/var/task`, then the jars of `/var/task/lib` and of `/opt/java/lib`, each folder's by name. Of ours it sees only the
 * interfaces that handlers implement, and not, for one, our Jackson: a function brings the version that it was built with.
 */
final class FunctionClassLoader extends URLClassLoader {
  static {
    registerAsParallelCapable();
  }

  private FunctionClassLoader(URL[] places) {
    super(places, new Shared()); // without a name, which would stand in every stack trace
  }

  static FunctionClassLoader ofTask(String root) throws MalformedURLException {
    var places = new ArrayList<URL>();
    places.add(new File(root).toURI().toURL());
    for (var folder : new File[] {new File(root, "lib"), new File("/opt/java/lib")}) {
      var jars = folder.listFiles((where, name) -> name.endsWith(".jar"));
      if (jars == null) continue; // no such folder
      Arrays.sort(jars);
      for (var jar : jars) places.add(jar.toURI().toURL());
    }
    return new FunctionClassLoader(places.toArray(URL[]::new));
  }

  /** The JDK, and the interfaces. */
  private static final class Shared extends ClassLoader {
    private static final String INTERFACES = "com.amazonaws.services.lambda.runtime.";

    static {
      registerAsParallelCapable();
    }

    Shared() {
      super(ClassLoader.getPlatformClassLoader());
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      // A class of that package that we do not have, as an event or an appender is, comes with the function.
      if (name.startsWith(INTERFACES)) return ClassLoader.getSystemClassLoader().loadClass(name);
      throw new ClassNotFoundException(name);
    }
  }
}

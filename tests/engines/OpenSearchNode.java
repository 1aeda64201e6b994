import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * One OpenSearch node of this process, from its class path: OpenSearchNode HOME PLUGIN...
 *
 * <p>The official launcher refuses to run as root and wants a distribution; a node does not. All by reflection: the
 * classes of OpenSearch 3 are of Java 21, which an older compiler cannot read.
 */
public final class OpenSearchNode {
    private static final String ROOT = "org.opensearch.";

    private OpenSearchNode() {}

    public static void main(String[] args) throws Exception {
        Object node = constructor("node.Node", 3)
            .newInstance(environment(Path.of(args[0])), plugins(Arrays.asList(args).subList(1, args.length)), true);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.getClass().getMethod("close").invoke(node);
            } catch (ReflectiveOperationException ending) {
                ending.printStackTrace();
            }
        }));
        node.getClass().getMethod("start").invoke(node);
        Thread.currentThread().join();
    }

    private static Object environment(Path home) throws ReflectiveOperationException {
        Class<?> settings = type("common.settings.Settings");
        return type("node.InternalSettingsPreparer")
            .getMethod("prepareEnvironment", settings, Map.class, Path.class, Supplier.class)
            .invoke(null, settings.getField("EMPTY").get(null), Map.of("path.home", home.toString()),
                home.resolve("config"), (Supplier<String>) () -> "node");
    }

    /** OpenSearch 2 wants classes, OpenSearch 3 descriptions of them. */
    private static List<Object> plugins(List<String> names) throws ReflectiveOperationException {
        Object current = type("Version").getField("CURRENT").get(null);
        boolean described = current.toString().compareTo("3") >= 0;
        List<Object> plugins = new ArrayList<>();
        for (String name : names) {
            plugins.add(!described ? type(name) : constructor("plugins.PluginInfo", 8)
                .newInstance(ROOT + name, "class path", "NA", current, "21", ROOT + name, List.of(), false));
        }
        return plugins;
    }

    private static Constructor<?> constructor(String name, int parameters) throws ReflectiveOperationException {
        for (Constructor<?> each : type(name).getDeclaredConstructors()) {
            if (each.getParameterCount() == parameters) {
                each.setAccessible(true);
                return each;
            }
        }
        throw new NoSuchMethodException(name);
    }

    private static Class<?> type(String name) throws ClassNotFoundException {
        return Class.forName(ROOT + name);
    }
}

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** javac on the sources of these workloads, from memory to memory; the classes must come out the same each time. */
class Compiler implements Runner.Workload {
    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    private final List<Source> sources = new ArrayList<>();
    private Map<String, Integer> expected;

    Compiler(String pattern) throws IOException {
        try (var files = Files.newDirectoryStream(Path.of(System.getProperty("sources", "/src")), "*.java")) {
            for (Path file : files) {
                String name = file.getFileName().toString().replace(".java", "");
                // The runner itself is what the others are compiled against.
                if (name.matches(pattern)) sources.add(new Source(name, Files.readString(file)));
            }
        }
        Runner.check(!sources.isEmpty(), "no sources");
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name + ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreErrors) {
            return text;
        }
    }

    private static final class Output extends SimpleJavaFileObject {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Output(String name) {
            super(URI.create("memory:///" + name.replace('.', '/') + ".class"), Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return bytes;
        }
    }

    private static final class Outputs extends ForwardingJavaFileManager<JavaFileManager> {
        final Map<String, Output> classes = new TreeMap<>();

        Outputs(JavaFileManager manager) {
            super(manager);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(Location where, String name, JavaFileObject.Kind kind, FileObject from) {
            return classes.computeIfAbsent(name, Output::new);
        }
    }

    @Override
    public void operation() throws Exception {
        StringWriter messages = new StringWriter();
        Map<String, Integer> sizes = new TreeMap<>();
        try (Outputs outputs = new Outputs(compiler.getStandardFileManager(null, null, null))) {
            List<String> options = List.of("-proc:none", "-cp", System.getProperty("java.class.path"));
            boolean compiled = compiler.getTask(messages, outputs, null, options, null, sources).call();
            Runner.check(compiled, messages.toString());
            outputs.classes.forEach((name, output) -> {
                byte[] bytes = output.bytes.toByteArray();
                Runner.check(bytes.length > 100 && bytes[0] == (byte) 0xca && bytes[1] == (byte) 0xfe, name);
                sizes.put(name, java.util.Arrays.hashCode(bytes));
            });
        }
        if (expected == null) expected = sizes;
        Runner.check(sizes.size() >= sources.size() && sizes.equals(expected), "classes " + sizes.keySet());
    }
}

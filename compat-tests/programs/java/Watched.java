import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** A running virtual machine looked at by other processes: jcmd, jstack, jstat's file, a dump of its heap. */
public class Watched {
    static String tool(String... words) throws Exception {
        words[0] = System.getProperty("java.home") + "/bin/" + words[0];
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes());
        return text + "status " + process.waitFor();
    }

    static void shelved(Object lock) {
        synchronized (lock) {
            try {
                lock.wait();
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static void expect(String name, String text, String... fragments) {
        for (String fragment : fragments) {
            if (!text.contains(fragment)) {
                System.out.println(name + ": lacks \"" + fragment + "\" in\n" + text);
                return;
            }
        }
        System.out.println(name + ": right");
    }

    public static void main(String[] args) throws Exception {
        Object lock = new Object();
        Thread sleeper = new Thread(() -> shelved(lock), "the-sleeper");
        sleeper.setDaemon(true);
        sleeper.start();
        Thread spinner = new Thread(() -> {
            while (true) Thread.onSpinWait();
        }, "the-spinner");
        spinner.setDaemon(true);
        spinner.start();
        String pid = "" + ProcessHandle.current().pid();
        expect("jcmd", tool("jcmd", pid, "Thread.print"), "\"the-sleeper\"", "Watched.shelved", "\"the-spinner\"", "status 0");
        expect("jstack", tool("jstack", pid), "\"the-sleeper\"", "in Object.wait()", "status 0");
        expect("jcmd list", tool("jcmd", "-l"), pid + " Watched", "status 0");
        Path dump = Files.createTempDirectory("watched").resolve("heap.hprof");
        expect("heap dump", tool("jcmd", pid, "GC.heap_dump", dump.toString()), "Heap dump file created", "status 0");
        expect("heap dump file", new String(Files.readAllBytes(dump), 0, 12, "ISO-8859-1"), "JAVA PROFILE");
        expect("jstat", tool("jstat", "-gcutil", pid), "YGC", "status 0");
        int seen = ManagementFactory.getThreadMXBean().dumpAllThreads(true, true).length;
        System.out.println("threads: " + (seen >= 3));
    }
}

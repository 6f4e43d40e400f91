import java.util.List;

/** A virtual machine from its start to its end. */
class Startup implements Runner.Workload {
    /** What is started. */
    public static class Hello {
        public static void main(String[] args) {
            System.out.println("hello " + List.of(args));
        }
    }

    @Override
    public void operation() throws Exception {
        String java = System.getProperty("java.home") + "/bin/java";
        String path = System.getProperty("java.class.path");
        Process process = new ProcessBuilder(java, "-Xmx32m", "-cp", path, "Startup$Hello", "a", "b").start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes());
        Runner.check(process.waitFor() == 0 && said.equals("hello [a, b]\n"), said);
    }
}

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs one row: {@code java Runner ROW [PERCENT]}. The work is fixed, so many operations to warm up and so many that
 * count, shared out to one thread for each CPU; what varies is how long it takes. Lines for whoever measures:
 * {@code begin ROW}, {@code end ROW OPERATIONS SECONDS}.
 */
public class Runner {
    /** One operation; throws when its result is wrong. Each thread has an instance of its own. */
    interface Workload {
        void operation() throws Exception;
    }

    interface Maker {
        Workload make() throws Exception;
    }

    record Row(int warmUp, int counted, Maker maker) {}

    static final Map<String, Row> ROWS = new TreeMap<>();

    static {
        ROWS.put("startup", new Row(1, 4, Startup::new));
        ROWS.put("compiler.compiler", new Row(1, 1, () -> new Compiler(".*")));
        ROWS.put("compiler.sunflow", new Row(1, 3, () -> new Compiler("Tracer")));
        ROWS.put("compress", new Row(100, 320, Compress::new));
        ROWS.put("crypto.aes", new Row(12, 40, () -> new Crypto.Ciphers()));
        ROWS.put("crypto.rsa", new Row(30, 100, () -> new Crypto.Rsa()));
        ROWS.put("crypto.signverify", new Row(12, 40, () -> new Crypto.Signatures()));
        ROWS.put("derby", new Row(2, 8, Database::new));
        ROWS.put("mpegaudio", new Row(60, 160, Audio::new));
        ROWS.put("scimark.fft.large", new Row(12, 45, () -> new Kernels.Fft(1 << 17)));
        ROWS.put("scimark.fft.small", new Row(4000, 12000, () -> new Kernels.Fft(512)));
        ROWS.put("scimark.lu.large", new Row(8, 24, () -> new Kernels.Lu(384)));
        ROWS.put("scimark.lu.small", new Row(400, 1100, () -> new Kernels.Lu(100)));
        ROWS.put("scimark.sor.large", new Row(6, 20, () -> new Kernels.Sor(1000)));
        ROWS.put("scimark.sor.small", new Row(120, 330, () -> new Kernels.Sor(250)));
        ROWS.put("scimark.sparse.large", new Row(16, 50, () -> new Kernels.Sparse(200_000)));
        ROWS.put("scimark.sparse.small", new Row(240, 640, () -> new Kernels.Sparse(25_000)));
        ROWS.put("scimark.monte_carlo", new Row(50, 180, () -> new Kernels.MonteCarlo()));
        ROWS.put("serial", new Row(40, 90, Serial::new));
        ROWS.put("sunflow", new Row(12, 40, Tracer::new));
        ROWS.put("xml.transform", new Row(40, 80, () -> new Xml.Transform()));
        ROWS.put("xml.validation", new Row(50, 110, () -> new Xml.Validation()));
    }

    /** Lets every workload do its share of {@code operations}; gives the number done and the nanoseconds it took. */
    static long[] run(Workload[] workloads, int operations) throws Exception {
        int share = Math.max(1, operations / workloads.length);
        AtomicReference<Exception> failure = new AtomicReference<>();
        Thread[] threads = new Thread[workloads.length];
        long start = System.nanoTime();
        for (int i = 0; i < threads.length; i++) {
            Workload workload = workloads[i];
            threads[i] = new Thread(() -> {
                try {
                    for (int n = 0; n < share; n++) workload.operation();
                } catch (Exception error) {
                    failure.set(error);
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        long nanoseconds = System.nanoTime() - start;
        if (failure.get() != null) throw failure.get();
        return new long[] {(long) share * workloads.length, nanoseconds};
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 0) {
            ROWS.keySet().forEach(System.out::println);
            return;
        }
        Row row = ROWS.get(args[0]);
        if (row == null) throw new IllegalArgumentException("no row " + args[0]);
        int percent = args.length > 1 ? Integer.parseInt(args[1]) : 100;
        Workload[] workloads = new Workload[Runtime.getRuntime().availableProcessors()];
        for (int i = 0; i < workloads.length; i++) workloads[i] = row.maker.make();
        run(workloads, Math.max(1, row.warmUp * percent / 100));
        System.out.println("begin " + args[0]);
        long[] done = run(workloads, Math.max(1, row.counted * percent / 100));
        System.out.println("end " + args[0] + " " + done[0] + " " + done[1] / 1e9);
        System.exit(0);
    }

    /** For the workloads' checks. */
    static void check(boolean right, String what) {
        if (!right) throw new IllegalStateException("wrong result: " + what);
    }
}

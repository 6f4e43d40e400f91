import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * {@code java Soak SECONDS}: allocation, threads and exceptions, again and again until the time is up. Each part knows
 * what must come out; the first that is wrong ends the program with its name.
 */
public class Soak {
    static final int THREADS = 4;

    static final class Expected extends Exception {
        private static final long serialVersionUID = 1;

        final int number;

        Expected(int number) {
            super("number " + number);
            this.number = number;
        }
    }

    record Link(Link next, int value) {}

    static void check(boolean right, String what) {
        if (!right) throw new IllegalStateException("wrong: " + what);
    }

    /** Maps, lists and long chains: some live for a round, most for a moment. */
    static int allocation(int seed) {
        Map<Integer, int[]> kept = new HashMap<>();
        ArrayDeque<String> recent = new ArrayDeque<>();
        Link chain = null;
        int state = seed;
        for (int i = 0; i < 20_000; i++) {
            state = state * 1103515245 + 12345;
            int key = state >>> 16 & 511;
            int[] block = new int[16 + (state >>> 20 & 255)];
            block[block.length - 1] = key;
            kept.put(key, block);
            recent.add("n" + key);
            if (recent.size() > 300) check(recent.remove().startsWith("n"), "a string");
            chain = new Link(i % 2_000 == 0 ? null : chain, i);
        }
        for (var entry : kept.entrySet()) check(entry.getValue()[entry.getValue().length - 1] == entry.getKey(), "a block");
        int length = 0;
        for (Link link = chain; link != null; link = link.next()) check(link.value() == 19_999 - length++, "a link");
        // Larger than any thread's own buffer, and than half a region.
        byte[] large = new byte[3 << 20];
        large[large.length - 1] = 1;
        return length + large[large.length - 1];
    }

    static int deep(int depth) {
        return depth == 0 ? 0 : 1 + deep(depth - 1);
    }

    static int endless(int depth) {
        return endless(depth + 1) + 1;
    }

    /** Those that compiled code finds by a fault, those that it throws, and those that unwind many frames. */
    static int exceptions(int seed) {
        Object[] maybe = {null, "text", 7};
        int caught = 0;
        for (int i = 0; i < 3_000; i++) {
            try {
                caught += maybe[(i + seed & Integer.MAX_VALUE) % 4].hashCode() & 0;
            } catch (NullPointerException | ArrayIndexOutOfBoundsException error) {
                caught++;
            }
            try {
                if (i % 3 == 0) throw new Expected(i);
                caught += (String) maybe[i % 2 + 1] == null ? 1 : 0;
            } catch (Expected error) {
                check(error.number == i && error.getStackTrace().length > 0, "an exception");
                caught++;
            } catch (ClassCastException error) {
                caught++;
            }
        }
        for (int i = 0; i < 3; i++) {
            try {
                endless(0);
            } catch (StackOverflowError error) {
                caught++;
            }
        }
        check(deep(500) == 500, "recursion");
        return caught;
    }

    /** Numbers through a short queue from one thread to another. */
    static int threads(int seed) throws Exception {
        BlockingQueue<Integer> queue = new ArrayBlockingQueue<>(4);
        Thread sender = new Thread(() -> {
            try {
                for (int i = 0; i < 500; i++) queue.put(seed + i);
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
        });
        sender.start();
        for (int i = 0; i < 500; i++) check(queue.take() == seed + i, "a number");
        sender.join();
        Thread sleeper = new Thread(() -> {
            try {
                Thread.sleep(3_600_000);
                check(false, "a sleep that nobody interrupted");
            } catch (InterruptedException error) {
                // As it should be.
            }
        });
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
        return 500;
    }

    /** Fills the heap until it is full. */
    static int full() {
        List<byte[]> all = new ArrayList<>();
        try {
            while (true) all.add(new byte[1 << 20]);
        } catch (OutOfMemoryError error) {
            int held = all.size();
            all.clear();
            return held;
        }
    }

    static void round(ExecutorService pool, int round) throws InterruptedException, ExecutionException {
        List<Callable<Integer>> parts = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
            int seed = round * THREADS + thread;
            parts.add(() -> allocation(seed));
            parts.add(() -> exceptions(seed));
            parts.add(() -> threads(seed));
        }
        int[] least = {2_000, 3_000, 500};
        int index = 0;
        for (Future<Integer> part : pool.invokeAll(parts)) {
            int done = part.get();
            check(done >= least[index % 3], "part " + index % 3 + " gave " + done);
            index++;
        }
    }

    public static void main(String[] args) throws Exception {
        long start = System.nanoTime(), end = start + Long.parseLong(args[0]) * 1_000_000_000L;
        int rounds = 0, full = 0;
        long told = start;
        while (System.nanoTime() < end || rounds == 0) {
            ExecutorService pool = Executors.newFixedThreadPool(THREADS);
            round(pool, rounds++);
            pool.shutdown();
            if (rounds % 20 == 1) {
                check(full() >= 16, "the heap holds 16 MiB");
                full++;
            }
            if (System.nanoTime() - told > 60_000_000_000L) {
                told = System.nanoTime();
                System.err.println((told - start) / 1_000_000_000L + " s, " + rounds + " rounds");
            }
        }
        System.err.println((System.nanoTime() - start) / 1_000_000_000L + " s, " + rounds + " rounds, heap full " + full);
        System.out.println("everything was right");
        System.exit(0);
    }
}

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Threads that allocate far more than the heap holds, keep a part of it, and know what they kept. */
public class Churn {
    static long work(int seed, int rounds) {
        Map<Integer, int[]> kept = new HashMap<>();
        int state = seed;
        for (int i = 0; i < rounds; i++) {
            state = state * 1103515245 + 12345;
            int key = state >>> 16 & 1023;
            int[] block = new int[64 + (state >>> 20 & 255)];
            block[block.length - 1] = key;
            kept.put(key, block);
        }
        long wrong = 0;
        for (var entry : kept.entrySet()) if (entry.getValue()[entry.getValue().length - 1] != entry.getKey()) wrong++;
        return wrong * 1_000_000 + kept.size();
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> results = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int seed = i;
            results.add(pool.submit(() -> work(seed, 60_000)));
        }
        long sum = 0;
        for (Future<Long> result : results) sum += result.get();
        pool.shutdown();
        System.gc();
        long collections = 0;
        for (var collector : java.lang.management.ManagementFactory.getGarbageCollectorMXBeans()) {
            collections += collector.getCollectionCount();
        }
        System.out.println("kept " + sum + " collected " + (collections > 3));
    }
}

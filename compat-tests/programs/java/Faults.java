import java.util.ArrayList;
import java.util.List;

/** What a virtual machine makes of faults: null checks, guard pages at the end of stacks, a heap that is full. */
public class Faults {
    static final class Node {
        int value;
        Node next;
    }

    static int depth;

    static int value(Node node) {
        return node.value;
    }

    static int deeper(int level) {
        depth = level;
        return deeper(level + 1) + 1;
    }

    /** Doubles are live in vector registers across the faults: each must survive them. */
    static int nullChecks() {
        Node node = new Node();
        node.value = 3;
        int caught = 0;
        long sum = 0;
        double a = 1, b = 2, c = 3, d = 4;
        for (int i = 0; i < 300_000; i++) {
            a += 0.5;
            b += 0.25;
            c += 0.125;
            d += 2;
            try {
                sum += value(i % 100 == 0 ? null : node);
            } catch (NullPointerException fault) {
                caught++;
            }
        }
        boolean right = a == 150_001 && b == 75_002 && c == 37_503 && d == 600_004 && sum == 891_000;
        return right ? caught : -1;
    }

    static int overflows(int count) {
        int caught = 0;
        for (int i = 0; i < count; i++) {
            try {
                deeper(0);
            } catch (StackOverflowError end) {
                caught++;
            }
        }
        return caught;
    }

    static int outOfMemory(int count) {
        int caught = 0;
        for (int i = 0; i < count; i++) {
            try {
                List<byte[]> hoard = new ArrayList<>();
                while (true) hoard.add(new byte[4 << 20]);
            } catch (OutOfMemoryError end) {
                caught++;
            }
        }
        return caught;
    }

    static int inThreads(int count) throws InterruptedException {
        Thread[] threads = new Thread[count];
        int[] caught = new int[count];
        for (int i = 0; i < count; i++) {
            int mine = i;
            // Stacks of different sizes: the guard pages lie elsewhere in each.
            threads[i] = new Thread(null, () -> caught[mine] = overflows(3), "deep-" + i, (256 << 10) << (i % 3));
            threads[i].start();
        }
        int sum = 0;
        for (int i = 0; i < count; i++) {
            threads[i].join();
            sum += caught[i];
        }
        return sum;
    }

    public static void main(String[] args) throws Exception {
        System.out.println("null checks " + nullChecks());
        System.out.println("overflows " + overflows(3) + " deep " + (depth > 1000));
        // On a small stack, since every frame is looked at when the exception is made.
        int[] caught = new int[1];
        Thread small = new Thread(null, () -> caught[0] = overflows(1000), "small", 192 << 10);
        small.start();
        small.join();
        System.out.println("a thousand overflows " + caught[0]);
        System.out.println("out of memory " + outOfMemory(3));
        System.out.println("in threads " + inThreads(12));
        System.out.println("again " + nullChecks() + " " + overflows(10));
    }
}

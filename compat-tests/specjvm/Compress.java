import java.util.Arrays;
import java.util.Random;

/** LZW with codes of up to 16 bits, there and back. */
class Compress implements Runner.Workload {
    private static final int CODES = 1 << 16;
    private static final int TABLE = 1 << 18;

    private final byte[] plain = new byte[256 << 10];
    private final int[] packed = new int[plain.length];
    private final byte[] unpacked = new byte[plain.length];
    private final long[] keys = new long[TABLE];
    private final int[] codes = new int[TABLE];
    private final int[] parents = new int[CODES];
    private final byte[] lasts = new byte[CODES];
    private final byte[] stack = new byte[CODES];

    Compress() {
        // Words of a small language, so that there is something to find.
        Random random = new Random(7);
        byte[][] words = new byte[400][];
        for (int i = 0; i < words.length; i++) {
            words[i] = new byte[2 + random.nextInt(9)];
            for (int k = 0; k < words[i].length; k++) words[i][k] = (byte) ('a' + random.nextInt(26));
        }
        for (int at = 0; at < plain.length;) {
            byte[] word = words[(int) Math.min(words.length - 1, Math.abs(random.nextGaussian()) * 120)];
            for (int k = 0; k < word.length && at < plain.length; k++) plain[at++] = word[k];
            if (at < plain.length) plain[at++] = ' ';
        }
    }

    private int pack() {
        Arrays.fill(keys, -1);
        int next = 256, count = 0, current = plain[0] & 255;
        for (int i = 1; i < plain.length; i++) {
            int symbol = plain[i] & 255;
            long key = (long) current << 8 | symbol;
            int slot = (int) (key * 0x9E3779B97F4A7C15L >>> 46);
            while (keys[slot] != -1 && keys[slot] != key) slot = slot + 1 & TABLE - 1;
            if (keys[slot] == key) {
                current = codes[slot];
            } else {
                packed[count++] = current;
                if (next < CODES) {
                    keys[slot] = key;
                    codes[slot] = next++;
                }
                current = symbol;
            }
        }
        packed[count++] = current;
        return count;
    }

    private int unpack(int count) {
        int next = 256, length = 0, before = packed[0];
        byte first = (byte) before;
        unpacked[length++] = first;
        for (int i = 1; i < count; i++) {
            int code = packed[i], depth = 0;
            if (code == next) {
                stack[depth++] = first;
                code = before;
            }
            while (code >= 256) {
                stack[depth++] = lasts[code];
                code = parents[code];
            }
            first = (byte) code;
            stack[depth++] = first;
            while (depth > 0) unpacked[length++] = stack[--depth];
            if (next < CODES) {
                parents[next] = before;
                lasts[next++] = first;
            }
            before = packed[i];
        }
        return length;
    }

    @Override
    public void operation() {
        int count = pack();
        Runner.check(count < plain.length / 3, "it became no smaller: " + count);
        Runner.check(unpack(count) == plain.length && Arrays.equals(plain, unpacked), "not what went in");
    }
}

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How much of a heap that grew to its data's size is mapped by pages of 2 MiB. */
public class Pages {
    /** HotSpot puts a heap as small as this one below 4 GiB, where nothing else without a file is. */
    static final long END = 1L << 32;

    public static void main(String[] args) throws Exception {
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 1600; i++) kept.add(new byte[64 << 10]);
        long resident = 0, huge = 0;
        boolean counts = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            String[] words = line.trim().split("\\s+");
            if (words[0].matches("[0-9a-f]+-[0-9a-f]+")) {
                counts = words.length == 5 && Long.parseUnsignedLong(words[0].split("-")[1], 16) <= END;
            } else if (counts && words[0].equals("Rss:")) {
                resident += Long.parseLong(words[1]);
            } else if (counts && words[0].equals("AnonHugePages:")) {
                huge += Long.parseLong(words[1]);
            }
        }
        System.err.println(kept.size() + " blocks: " + huge + " KiB of " + resident);
        boolean holdsAll = resident >= kept.size() * 64L;
        System.out.println("resident " + holdsAll + ", of pages of 2 MiB " + (huge >= resident / 4 * 3));
    }
}

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** What Java asks of the system around it, one line for each service: its name and what came of it. */
public class Services {
    interface Service {
        String run() throws Exception;
    }

    static void show(String name, Service service) {
        String result;
        try {
            result = service.run();
        } catch (Throwable failure) {
            failure.printStackTrace();
            result = failure.toString();
        }
        System.out.println(name + ": " + result);
    }

    static String execute(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes()).trim();
        return text + " " + process.waitFor();
    }

    /** A line goes to and fro through one selector that serves both ends. */
    static String select() throws Exception {
        Selector selector = Selector.open();
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress("127.0.0.1", 0)).configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        SocketChannel client = SocketChannel.open(server.getLocalAddress());
        client.configureBlocking(false);
        client.register(selector, SelectionKey.OP_WRITE);
        ByteBuffer buffer = ByteBuffer.allocateDirect(64);
        int rounds = 0;
        while (rounds < 50) {
            selector.select(10_000);
            var keys = selector.selectedKeys().iterator();
            while (keys.hasNext()) {
                SelectionKey key = keys.next();
                keys.remove();
                if (key.isAcceptable()) {
                    server.accept().configureBlocking(false).register(selector, SelectionKey.OP_READ);
                } else if (key.isWritable()) {
                    ((SocketChannel) key.channel()).write(ByteBuffer.wrap("ping".getBytes()));
                    key.interestOps(SelectionKey.OP_READ);
                } else if (key.isReadable()) {
                    buffer.clear();
                    if (((SocketChannel) key.channel()).read(buffer) == 4) rounds++;
                    key.interestOps(SelectionKey.OP_WRITE);
                }
            }
        }
        client.close();
        server.close();
        String kind = selector.provider().getClass().getSimpleName();
        selector.close();
        return kind + " " + rounds;
    }

    static String timers() throws Exception {
        CountDownLatch ticks = new CountDownLatch(5);
        Timer timer = new Timer(true);
        timer.schedule(new TimerTask() {
            @Override
            public void run() {
                ticks.countDown();
            }
        }, 5, 5);
        ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(2);
        AtomicInteger runs = new AtomicInteger();
        var future = scheduler.scheduleAtFixedRate(runs::incrementAndGet, 1, 2, TimeUnit.MILLISECONDS);
        long start = System.nanoTime();
        Thread.sleep(50);
        boolean slept = System.nanoTime() - start >= 50_000_000L;
        boolean ticked = ticks.await(30, TimeUnit.SECONDS);
        while (runs.get() < 5) Thread.onSpinWait();
        future.cancel(false);
        scheduler.shutdown();
        boolean ended = scheduler.awaitTermination(30, TimeUnit.SECONDS);
        timer.cancel();
        Object lock = new Object();
        synchronized (lock) {
            lock.wait(5);
        }
        return slept + " " + ticked + " " + ended;
    }

    static String files() throws Exception {
        Path folder = Files.createTempDirectory("services");
        Path file = folder.resolve("a");
        Files.writeString(file, "0123456789");
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw");
                FileChannel channel = access.getChannel()) {
            MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 10);
            map.put(3, (byte) 'x');
            map.force();
            try (FileLock lock = channel.lock()) {
                access.seek(lock.isValid() ? 10 : 0);
                access.write("end".getBytes());
            }
        }
        Path moved = Files.move(file, folder.resolve("b"));
        String text = Files.readString(moved);
        long count;
        try (var list = Files.list(folder)) {
            count = list.count();
        }
        Files.delete(moved);
        Files.delete(folder);
        return text + " " + count + " " + Files.exists(folder);
    }

    /** SIGTERM from a process of our own is not for us to lose: a hook runs, which the exit status shows. */
    static String process() throws Exception {
        ProcessHandle self = ProcessHandle.current();
        Process child = new ProcessBuilder("/bin/busybox", "sleep", "100").start();
        boolean alive = child.isAlive() && child.toHandle().parent().get().pid() == self.pid();
        child.destroy();
        return alive + " " + child.waitFor();
    }

    static String names() throws Exception {
        InetAddress local = InetAddress.getByName("localhost");
        String unknown;
        try {
            unknown = InetAddress.getByName("no-such-name.invalid").toString();
        } catch (java.net.UnknownHostException expected) {
            unknown = "unknown";
        }
        return local.isLoopbackAddress() + " " + InetAddress.getByName("192.0.2.1").getHostAddress() + " " + unknown;
    }

    public static void main(String[] args) throws Exception {
        show("exec", () -> execute("/bin/busybox", "sh", "-c", "echo $((6*7)); exit 3"));
        show("exec missing", () -> {
            try {
                return execute("/no/such/program");
            } catch (java.io.IOException expected) {
                return "refused";
            }
        });
        show("exec often", () -> {
            int right = 0;
            for (int i = 0; i < 20; i++) if (execute("/bin/busybox", "echo", "x" + i).equals("x" + i + " 0")) right++;
            return "" + right;
        });
        show("process", Services::process);
        show("pipe", () -> {
            Process cat = new ProcessBuilder("/bin/busybox", "cat").start();
            try (OutputStream to = cat.getOutputStream()) {
                to.write("through\n".getBytes());
            }
            try (BufferedReader from = new BufferedReader(new InputStreamReader(cat.getInputStream()))) {
                return from.readLine() + " " + cat.waitFor();
            }
        });
        show("select", Services::select);
        show("timers", Services::timers);
        show("files", Services::files);
        show("names", Services::names);
        show("zone", () -> ZonedDateTime.of(2024, 7, 1, 12, 0, 0, 0, ZoneId.of("UTC"))
                .withZoneSameInstant(ZoneId.of("America/New_York")).toString());
        show("resource", () -> {
            try (InputStream in = Object.class.getResourceAsStream("Object.class")) {
                return "" + (in.readNBytes(4)[0] == (byte) 0xca);
            }
        });
        show("cpus", () -> "" + (Runtime.getRuntime().availableProcessors() > 0));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook: ran")));
    }
}

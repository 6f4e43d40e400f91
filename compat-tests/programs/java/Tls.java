import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A TLS handshake between two threads, with a certificate made for it, and the system's own certificates read. */
public class Tls {
    static final char[] PASSWORD = "changeit".toCharArray();

    static KeyStore store(File folder) throws Exception {
        String file = new File(folder, "keys.p12").getPath();
        // keytool is a program of the JDK: this also starts a second virtual machine.
        String tool = System.getProperty("java.home") + "/bin/keytool";
        Process made = new ProcessBuilder(tool, "-genkeypair", "-alias", "a", "-keyalg", "EC", "-groupname", "secp256r1",
                "-dname", "CN=localhost", "-validity", "3650", "-storetype", "PKCS12", "-keystore", file,
                "-storepass", new String(PASSWORD)).redirectErrorStream(true).start();
        String said = new String(made.getInputStream().readAllBytes());
        if (made.waitFor() != 0) throw new IllegalStateException(said);
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(file)) {
            store.load(in, PASSWORD);
        }
        return store;
    }

    static SSLContext context(KeyStore store) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, PASSWORD);
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("a", store.getCertificate("a"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    static String exchange(SSLContext context, String protocol) throws Exception {
        try (SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0)) {
            Thread echo = new Thread(() -> {
                try (SSLSocket socket = (SSLSocket) server.accept()) {
                    socket.getOutputStream().write(socket.getInputStream().readNBytes(5));
                } catch (Exception failure) {
                    failure.printStackTrace();
                }
            });
            echo.start();
            try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", server.getLocalPort())) {
                socket.setEnabledProtocols(new String[] {protocol});
                OutputStream out = socket.getOutputStream();
                InputStream in = socket.getInputStream();
                out.write("hello".getBytes());
                out.flush();
                String answer = new String(in.readNBytes(5));
                String agreed = socket.getSession().getProtocol();
                echo.join();
                return agreed + " " + answer;
            }
        }
    }

    public static void main(String[] args) throws Exception {
        SSLContext context = context(store(Files.createTempDirectory("tls").toFile()));
        System.out.println("tls: " + exchange(context, "TLSv1.3"));
        System.out.println("tls: " + exchange(context, "TLSv1.2"));
        TrustManagerFactory system = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        system.init((KeyStore) null);
        var manager = (javax.net.ssl.X509TrustManager) system.getTrustManagers()[0];
        System.out.println("authorities: " + (manager.getAcceptedIssuers().length > 10));
    }
}

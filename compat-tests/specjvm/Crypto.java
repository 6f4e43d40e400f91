import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.Arrays;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** The JDK's own ciphers and signatures. */
class Crypto {
    static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    static KeyPair pair(String algorithm, int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        // The same primes each time, or the search for them would differ from run to run.
        SecureRandom random = SecureRandom.getInstance("SHA1PRNG");
        random.setSeed(bits);
        generator.initialize(bits, random);
        return generator.generateKeyPair();
    }

    /** AES and triple DES in CBC mode, there and back. */
    static class Ciphers implements Runner.Workload {
        private final byte[] text = bytes(200_000);

        @Override
        public void operation() throws Exception {
            roundTrip("AES", 16, 16, text);
            roundTrip("AES", 32, 16, text);
            roundTrip("DESede", 24, 8, Arrays.copyOf(text, text.length / 8));
        }

        private static void roundTrip(String name, int keyLength, int block, byte[] text) throws Exception {
            SecretKeySpec key = new SecretKeySpec(bytes(keyLength), name);
            Cipher cipher = Cipher.getInstance(name + "/CBC/PKCS5Padding");
            cipher.init(Cipher.ENCRYPT_MODE, key, new IvParameterSpec(new byte[block]));
            byte[] secret = cipher.doFinal(text);
            cipher.init(Cipher.DECRYPT_MODE, key, new IvParameterSpec(new byte[block]));
            Runner.check(!Arrays.equals(secret, 0, 64, text, 0, 64), name);
            Runner.check(Arrays.equals(cipher.doFinal(secret), text), name);
        }
    }

    /** RSA of 1024 bits in blocks. */
    static class Rsa implements Runner.Workload {
        private final KeyPair pair = pair("RSA", 1024);

        Rsa() throws Exception {}

        @Override
        public void operation() throws Exception {
            Cipher to = Cipher.getInstance("RSA/ECB/PKCS1Padding");
            Cipher back = Cipher.getInstance("RSA/ECB/PKCS1Padding");
            to.init(Cipher.ENCRYPT_MODE, pair.getPublic());
            back.init(Cipher.DECRYPT_MODE, pair.getPrivate());
            for (int i = 0; i < 4; i++) {
                byte[] text = bytes(60 + i);
                Runner.check(Arrays.equals(back.doFinal(to.doFinal(text)), text), "RSA");
            }
        }
    }

    /** Signatures made, verified, and found out when the text changes. */
    static class Signatures implements Runner.Workload {
        private final KeyPair rsa = pair("RSA", 1024);
        private final KeyPair dsa = pair("DSA", 1024);
        private final byte[] text = bytes(30_000);

        Signatures() throws Exception {}

        @Override
        public void operation() throws Exception {
            for (String name : new String[] {"MD5withRSA", "SHA1withRSA", "SHA256withRSA"}) signed(name, rsa);
            signed("SHA1withDSA", dsa);
            signed("SHA256withDSA", dsa);
        }

        private void signed(String name, KeyPair pair) throws Exception {
            Signature signature = Signature.getInstance(name);
            signature.initSign(pair.getPrivate());
            signature.update(text);
            byte[] made = signature.sign();
            for (boolean changed : new boolean[] {false, true}) {
                signature.initVerify(pair.getPublic());
                signature.update(text);
                if (changed) signature.update((byte) 1);
                Runner.check(signature.verify(made) != changed, name);
            }
        }
    }
}

import java.io.ByteArrayInputStream;
import javazoom.jl.decoder.Bitstream;
import javazoom.jl.decoder.Decoder;
import javazoom.jl.decoder.Header;
import javazoom.jl.decoder.SampleBuffer;

/**
 * A decoder of MPEG audio (JLayer, from its jar) on a stream made here: Layer I, mono, a tone in one of the 32
 * subbands after the other, whose pitch the decoded samples must have.
 */
class Audio implements Runner.Workload {
    private static final int FRAMES_PER_BAND = 6;
    private static final int BANDS = 24;
    private static final int RATE = 44_100;
    /** 384 kbit/s at 44.1 kHz, unpadded: 12 * 384000 / 44100 slots of four bytes. */
    private static final int FRAME = 12 * 384_000 / RATE * 4;
    private final byte[] stream = stream();

    private static final class Bits {
        final byte[] bytes = new byte[FRAME];
        int at;

        void put(int value, int count) {
            for (int bit = count - 1; bit >= 0; bit--, at++) bytes[at >> 3] |= (byte) ((value >> bit & 1) << 7 - (at & 7));
        }
    }

    private static byte[] stream() {
        byte[] stream = new byte[BANDS * FRAMES_PER_BAND * FRAME];
        int at = 0;
        for (int band = 0; band < BANDS; band++) {
            for (int frame = 0; frame < FRAMES_PER_BAND; frame++) {
                Bits bits = new Bits();
                bits.put(0xfff, 12);
                bits.put(0b1111, 4); // MPEG-1, Layer I, no checksum
                bits.put(0b1100, 4); // 384 kbit/s
                bits.put(0, 4); // 44.1 kHz, no padding
                bits.put(0b11000000, 8); // mono
                // Noise of a few bits in every other band keeps the decoder busy; the tone drowns it.
                for (int i = 0; i < 32; i++) bits.put(i == band ? 9 : 3, 4);
                for (int i = 0; i < 32; i++) bits.put(i == band ? 3 : 60, 6);
                for (int sample = 0; sample < 12; sample++) {
                    for (int i = 0; i < 32; i++) {
                        int noise = (sample * 31 + i * 17 + frame * 7) % 15;
                        // A quarter of the subband's rate: the tone lies in the middle of the band.
                        if (i == band) bits.put((sample & 2) == 0 ? 900 : 120, 10);
                        else bits.put(noise, 4);
                    }
                }
                System.arraycopy(bits.bytes, 0, stream, at, FRAME);
                at += FRAME;
            }
        }
        return stream;
    }

    @Override
    public void operation() throws Exception {
        Bitstream bitstream = new Bitstream(new ByteArrayInputStream(stream));
        Decoder decoder = new Decoder();
        for (int band = 0; band < BANDS; band++) {
            int crossings = 0, samples = 0, before = 0;
            for (int frame = 0; frame < FRAMES_PER_BAND; frame++) {
                Header header = bitstream.readFrame();
                Runner.check(header != null && header.layer() == 1, "frame " + frame + " of band " + band);
                SampleBuffer buffer = (SampleBuffer) decoder.decodeFrame(header, bitstream);
                // The first frames still hold the tone before.
                for (int i = 0; frame >= 3 && i < buffer.getBufferLength(); i++, samples++) {
                    int sample = buffer.getBuffer()[i];
                    if (before < 0 != sample < 0) crossings++;
                    before = sample;
                }
                bitstream.closeFrame();
            }
            double pitch = crossings * (double) RATE / samples / 2, width = RATE / 64.0;
            Runner.check(pitch > band * width * 0.9 && pitch < (band + 1) * width * 1.1, "band " + band + " sounds at " + pitch);
        }
        bitstream.close();
    }
}

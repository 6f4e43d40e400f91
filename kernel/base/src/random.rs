//! The kernel's random generator: ChaCha20, seeded from RDRAND and virtio-rng by bring-up, with fast key erasure.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use spin::Mutex;

static GENERATOR: Mutex<Option<ChaCha20Rng>> = Mutex::new(None);

/// Mixes `entropy` into the generator's key. Bring-up calls it before anything asks for random bytes.
pub fn seed(entropy: [u8; 32]) {
    let mut generator = GENERATOR.lock();
    let mut key = entropy;
    if let Some(old) = generator.as_mut() {
        let mut mix = [0u8; 32];
        old.fill_bytes(&mut mix);
        for (k, m) in key.iter_mut().zip(mix) {
            *k ^= m;
        }
    }
    *generator = Some(ChaCha20Rng::from_seed(key));
}

/// Whether the generator was seeded.
pub fn is_seeded() -> bool {
    GENERATOR.lock().is_some()
}

/// Fills `out`; `false` (and zeros) when the generator was never seeded.
pub fn fill(out: &mut [u8]) -> bool {
    let mut generator = GENERATOR.lock();
    match generator.as_mut() {
        Some(rng) => {
            rng.fill_bytes(out);
            // Fast key erasure: what was handed out cannot be recomputed from a later memory dump.
            let mut key = [0u8; 32];
            rng.fill_bytes(&mut key);
            *rng = ChaCha20Rng::from_seed(key);
            true
        }
        None => {
            out.fill(0);
            false
        }
    }
}

/// A random number; 0 when unseeded.
pub fn u64() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

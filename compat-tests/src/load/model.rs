//! What one connection's keys must hold, and what it does next.

use std::collections::BTreeMap;

/// Keys of a connection.
const KEYS: u64 = 200;
const COUNTERS: u64 = 4;
const LARGEST: u64 = 500_000;

/// splitmix64: small, and the same everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The length of a value.
    pub fn length(&mut self) -> usize {
        let (low, high) = if self.below(100) == 0 { (4096.0, LARGEST as f64) } else { (10.0, 4096.0) };
        (f64::ln(low) + self.fraction() * (f64::ln(high) - f64::ln(low))).exp() as usize
    }
}

/// A value, by what it is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub seed: u64,
    pub len: usize,
}

impl Value {
    pub fn bytes(self) -> Vec<u8> {
        let mut random = Random(self.seed);
        let mut bytes = Vec::with_capacity(self.len + 8);
        while bytes.len() < self.len {
            bytes.extend(random.next().to_le_bytes());
        }
        bytes.truncate(self.len);
        bytes
    }

    pub fn flags(self) -> u32 {
        (self.seed >> 32) as u32
    }

    /// How something differs from this.
    pub fn difference(self, flags: u32, bytes: &[u8]) -> String {
        let right = self.bytes();
        if flags != self.flags() {
            return format!("flags {flags} instead of {}", self.flags());
        }
        match right.iter().zip(bytes).position(|(a, b)| a != b) {
            Some(at) => format!("byte {at} of {} differs", right.len()),
            None => format!("{} bytes instead of {}", bytes.len(), right.len()),
        }
    }
}

/// An operation.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Set { key: String, value: Value },
    Get { keys: Vec<String> },
    Delete { key: String },
    Increment { key: String, by: u64 },
}

impl Step {
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Set { .. } => "set",
            Step::Get { keys } if keys.len() > 1 => "get of several",
            Step::Get { .. } => "get",
            Step::Delete { .. } => "delete",
            Step::Increment { .. } => "incr",
        }
    }
}

/// A connection's keys.
#[derive(Debug)]
pub(super) struct Model {
    number: usize,
    random: Random,
    held: BTreeMap<String, Value>,
    counters: BTreeMap<String, u64>,
    budget: u64,
}

impl Model {
    pub fn new(number: usize, seed: u64, budget: u64) -> Model {
        let mut random = Random(seed ^ (number as u64) << 32);
        random.next();
        Model { number, random, held: BTreeMap::new(), counters: BTreeMap::new(), budget }
    }

    fn key(&mut self) -> String {
        format!("c{}:{}", self.number, self.random.below(KEYS))
    }

    pub fn next(&mut self) -> Step {
        match self.random.below(100) {
            0..35 => {
                let value = Value { seed: self.random.next(), len: self.random.length() };
                let key = self.key();
                match self.budget.checked_sub(value.len as u64) {
                    Some(rest) => {
                        self.budget = rest;
                        Step::Set { key, value }
                    }
                    None => Step::Get { keys: vec![key] },
                }
            }
            35..80 => Step::Get { keys: vec![self.key()] },
            80..90 => {
                let mut keys: Vec<String> = (0..2 + self.random.below(9)).map(|_| self.key()).collect();
                keys.sort();
                keys.dedup();
                Step::Get { keys }
            }
            90..94 => Step::Delete { key: self.key() },
            _ => {
                let key = format!("n{}:{}", self.number, self.random.below(COUNTERS));
                Step::Increment { key, by: self.random.below(1 << 40) }
            }
        }
    }

    pub fn stored(&mut self, key: &str, value: Value) {
        self.held.insert(key.to_owned(), value);
    }

    pub fn dropped(&mut self, key: &str) {
        self.held.remove(key);
    }

    pub fn expected(&self, key: &str) -> Option<Value> {
        self.held.get(key).copied()
    }

    /// What a counter must read now; `None` when it does not exist.
    pub fn incremented(&mut self, key: &str, by: u64) -> Option<u64> {
        let counter = self.counters.get_mut(key)?;
        *counter = counter.wrapping_add(by);
        Some(*counter)
    }

    pub fn reset_counter(&mut self, key: &str) {
        self.counters.insert(key.to_owned(), 0);
    }
}

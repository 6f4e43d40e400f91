//! Arguments: the System V `va_list`, read word by word.

use core::ffi::c_void;

/// What to take from a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer or pointer.
    Int,
    /// A double.
    Double,
    /// A long double.
    LongDouble,
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// An integer's or pointer's word; of an int the low half counts.
    Word(u64),
    /// A double.
    Double(f64),
    /// A long double: mantissa, then sign and exponent.
    LongDouble(u64, u16),
}

impl Value {
    /// The word; 0 for what is none.
    #[must_use]
    pub fn word(self) -> u64 {
        match self {
            Value::Word(word) => word,
            _ => 0,
        }
    }
}

/// A `va_list`'s only element.
#[repr(C)]
#[derive(Debug)]
struct Raw {
    general: u32,
    vector: u32,
    stack: *const u64,
    registers: *const u8,
}

const GENERAL_END: u32 = 48;
const VECTOR_END: u32 = 176;

/// A list that is being read. The caller's own advances with it, as C leaves unsaid.
#[derive(Debug)]
pub struct List(*mut Raw);

impl List {
    /// The list behind a `va_list` argument.
    #[must_use]
    pub fn new(list: *mut c_void) -> Self {
        List(list.cast())
    }

    /// Takes the next argument.
    ///
    /// # Safety
    /// The list is alive and has one of that kind.
    pub unsafe fn take(&mut self, kind: Kind) -> Value {
        // SAFETY: the caller's promise; the ABI says where each kind lies.
        unsafe {
            let raw = &mut *self.0;
            match kind {
                Kind::Int if raw.general < GENERAL_END => {
                    let word = raw.registers.add(raw.general as usize).cast::<u64>().read();
                    raw.general += 8;
                    Value::Word(word)
                }
                Kind::Double if raw.vector < VECTOR_END => {
                    let value = raw.registers.add(raw.vector as usize).cast::<f64>().read();
                    raw.vector += 16;
                    Value::Double(value)
                }
                Kind::Int | Kind::Double => {
                    let word = raw.stack.read();
                    raw.stack = raw.stack.add(1);
                    if kind == Kind::Int { Value::Word(word) } else { Value::Double(f64::from_bits(word)) }
                }
                Kind::LongDouble => {
                    raw.stack = raw.stack.map_addr(|at| (at + 15) & !15);
                    let value = Value::LongDouble(raw.stack.read(), raw.stack.add(1).read() as u16);
                    raw.stack = raw.stack.add(2);
                    value
                }
            }
        }
    }
}

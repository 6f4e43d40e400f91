//! Link planning: input, needed, layout, resolve, reloc, tls, start -> Plan. No unsafe, no I/O.
#![no_std]

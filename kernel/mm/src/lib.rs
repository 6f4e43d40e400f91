//! Frames, kernel heap, address spaces, demand paging, the Pager trait.
#![no_std]

//! System call handlers by man-page area, over the crates below.
#![no_std]

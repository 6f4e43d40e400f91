//! musl's pure parts, built from its pinned and verified source.
#![no_std]

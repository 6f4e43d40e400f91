//! Classifier, flows, handshakes and sockets.
#![no_std]

//! virtio transports, queues and devices; the device is not trusted.
#![no_std]

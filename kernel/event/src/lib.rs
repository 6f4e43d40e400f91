//! epoll, poll, pipes, eventfd, timerfd.
#![no_std]

// Stands for a C library of the future, at link time.
unsigned long strlen(const char *text) {
    (void)text;
    return 0;
}

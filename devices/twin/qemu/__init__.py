"""QEMU twins of boards: a real boot loader, a real kernel and a real distribution on an emulated machine."""

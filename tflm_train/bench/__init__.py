"""Reference workloads on an emulated device: instructions, modelled cycles, memory, accuracy."""

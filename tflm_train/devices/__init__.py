"""Where models train: one interface, one module per kind of device."""

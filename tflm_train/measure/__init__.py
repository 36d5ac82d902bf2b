"""What a step costs on an emulated board: instructions, modelled cycles, stack, flash."""

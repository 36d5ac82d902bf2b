"""The version of the distribution, the wheel and the C++ library."""

__version__ = "0.1.0"

// The model and the samples of these tests.
#include "../../src/digits/digits_images.cpp"
#include "../../src/digits/digits_mlp.cpp"

package main

// gemm writes the register tiles of the matrix product.
func gemm() {}

package kernel

var vecNEON = vecGeneric

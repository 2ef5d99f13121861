// Stands for a module that is not to be had: what witnessctl names of it, so that it compiles.
module sigsum.org/sigsum-go

go 1.25.0

// Package merkle has what witnessctl names.
package merkle

import "sigsum.org/sigsum-go/pkg/crypto"

// HashEmptyTree is the root of the tree without leaves (RFC 6962).
func HashEmptyTree() crypto.Hash { return crypto.HashBytes(nil) }

// Package crypto has what witnessctl names.
package crypto

import "crypto/sha256"

// PublicKeySize is in bytes.
const PublicKeySize = 32

// PublicKey is an Ed25519 key.
type PublicKey [PublicKeySize]byte

// Hash is SHA-256.
type Hash [32]byte

// HashBytes hashes b.
func HashBytes(b []byte) Hash { return sha256.Sum256(b) }

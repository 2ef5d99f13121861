package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkCheckpoint: two libraries read both vkeys and find both signatures valid.
func checkCheckpoint(s *subject) (string, error) {
	if err := s.checkSignatures(s.checkpoint); err != nil {
		return "", err
	}
	return "the checkpoint's Ed25519 and ML-DSA-44 signatures", nil
}

func (s *subject) checkSignatures(signed []byte) error {
	ed25519, mldsa, err := s.verifiers()
	if err != nil {
		return err
	}
	theirs := []note.Verifier{ed25519, mldsa}
	others := []note.Verifier{}
	for _, vkey := range []string{s.ed25519, s.mldsa} {
		verifier, err := formats.NewVerifier(vkey)
		if err != nil {
			return fmt.Errorf("transparency-dev/formats, vkey %q: %w", vkey, err)
		}
		others = append(others, verifier)
	}
	for _, verifiers := range [][]note.Verifier{theirs, others} {
		opened, err := note.Open(signed, note.VerifierList(verifiers...))
		if err != nil {
			return fmt.Errorf("%w: %q", err, signed)
		}
		if len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
			return fmt.Errorf("%d signatures are valid and %d unknown, not 2 and 0: %q",
				len(opened.Sigs), len(opened.UnverifiedSigs), signed)
		}
	}
	return nil
}

// verifiers are x/mod's for the Ed25519 key and torchwood's for the other.
func (s *subject) verifiers() (ed25519, mldsa note.Verifier, err error) {
	if ed25519, err = note.NewVerifier(s.ed25519); err != nil {
		return nil, nil, fmt.Errorf("x/mod, vkey %q: %w", s.ed25519, err)
	}
	if mldsa, err = torchwood.NewCosignatureVerifier(s.mldsa); err != nil {
		return nil, nil, fmt.Errorf("torchwood, vkey %q: %w", s.mldsa, err)
	}
	return ed25519, mldsa, nil
}

// checkHistory: every tree head ever published is signed twice, is the tree of its size, and is consistent with the newest one.
func checkHistory(s *subject) (string, error) {
	count := 0
	for before := int64(math.MaxInt32); before > 0; {
		var page struct {
			Heads []struct {
				Checkpoint string `json:"checkpoint"`
			} `json:"sths"`
			Next *int64 `json:"next"`
		}
		if err := s.getJSON(&page, "sths?before=%d", before); err != nil {
			return "", err
		}
		for _, head := range page.Heads {
			if err := s.checkHead([]byte(head.Checkpoint)); err != nil {
				return "", err
			}
			count++
		}
		before = 0
		if page.Next != nil {
			before = *page.Next
		}
	}
	if count < 2 {
		return "", fmt.Errorf("%d tree heads were published: nothing to compare", count)
	}
	return fmt.Sprintf("%d tree heads", count), nil
}

func (s *subject) checkHead(signed []byte) error {
	older, err := s.believe(signed)
	if err != nil {
		return err
	}
	if err := s.checkSignatures(signed); err != nil {
		return err
	}
	tree, err := s.at(older.N)
	if err != nil {
		return err
	}
	if tree != older {
		return fmt.Errorf("at size %d %v was signed; the tiles have %v", older.N, older.Hash, tree.Hash)
	}
	if older.N == 0 { // x/mod knows no proof from nothing
		return nil
	}
	return s.checkGrowth(older, s.tree)
}

// checkProofFile: .tlog-proof files verify under a policy with one key and under one that asks for both signatures, for their own
// entry only, and are what torchwood and transparency-dev/formats write, byte for byte.
func checkProofFile(s *subject) (string, error) {
	onePolicy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nquorum none\n", s.ed25519))
	if err != nil {
		return "", err
	}
	ed25519, mldsa, err := s.verifiers()
	if err != nil {
		return "", err
	}
	bothPolicy := torchwood.ThresholdPolicy(3, torchwood.OriginPolicy(s.origin),
		torchwood.SingleVerifierPolicy(ed25519), torchwood.SingleVerifierPolicy(mldsa))
	reader := tlog.TileHashReader(s.tree, tiles{s})
	indexes := s.indexes(s.tree.N)
	for _, index := range indexes {
		file, err := s.get(fmt.Sprintf("entries/%d/proof", index))
		if err != nil {
			return "", err
		}
		entry, err := s.get(fmt.Sprintf("entries/%d", index))
		if err != nil {
			return "", err
		}
		for _, policy := range []torchwood.Policy{onePolicy, bothPolicy} {
			if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), file); err != nil {
				return "", fmt.Errorf("entry %d: %w: %q", index, err, file)
			}
			var refusal *torchwood.VerifyRecordError
			if err := torchwood.VerifyProof(policy, tlog.RecordHash([]byte("another")), file); !errors.As(err, &refusal) {
				return "", fmt.Errorf("entry %d: its proof was not refused for another entry: %v", index, err)
			}
		}
		if err := s.checkFormat(file, index, reader); err != nil {
			return "", fmt.Errorf("entry %d: %w: %q", index, err, file)
		}
	}
	return fmt.Sprintf("%d proof files", len(indexes)), nil
}

func (s *subject) checkFormat(file []byte, index int64, reader tlog.HashReader) error {
	var parsed proof.TLogProof
	if err := parsed.Unmarshal(file); err != nil {
		return err
	}
	if !bytes.Equal(parsed.Marshal(), file) {
		return fmt.Errorf("formats writes it as %q", parsed.Marshal())
	}
	tree, err := s.believe(parsed.Checkpoint)
	if err != nil {
		return err
	}
	path, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return err
	}
	if want := torchwood.FormatProof(index, path, parsed.Checkpoint); !bytes.Equal(want, file) {
		return fmt.Errorf("torchwood writes it as %q", want)
	}
	return nil
}

// checkEntries: torchwood's client reads the whole log and authenticates every entry.
func checkEntries(s *subject) (string, error) {
	fetcher, err := torchwood.NewTileFetcher(s.base, torchwood.WithConcurrencyLimit(8))
	if err != nil {
		return "", err
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		return "", err
	}
	count := int64(0)
	distinct := map[string]bool{}
	for index, entry := range client.AllEntries(context.Background(), s.tree, 0) {
		if index != count {
			return "", fmt.Errorf("entry %d came where %d was due", index, count)
		}
		distinct[strings.Clone(string(entry))] = true
		count++
	}
	if err := client.Err(); err != nil {
		return "", err
	}
	if count != s.tree.N || int64(len(distinct)) != s.tree.N {
		return "", fmt.Errorf("%d entries, %d of them different, in a log of %d", count, len(distinct), s.tree.N)
	}
	return fmt.Sprintf("%d entries", count), nil
}

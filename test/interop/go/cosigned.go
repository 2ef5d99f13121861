package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/torchwood"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// checkCosigned: torchwood finds the policy satisfied by the checkpoint and, where proofs are served, by a proof file; x/mod
// opens the note with the keys of the log and of every witness, as torchwood and formats read them, and no line is left over.
// Without the lines of any one signer, the policy, which asks for all of them, refuses it.
func checkCosigned(s *subject) (string, error) {
	text, err := os.ReadFile(s.policy)
	if err != nil {
		return "", err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return "", fmt.Errorf("torchwood, policy %q: %w", text, err)
	}
	signers, err := s.checkAllSignatures(text)
	if err != nil {
		return "", err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(s.checkpoint, policy)
	if err != nil {
		return "", fmt.Errorf("%w: %q", err, s.checkpoint)
	}
	if checkpoint.Tree != s.tree {
		return "", fmt.Errorf("torchwood reads %v, x/mod %v", checkpoint.Tree, s.tree)
	}
	for _, name := range signers {
		if _, _, err := torchwood.VerifyCheckpoint(without(s.checkpoint, name), policy); err == nil {
			return "", fmt.Errorf("the policy is satisfied without %s: %q", name, s.checkpoint)
		}
	}
	if err := s.checkCosignedProof(policy, signers); err != nil {
		return "", err
	}
	return fmt.Sprintf("signatures of %s", strings.Join(signers, ", ")), nil
}

// checkAllSignatures returns the names of the signers that the policy names.
func (s *subject) checkAllSignatures(policy []byte) ([]string, error) {
	ed25519, mldsa, err := s.verifiers()
	if err != nil {
		return nil, err
	}
	theirs := []note.Verifier{ed25519, mldsa}
	vkeys := []string{s.ed25519, s.mldsa}
	names := []string{s.origin}
	for line := range strings.Lines(string(policy)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "witness" {
			witness, err := torchwood.NewCosignatureVerifier(fields[2])
			if err != nil {
				return nil, fmt.Errorf("torchwood, vkey %q: %w", fields[2], err)
			}
			theirs = append(theirs, witness)
			vkeys = append(vkeys, fields[2])
			names = append(names, witness.Name())
		}
	}
	others := []note.Verifier{}
	for _, vkey := range vkeys {
		verifier, err := formats.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("transparency-dev/formats, vkey %q: %w", vkey, err)
		}
		others = append(others, verifier)
	}
	for _, verifiers := range [][]note.Verifier{theirs, others} {
		opened, err := note.Open(s.checkpoint, note.VerifierList(verifiers...))
		if err != nil {
			return nil, fmt.Errorf("%w: %q", err, s.checkpoint)
		}
		if len(opened.Sigs) != len(verifiers) || len(opened.UnverifiedSigs) != 0 {
			return nil, fmt.Errorf("%d signatures are valid and %d unknown, not %d and 0: %q",
				len(opened.Sigs), len(opened.UnverifiedSigs), len(verifiers), s.checkpoint)
		}
	}
	return names, nil
}

func (s *subject) checkCosignedProof(policy torchwood.Policy, signers []string) error {
	if s.copied {
		return nil
	}
	for _, index := range []int64{0, s.tree.N - 1} {
		file, err := s.get(fmt.Sprintf("entries/%d/proof", index))
		if err != nil {
			return err
		}
		entry, err := s.get(fmt.Sprintf("entries/%d", index))
		if err != nil {
			return err
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), file); err != nil {
			return fmt.Errorf("entry %d: %w: %q", index, err, file)
		}
		var refusal *torchwood.VerifyRecordError
		if err := torchwood.VerifyProof(policy, tlog.RecordHash([]byte("another")), file); !errors.As(err, &refusal) {
			return fmt.Errorf("entry %d: its proof was not refused for another entry: %v", index, err)
		}
		for _, name := range signers {
			if torchwood.VerifyProof(policy, tlog.RecordHash(entry), without(file, name)) == nil {
				return fmt.Errorf("entry %d: the policy is satisfied without %s: %q", index, name, file)
			}
		}
	}
	return nil
}

// without is a note, or what ends with one, that lacks the signature lines of one name.
func without(signed []byte, name string) []byte {
	kept := []byte{}
	for line := range bytes.Lines(signed) {
		if !bytes.HasPrefix(line, []byte("— "+name+" ")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

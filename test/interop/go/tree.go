package main

import (
	"fmt"
	"slices"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// checkInclusion: what the service proves is what x/mod proves from the tiles, and x/mod accepts it for the entry.
func checkInclusion(s *subject) (string, error) {
	count := 0
	for _, size := range s.sizes() {
		tree, err := s.at(size)
		if err != nil {
			return "", err
		}
		// Tiles as they were at that size, partial ones included, authenticated by its own root.
		reader := tlog.TileHashReader(tree, tiles{s})
		for _, index := range s.indexes(size) {
			if err := s.checkRecord(tree, reader, index); err != nil {
				return "", fmt.Errorf("entry %d at size %d: %w", index, size, err)
			}
			count++
		}
	}
	return fmt.Sprintf("%d inclusion proofs", count), nil
}

func (s *subject) checkRecord(tree tlog.Tree, reader tlog.HashReader, index int64) error {
	entry, err := s.get(fmt.Sprintf("entries/%d", index))
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash(entry)
	want, err := tlog.ProveRecord(tree.N, index, reader)
	if err != nil {
		return err
	}
	for _, which := range []string{fmt.Sprintf("index=%d", index), fmt.Sprintf("hash=%x", leaf[:])} {
		var answer struct {
			LeafIndex int64    `json:"leaf_index"`
			TreeSize  int64    `json:"tree_size"`
			AuditPath []string `json:"audit_path"`
		}
		if err := s.getJSON(&answer, "proofs/inclusion?%s&size=%d", which, tree.N); err != nil {
			return err
		}
		if answer.LeafIndex != index || answer.TreeSize != tree.N {
			return fmt.Errorf("%s: the answer is about entry %d at size %d", which, answer.LeafIndex, answer.TreeSize)
		}
		got, err := hashes(answer.AuditPath)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s: audit path is %v; from the tiles it is %v", which, got, want)
		}
		if err := tlog.CheckRecord(got, tree.N, tree.Hash, index, leaf); err != nil {
			return fmt.Errorf("%s: %w", which, err)
		}
	}
	return nil
}

// checkConsistency: the same of consistency proofs, for every pair of sizes.
func checkConsistency(s *subject) (string, error) {
	count := 0
	sizes := s.sizes()
	for i, to := range sizes {
		newer, err := s.at(to)
		if err != nil {
			return "", err
		}
		for _, from := range sizes[:i+1] {
			older, err := s.at(from)
			if err != nil {
				return "", err
			}
			if err := s.checkGrowth(older, newer); err != nil {
				return "", fmt.Errorf("from %d to %d: %w", from, to, err)
			}
			count++
		}
	}
	return fmt.Sprintf("%d consistency proofs", count), nil
}

func (s *subject) checkGrowth(older, newer tlog.Tree) error {
	var answer struct {
		Consistency []string `json:"consistency"`
	}
	if err := s.getJSON(&answer, "proofs/consistency?from=%d&to=%d", older.N, newer.N); err != nil {
		return err
	}
	got, err := hashes(answer.Consistency)
	if err != nil {
		return err
	}
	want, err := tlog.ProveTree(newer.N, older.N, tlog.TileHashReader(newer, tiles{s}))
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("proof is %v; from the tiles it is %v", got, want)
	}
	return tlog.CheckTree(got, newer.N, newer.Hash, older.N, older.Hash)
}

// checkSubtree: the same of subtree proofs, by torchwood. Every subtree that two of the sizes make.
func checkSubtree(s *subject) (string, error) {
	count := 0
	for _, size := range s.sizes() {
		tree, err := s.at(size)
		if err != nil {
			return "", err
		}
		for _, start := range []int64{0, 1, 4, 256, 512, 32_768, 65_536} {
			for _, end := range upTo(append(s.sizes(), start+1, start+3, start+200, start+256, start+300), size) {
				if !torchwood.ValidSubtree(start, end) {
					continue
				}
				if err := s.checkSubtreeOf(tree, start, end); err != nil {
					return "", fmt.Errorf("subtree [%d, %d) at size %d: %w", start, end, size, err)
				}
				count++
			}
		}
	}
	return fmt.Sprintf("%d subtree proofs", count), nil
}

func (s *subject) checkSubtreeOf(tree tlog.Tree, start, end int64) error {
	var answer struct {
		SubtreeHash  string   `json:"subtree_hash"`
		SubtreeProof []string `json:"subtree_proof"`
	}
	if err := s.getJSON(&answer, "proofs/subtree?start=%d&end=%d&size=%d", start, end, tree.N); err != nil {
		return err
	}
	root, err := hashes([]string{answer.SubtreeHash})
	if err != nil {
		return err
	}
	got, err := hashes(answer.SubtreeProof)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles{s})
	wantRoot, err := torchwood.SubtreeHash(start, end, reader)
	if err != nil {
		return err
	}
	want, err := torchwood.ProveSubtree(tree.N, start, end, reader)
	if err != nil {
		return err
	}
	if root[0] != wantRoot || !slices.Equal(got, want) {
		return fmt.Errorf("hash %v and proof %v; from the tiles they are %v and %v", root[0], got, wantRoot, want)
	}
	return torchwood.CheckSubtree(got, tree.N, tree.Hash, start, end, root[0])
}

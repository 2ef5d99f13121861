package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// subject is the log that is checked. Its tree is the one of the checkpoint it served when the check began.
type subject struct {
	base, origin, ed25519, mldsa, policy string
	copied                               bool
	checkpoint                           []byte
	tree                                 tlog.Tree
}

// open fetches the checkpoint and believes what its Ed25519 signature covers.
func (s *subject) open() (err error) {
	if s.checkpoint, err = s.get("checkpoint"); err != nil {
		return err
	}
	s.tree, err = s.believe(s.checkpoint)
	return err
}

// believe is the tree of a note that has a valid signature by the log's Ed25519 key and the log's origin.
func (s *subject) believe(signed []byte) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(s.ed25519)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("vkey %q: %w", s.ed25519, err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %q", err, signed)
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %q", err, opened.Text)
	}
	if checkpoint.Origin != s.origin {
		return tlog.Tree{}, fmt.Errorf("origin is %q, not %q", checkpoint.Origin, s.origin)
	}
	return checkpoint.Tree, nil
}

// get is the body of an answer with status 200.
func (s *subject) get(path string) ([]byte, error) {
	response, err := http.Get(s.base + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d: %s", path, response.StatusCode, body)
	}
	return body, nil
}

func (s *subject) getJSON(answer any, format string, args ...any) error {
	path := fmt.Sprintf(format, args...)
	body, err := s.get(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("%s: %w: %s", path, err, body)
	}
	return nil
}

// at is the tree at an earlier size, as its tiles have it: they are authenticated by the checkpoint.
func (s *subject) at(size int64) (tlog.Tree, error) {
	root, err := tlog.TreeHash(size, tlog.TileHashReader(s.tree, tiles{s}))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("root at %d: %w", size, err)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// tiles fetches hash tiles for x/mod, whose own paths begin with the height of its tiles: tile/8/0/001 is tile/0/001 here.
type tiles struct{ *subject }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		path, ok := strings.CutPrefix(tile.Path(), "tile/8/")
		if !ok {
			return nil, fmt.Errorf("no tile of height 8: %s", tile.Path())
		}
		var err error
		if data[i], err = t.get("tile/" + path); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// hashes reads the base64 that JSON has for a list of hashes.
func hashes(list []string) ([]tlog.Hash, error) {
	found := []tlog.Hash{}
	for _, text := range list {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("%q is not a hash in base64: %w", text, err)
		}
		found = append(found, tlog.Hash(raw))
	}
	return found, nil
}

// sizes are those around which trees change their shape, up to the size of the tree.
func (s *subject) sizes() []int64 {
	all := []int64{1, 2, 3, 7, 255, 256, 257, 511, 65_535, 65_536, 65_537, s.tree.N - 1, s.tree.N}
	return upTo(all, s.tree.N)
}

// indexes are the corners of bundles and tiles, and some drawn at random but always the same.
func (s *subject) indexes(below int64) []int64 {
	all := []int64{0, 1, 254, 255, 256, 257, 65_279, 65_280, 65_535, 65_536, s.tree.N - 2, s.tree.N - 1}
	random := rand.New(rand.NewPCG(0, uint64(s.tree.N)))
	for range 12 {
		all = append(all, random.Int64N(s.tree.N))
	}
	return upTo(all, below-1)
}

func upTo(all []int64, most int64) []int64 {
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(n int64) bool { return n < 0 || n > most })
}

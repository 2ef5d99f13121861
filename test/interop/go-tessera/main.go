// A Tessera log in a folder. With a witness, ours, its checkpoints are published only when that has cosigned them: Tessera's own
// witness client asks it. Two growths, so that the second needs a consistency proof; the last checkpoint goes to stdout, with an empty
// line and the number of entries before it.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	dir := flag.String("dir", "", "folder of the log")
	skey := flag.String("skey", "", "private key of the log")
	vkey := flag.String("witness_vkey", "", "Ed25519 vkey of the witness, if there is one")
	witness := flag.String("witness_url", "", "URL of the witness")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *dir, *skey, *vkey, *witness); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir, skey, vkey, witness string) error {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(100*time.Millisecond).
		WithBatching(64, 50*time.Millisecond)
	if vkey != "" {
		root, err := url.Parse(witness)
		if err != nil {
			return err
		}
		w, err := tessera.NewWitness(vkey, root)
		if err != nil {
			return err
		}
		options = options.WithWitnesses(tessera.NewWitnessGroup(1, w), &tessera.WitnessOptions{})
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	total := 0
	var checkpoint []byte
	for _, count := range []int{3, 297} {
		var last tessera.IndexFuture
		for range count {
			last = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d", total)))
			total++
		}
		if _, checkpoint, err = awaiter.Await(ctx, last); err != nil {
			return err
		}
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	fmt.Printf("%d\n\n%s", total, checkpoint)
	return nil
}

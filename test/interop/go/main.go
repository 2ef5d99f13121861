// Checks a prooflog log with the tile, note and proof libraries of others: golang.org/x/mod/sumdb, filippo.io/torchwood and
// github.com/transparency-dev/formats. One check per run. What was verified is told on stdout; whatever does not hold ends
// the program with status 1 and a line on stderr. Nothing is taken from the service but what is being checked: origin and keys
// are arguments.
package main

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
)

var checks = map[string]func(*subject) (string, error){
	"checkpoint":  checkCheckpoint,
	"history":     checkHistory,
	"inclusion":   checkInclusion,
	"consistency": checkConsistency,
	"subtree":     checkSubtree,
	"proof-file":  checkProofFile,
	"entries":     checkEntries,
	"cosigned":    checkCosigned,
}

func main() {
	var s subject
	flag.StringVar(&s.base, "url", "", "URL of the log, without a slash at its end")
	flag.StringVar(&s.origin, "origin", "", "origin of the log")
	flag.StringVar(&s.ed25519, "ed25519", "", "the log's Ed25519 vkey")
	flag.StringVar(&s.mldsa, "mldsa", "", "the log's ML-DSA-44 vkey")
	flag.BoolVar(&s.copied, "copied", false, "for cosigned: the log is a copy, which has tiles and no proofs")
	flag.StringVar(&s.policy, "policy", "", "for cosigned: file with the policy that the checkpoint has to satisfy")
	flag.Parse()
	check, known := checks[flag.Arg(0)]
	if !known {
		fail(fmt.Errorf("say what to check: %s", strings.Join(names(), ", ")))
	}
	if err := s.open(); err != nil {
		fail(err)
	}
	verified, err := check(&s)
	if err != nil {
		fail(err)
	}
	fmt.Printf("verified: %s; the log has %d entries\n", verified, s.tree.N)
}

func names() []string {
	var all []string
	for name := range checks {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Measures the Go threshold library tss-lib on the jobs of `deno task bench`: all parties of a
// ceremony in this process, over channels, each message written and read as on a wire.
//
//	go run . -n 3 -t 1 -runs 5 -preparams ../../../testdata/preparams.json
//
// Prints one JSON object {"rows": [...]}. CPU is that of the process divided by the parties.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"sort"
	"syscall"
	"time"

	"github.com/bnb-chain/tss-lib/v2/common"
	ecdsakeygen "github.com/bnb-chain/tss-lib/v2/ecdsa/keygen"
	ecdsareshare "github.com/bnb-chain/tss-lib/v2/ecdsa/resharing"
	ecdsasign "github.com/bnb-chain/tss-lib/v2/ecdsa/signing"
	eddsakeygen "github.com/bnb-chain/tss-lib/v2/eddsa/keygen"
	eddsasign "github.com/bnb-chain/tss-lib/v2/eddsa/signing"
	"github.com/bnb-chain/tss-lib/v2/tss"
)

type row struct {
	Job       string  `json:"job"`
	N         int     `json:"n"`
	Threshold int     `json:"threshold"`
	CPU       float64 `json:"cpu_s_per_node"`
	Wall      float64 `json:"wall_s"`
	Messages  int     `json:"messages"`
	Bytes     int     `json:"bytes"`
	Runs      int     `json:"runs"`
}

type seat struct {
	party tss.Party
	old   bool
}

// traffic counts what a ceremony sends, once per receiver.
type traffic struct{ messages, bytes int }

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// run starts all parties and passes their messages on until `count` results have come.
func run[T any](seats []seat, out chan tss.Message, end chan T, count int) ([]T, traffic) {
	failed := make(chan error, 64)
	for _, s := range seats {
		go func(p tss.Party) {
			if err := p.Start(); err != nil {
				failed <- err
			}
		}(s.party)
	}
	var sent traffic
	deliver := func(to seat, msg tss.Message, wire []byte) {
		sent.messages++
		sent.bytes += len(wire)
		go func() {
			parsed, err := tss.ParseWireMessage(wire, msg.GetFrom(), msg.IsBroadcast())
			if err != nil {
				failed <- err
				return
			}
			if _, err := to.party.Update(parsed); err != nil {
				failed <- err
			}
		}()
	}
	var results []T
	for len(results) < count {
		select {
		case err := <-failed:
			fail(err)
		case msg := <-out:
			wire, _, err := msg.WireBytes()
			if err != nil {
				fail(err)
			}
			from, dest := msg.GetFrom(), msg.GetTo()
			for _, s := range seats {
				if s.party.PartyID() == from {
					continue
				}
				wanted := dest == nil
				for _, d := range dest {
					wanted = wanted || d.KeyInt().Cmp(s.party.PartyID().KeyInt()) == 0
				}
				if wanted {
					deliver(s, msg, wire)
				}
			}
		case r := <-end:
			results = append(results, r)
		}
	}
	return results, sent
}

func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

func median(xs []float64) float64 {
	sorted := append([]float64(nil), xs...)
	sort.Float64s(sorted)
	return sorted[len(sorted)/2]
}

func measure(job string, n, t, parties, runs int, work func() traffic) row {
	var cpus, walls []float64
	var sent traffic
	for i := 0; i < runs; i++ {
		before, begun := cpu(), time.Now()
		sent = work()
		cpus = append(cpus, (cpu()-before)/float64(parties))
		walls = append(walls, time.Since(begun).Seconds())
	}
	return row{job, n, t, median(cpus), median(walls), sent.messages, sent.bytes, runs}
}

func partyIDs(n int, shift int64) tss.SortedPartyIDs {
	var ids tss.UnSortedPartyIDs
	for i := 0; i < n; i++ {
		key := sha256.Sum256([]byte(fmt.Sprint("party ", i)))
		k := new(big.Int).Add(new(big.Int).SetBytes(key[:20]), big.NewInt(shift))
		ids = append(ids, tss.NewPartyID(fmt.Sprint(shift, "/", i), "", k))
	}
	return tss.SortPartyIDs(ids)
}

func main() {
	n := flag.Int("n", 3, "parties")
	t := flag.Int("t", 1, "threshold: t + 1 sign")
	runs := flag.Int("runs", 5, "runs of each job")
	file := flag.String("preparams", "", "JSON list of pre-parameters")
	flag.Parse()
	text, err := os.ReadFile(*file)
	if err != nil {
		fail(err)
	}
	var sets []ecdsakeygen.LocalPreParams
	if err := json.Unmarshal(text, &sets); err != nil {
		fail(err)
	}
	if len(sets) < *n {
		fail(fmt.Errorf("%d sets of pre-parameters for %d parties", len(sets), *n))
	}
	rows := append(ecdsaRows(*n, *t, *runs, sets), eddsaRows(*n, *t, *runs)...)
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"rows": rows}); err != nil {
		fail(err)
	}
}

func ecdsaRows(n, t, runs int, sets []ecdsakeygen.LocalPreParams) []row {
	curve, ids := tss.S256(), partyIDs(n, 0)
	ctx := tss.NewPeerContext(ids)
	saves := make([]*ecdsakeygen.LocalPartySaveData, n)
	keep := func(list []*ecdsakeygen.LocalPartySaveData) {
		for _, s := range list {
			i, err := s.OriginalIndex()
			if err != nil {
				fail(err)
			}
			saves[i] = s
		}
	}
	keygen := measure("ecdsa keygen", n, t, n, runs, func() traffic {
		out, end := make(chan tss.Message, 4096), make(chan *ecdsakeygen.LocalPartySaveData, n)
		var seats []seat
		for i, id := range ids {
			params := tss.NewParameters(curve, ctx, id, n, t)
			seats = append(seats, seat{party: ecdsakeygen.NewLocalParty(params, out, end, sets[i])})
		}
		list, sent := run(seats, out, end, n)
		keep(list)
		return sent
	})
	sign := func(count int) row {
		signers := tss.SortPartyIDs(tss.UnSortedPartyIDs(append([]*tss.PartyID(nil), ids[:count]...)))
		signerCtx := tss.NewPeerContext(signers)
		digest := new(big.Int).SetBytes(make([]byte, 31)).SetBit(new(big.Int), 250, 1)
		return measure(fmt.Sprintf("ecdsa sign, %d signers", count), n, t, count, runs, func() traffic {
			out, end := make(chan tss.Message, 4096), make(chan *common.SignatureData, count)
			var seats []seat
			for i, id := range signers {
				params := tss.NewParameters(curve, signerCtx, id, count, t)
				subset := ecdsakeygen.BuildLocalSaveDataSubset(*saves[i], signers)
				seats = append(seats, seat{party: ecdsasign.NewLocalParty(digest, params, subset, out, end)})
			}
			_, sent := run(seats, out, end, count)
			return sent
		})
	}
	rows := []row{keygen, sign(t + 1)}
	if n > t+1 {
		rows = append(rows, sign(n))
	}
	reshare := measure(fmt.Sprintf("ecdsa reshare %d to %d", n, n), n, t, n, runs, func() traffic {
		newIDs := partyIDs(n, 1)
		newCtx := tss.NewPeerContext(newIDs)
		out, end := make(chan tss.Message, 4096), make(chan *ecdsakeygen.LocalPartySaveData, 2*n)
		var seats []seat
		for i, id := range newIDs {
			params := tss.NewReSharingParameters(curve, ctx, newCtx, id, n, t, n, t)
			save := ecdsakeygen.NewLocalPartySaveData(n)
			save.LocalPreParams = sets[i]
			seats = append(seats, seat{party: ecdsareshare.NewLocalParty(params, save, out, end)})
		}
		for i, id := range ids {
			params := tss.NewReSharingParameters(curve, ctx, newCtx, id, n, t, n, t)
			// The old parties clear what they are given.
			text, _ := json.Marshal(saves[i])
			var copied ecdsakeygen.LocalPartySaveData
			if err := json.Unmarshal(text, &copied); err != nil {
				fail(err)
			}
			seats = append(seats, seat{party: ecdsareshare.NewLocalParty(params, copied, out, end), old: true})
		}
		_, sent := run(seats, out, end, 2*n)
		return sent
	})
	return append(rows, reshare)
}

func eddsaRows(n, t, runs int) []row {
	curve, ids := tss.Edwards(), partyIDs(n, 0)
	ctx := tss.NewPeerContext(ids)
	saves := make([]*eddsakeygen.LocalPartySaveData, n)
	keygen := measure("eddsa keygen", n, t, n, runs, func() traffic {
		out, end := make(chan tss.Message, 4096), make(chan *eddsakeygen.LocalPartySaveData, n)
		var seats []seat
		for _, id := range ids {
			params := tss.NewParameters(curve, ctx, id, n, t)
			seats = append(seats, seat{party: eddsakeygen.NewLocalParty(params, out, end)})
		}
		list, sent := run(seats, out, end, n)
		for _, s := range list {
			i, err := s.OriginalIndex()
			if err != nil {
				fail(err)
			}
			saves[i] = s
		}
		return sent
	})
	count := t + 1
	signers := tss.SortPartyIDs(tss.UnSortedPartyIDs(append([]*tss.PartyID(nil), ids[:count]...)))
	signerCtx := tss.NewPeerContext(signers)
	sign := measure(fmt.Sprintf("eddsa sign, %d signers", count), n, t, count, runs, func() traffic {
		out, end := make(chan tss.Message, 4096), make(chan *common.SignatureData, count)
		var seats []seat
		for i, id := range signers {
			params := tss.NewParameters(curve, signerCtx, id, count, t)
			subset := eddsakeygen.BuildLocalSaveDataSubset(*saves[i], signers)
			seats = append(seats, seat{party: eddsasign.NewLocalParty(big.NewInt(42), params, subset, out, end)})
		}
		_, sent := run(seats, out, end, count)
		return sent
	})
	return []row{keygen, sign}
}
